//! The page and its files.

use picket_schema::sha256;

use crate::assets::content_type;
use crate::docs;
use crate::reply::Reply;
use crate::service::Service;

/// A file of the page; where the host has no page, the root answers with the list of routes.
pub(crate) fn asset(service: &Service, path: &str) -> Reply {
    let Some((path, body)) = service.assets.find(path) else {
        return docs::page(&service.model);
    };
    let tag: String = sha256(&body)[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut reply = Reply::ok(content_type(path), body);
    reply.etag = Some(format!("\"{tag}\""));
    reply
}
