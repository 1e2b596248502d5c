//! The component's entry: from a request to its answer, what has to be kept first, and what is brought on its way after.

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use picket_service::{NotRecorded, Problem, ProblemKind, Receipt};
use serde::Serialize;
use spin_sdk::http::{FullBody, Request as SpinRequest};
use spin_sdk::http_service;

use crate::delivery;
use crate::live::{self, Live, METRICS};
use crate::record::batches_of;
use crate::release_blob::MAX_BODY;
use crate::release_store::{self, Held, PushError};
use crate::settings::Recording;
use crate::spin::{self, HttpCollector, SpinStore};
use crate::token::lets_in;

/// Where releases are pushed to.
const RELEASE_PATH: &str = "/admin/release";

#[http_service]
async fn handle(request: SpinRequest) -> Response<FullBody<Bytes>> {
    let mut response = match live::current().await {
        Ok(live) => {
            let response = answer(&live, request).await;
            if live.recording().is_some() {
                // The answer does not wait for the collector.
                spin_sdk::wit_bindgen::spawn(async move { bring_on_the_way(&live).await });
            }
            response
        }
        Err(reason) => without_model(&reason),
    };
    // Where an instance ends in the middle of an answer, the length tells the host that something is missing. An answer
    // that says that nothing has changed has no body, and its length would be that of another one.
    if response.status() != StatusCode::NOT_MODIFIED {
        let length = HeaderValue::from(response.body().len());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, length);
    }
    response.map(FullBody::new)
}

async fn answer(live: &Live, request: SpinRequest) -> Response<Bytes> {
    let (head, body) = request.into_parts();
    let head = Request::from_parts(head, ());
    let service = &live.service;
    let is_release = head.uri().path() == RELEASE_PATH;
    if is_release && let Err(problem) = may_push(live, &head) {
        return service.refuse(&head, problem);
    }
    if let Err(problem) = may_answer(live, &head).await {
        return service.refuse(&head, problem);
    }
    let max_body = if is_release {
        MAX_BODY
    } else {
        service.limits().max_body
    };
    let body = match read(body, max_body).await {
        Ok(body) => body,
        Err(problem) => return service.refuse(&head, problem),
    };
    if is_release {
        return match push(live, &body).await {
            Ok(taken) => live.service.answer_with(&head, &taken),
            Err(problem) => service.refuse(&head, problem),
        };
    }
    if live.recording().is_some() && head.uri().path() == "/metrics" {
        count_what_waits().await;
    }
    let request = head.map(|()| body);
    let mut response = service.handle(&request);
    match response.extensions_mut().remove::<Receipt>() {
        Some(receipt) => match written(&receipt).await {
            Ok(()) => response,
            Err(error) => service.not_recorded(&request, error),
        },
        None => response,
    }
}

async fn read<B>(mut body: B, max_body: usize) -> Result<Bytes, Problem>
where
    B: http_body_util::BodyExt<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => match frame.into_data() {
                Ok(data) if bytes.len() + data.len() <= max_body => bytes.extend_from_slice(&data),
                Ok(_) => return Err(Problem::body_too_large(max_body)),
                // Trailers say nothing here.
                Err(_) => {}
            },
            Err(error) => {
                let detail = format!("the body ends too early: {error}");
                return Err(Problem::new(ProblemKind::MalformedBody, detail));
            }
        }
    }
    Ok(bytes.freeze())
}

/// Whether a route may answer now: a model that is withheld scores nothing, and what must be recorded needs room.
async fn may_answer(live: &Live, head: &Request<()>) -> Result<(), Problem> {
    let path = head.uri().path();
    let scores = path.starts_with("/predict");
    if live.settings.is_none() {
        return Ok(());
    }
    let withheld = live.withheld(spin::now_ms());
    METRICS.seen().withheld = withheld.is_some();
    if let Some(reason) = withheld.filter(|_| scores || path == "/ready") {
        return Err(Problem::new(ProblemKind::ScorerUnavailable, reason));
    }
    if !(scores || path == "/feedback") || *head.method() != Method::POST {
        return Ok(());
    }
    if let Some(Err(error)) = live.settings.as_ref().map(|it| &it.recording) {
        // Whether this should be recorded is not known, and silence would lose it.
        return Err(Problem::new(ProblemKind::NotRecorded, error.to_string()));
    }
    let Some(recording) = live.recording() else {
        return Ok(());
    };
    has_room(recording).await.map_err(Problem::from)
}

async fn has_room(recording: &Recording) -> Result<(), NotRecorded> {
    let failed = |error: crate::StoreError| NotRecorded {
        reason: error.to_string(),
    };
    let store = SpinStore::open().await.map_err(failed)?;
    let hint = delivery::hint(&store).await.map_err(failed)?;
    if hint.pending >= recording.max_pending {
        let reason = format!("{} batches of records wait for the collector", hint.pending);
        return Err(NotRecorded { reason });
    }
    Ok(())
}

/// Writes what the recorder made of a request.
async fn written(receipt: &Receipt) -> Result<(), NotRecorded> {
    let failed = |error: crate::StoreError| NotRecorded {
        reason: error.to_string(),
    };
    let Some(batches) = batches_of(receipt) else {
        // Rather no answer than one whose record is nowhere.
        let reason = "the records to write were not found".to_owned();
        return Err(NotRecorded { reason });
    };
    let store = SpinStore::open().await.map_err(failed)?;
    delivery::write(&store, &batches, spin::now_ms(), spin::random_bits)
        .await
        .map_err(failed)?;
    receipt.0.made_durable();
    Ok(())
}

/// One step of the delivery, where it is time to.
async fn bring_on_the_way(live: &Live) {
    let Some(recording) = live.recording() else {
        return;
    };
    let Ok(store) = SpinStore::open().await else {
        return;
    };
    let collector = HttpCollector(&recording.collector);
    let step = delivery::step(&store, &collector, spin::now_ms(), spin::random_bits).await;
    // A store that fails now is seen by the next request that must record.
    if let Ok(Some(step)) = step {
        let mut seen = METRICS.seen();
        seen.pending = step.hint.pending;
        seen.dead = step.hint.dead;
        seen.failures = step.hint.failures;
        seen.delivered += step.delivered;
        seen.rejected += step.rejected;
    }
}

async fn count_what_waits() {
    let Ok(store) = SpinStore::open().await else {
        return;
    };
    let counted = delivery::count(&store).await;
    let hint = delivery::hint(&store).await;
    let mut seen = METRICS.seen();
    if let Ok((pending, dead)) = counted {
        (seen.pending, seen.dead) = (pending, dead);
    }
    if let Ok(hint) = hint {
        seen.failures = hint.failures;
    }
}

/// Whether a request may push a release: told before its body is read.
fn may_push(live: &Live, head: &Request<()>) -> Result<(), Problem> {
    let refused = |kind, detail: &str| Err(Problem::new(kind, detail));
    let token = match live.settings.as_ref().map(|it| &it.releases) {
        Some(Ok(releases)) => releases.admin_token.as_deref(),
        Some(Err(error)) => {
            return refused(ProblemKind::ScorerUnavailable, &error.to_string());
        }
        None => None,
    };
    let Some(token) = token else {
        let detail = "no release can be pushed: the variable admin_token is not set";
        return refused(ProblemKind::NotFound, detail);
    };
    if !lets_in(head.headers(), token) {
        let detail = "expected the bearer token of the variable admin_token";
        return refused(ProblemKind::Unauthorized, detail);
    }
    if *head.method() != Method::PUT {
        return refused(ProblemKind::MethodNotAllowed, "/admin/release answers PUT");
    }
    if live.releases().is_none_or(|it| it.trusted_keys.is_none()) {
        let detail = "untrusted_keys: the variable trusted_keys is not set";
        return refused(ProblemKind::ReleaseRefused, detail);
    }
    let length = head.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(Problem::body_too_large(MAX_BODY));
    }
    Ok(())
}

/// What is answered to a release that was taken.
#[derive(Serialize)]
struct Taken {
    release: u64,
    model: TakenModel,
    expires: u64,
}

#[derive(Serialize)]
struct TakenModel {
    version: String,
    digest: String,
}

async fn push(live: &Live, body: &[u8]) -> Result<Taken, Problem> {
    let releases = live.releases();
    let Some((releases, keys)) = releases.and_then(|it| Some((it, it.trusted_keys.as_ref()?)))
    else {
        let detail = "untrusted_keys: the variable trusted_keys is not set";
        return Err(Problem::new(ProblemKind::ReleaseRefused, detail));
    };
    let store_failed =
        |error: crate::StoreError| Problem::new(ProblemKind::ScorerUnavailable, error.to_string());
    let store = SpinStore::open().await.map_err(store_failed)?;
    let schema = live.service.model().schema().digest();
    let held = Held {
        keys,
        now: spin::now_ms() / 1000,
        schema: (!releases.allow_schema_change).then_some(schema),
    };
    let found = release_store::push(&store, held, body, spin::random_bits)
        .await
        .map_err(|error| match error {
            PushError::Body(reason) => Problem::new(ProblemKind::MalformedBody, reason),
            PushError::Refused(_) => Problem::new(ProblemKind::ReleaseRefused, error.to_string()),
            PushError::Store(error) => store_failed(error),
        })?;
    live::look_again();
    let artifact = found.model.model().artifact();
    Ok(Taken {
        release: found.release,
        model: TakenModel {
            version: artifact.card.name.clone(),
            digest: picket_schema::ArtifactDigest::of(found.model.bytes()).to_string(),
        },
        expires: found.expires,
    })
}

/// There is no model to name, so this is no problem document of the service.
fn without_model(reason: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(format!("{reason}\n")));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}
