//! The entry of a component without Spin: it answers with the model that it carries, gives no ids and keeps nothing.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{Request, Response};
use picket_service::Service;
use spin_sdk::http::{FullBody, Request as HostRequest};
use spin_sdk::http_service;

use crate::{bundled, exchange};

/// What this instance answers with; nothing of a request is in it.
static SERVICE: LazyLock<Result<Service, String>> = LazyLock::new(|| {
    let (model, scoring) = bundled::model()?;
    Ok(bundled::service(model, Box::new(scoring)))
});

#[http_service]
async fn handle(request: HostRequest) -> Response<FullBody<Bytes>> {
    exchange::sent(match &*SERVICE {
        Ok(service) => answer(service, request).await,
        Err(reason) => exchange::without_model(reason),
    })
}

async fn answer(service: &Service, request: HostRequest) -> Response<Bytes> {
    let (head, body) = request.into_parts();
    let head = Request::from_parts(head, ());
    match exchange::read(body, service.limits().max_body).await {
        Ok(body) => service.handle(&head.map(|()| body)),
        Err(problem) => service.refuse(&head, problem),
    }
}
