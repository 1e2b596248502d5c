//! The component's entry: from a request to its answer, what has to be kept first, and what is brought on its way after.

use bytes::Bytes;
use http::{Method, Request, Response, header};
use picket_schema::release::{KeySet, caps};
use picket_service::{NotRecorded, Problem, ProblemKind, Receipt};
use serde::Serialize;
use spin_sdk::http::{FullBody, Request as SpinRequest};
use spin_sdk::http_service;

use crate::challenger::{ShadowStamp, Shown};
use crate::live::{self, Live, METRICS};
use crate::record::{Made, made_of};
use crate::release_blob::MAX_BODY;
use crate::release_store::{self, Held, PushError};
use crate::settings::{Recording, Releases};
use crate::spin::{self, HttpCollector, SpinStore};
use crate::token::lets_in;
use crate::window::Partial;
use crate::{StoreError, delivery, exchange, key_sets};

/// Where releases are pushed to.
const RELEASE_PATH: &str = "/admin/release";
/// Where key sets are pushed to.
const KEYS_PATH: &str = "/admin/keys";

/// What is done after an answer went out.
#[derive(Default)]
struct Rest {
    shown: Shown,
    /// An aggregate that no answer waits for.
    partial: Option<Partial>,
}

#[http_service]
async fn handle(request: SpinRequest) -> Response<FullBody<Bytes>> {
    let response = match live::current().await {
        Ok(live) => {
            let (response, rest) = answer(&live, request).await;
            if live.recording().is_some() || !rest.shown.is_empty() {
                // The answer waits for neither challenger nor collector.
                spin_sdk::wit_bindgen::spawn(async move { after(&live, rest).await });
            }
            response
        }
        Err(reason) => exchange::without_model(&reason),
    };
    exchange::sent(response)
}

async fn answer(live: &Live, request: SpinRequest) -> (Response<Bytes>, Rest) {
    let (head, body) = request.into_parts();
    let head = Request::from_parts(head, ());
    let service = &live.service;
    let refused = |problem| (service.refuse(&head, problem), Rest::default());
    let pushed = Pushed::at(head.uri().path());
    let max_body = pushed.map_or(service.limits().max_body, Pushed::max_body);
    if let Some(pushed) = pushed
        && let Err(problem) = may_push(live, &head, pushed)
    {
        return refused(problem);
    }
    if let Err(problem) = may_answer(live, &head).await {
        return refused(problem);
    }
    let body = match exchange::read(body, max_body).await {
        Ok(body) => body,
        Err(problem) => return refused(problem),
    };
    if let Some(pushed) = pushed {
        let taken = match pushed {
            Pushed::Release => push(live, &body).await.map(PushAnswer::Release),
            Pushed::Keys => push_keys(live, &body).await.map(PushAnswer::Keys),
        };
        return match taken {
            Ok(taken) => (service.answer_with(&head, &taken), Rest::default()),
            Err(problem) => refused(problem),
        };
    }
    if live.recording().is_some() && head.uri().path() == "/metrics" {
        count_what_waits().await;
    }
    let request = head.map(|()| body);
    let mut response = service.handle(&request);
    match response.extensions_mut().remove::<Receipt>() {
        Some(receipt) => match written(live, &receipt).await {
            Ok(rest) => (response, rest),
            Err(error) => (service.not_recorded(&request, error), Rest::default()),
        },
        None => (response, Rest::default()),
    }
}

/// Whether a route may answer now: a model that is withheld scores nothing, and what must be recorded needs room.
async fn may_answer(live: &Live, head: &Request<()>) -> Result<(), Problem> {
    let path = head.uri().path();
    let scores = path.starts_with("/predict");
    if live.settings.is_none() {
        return Ok(());
    }
    if path == "/feedback" && live.recording().is_none() && live.recording_holds() {
        let detail =
            "this host keeps no records, so there is nothing that labels could be joined to";
        return Err(Problem::new(ProblemKind::NotFound, detail));
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
    let failed = |error: StoreError| NotRecorded {
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

/// Writes what the recorder made of a request, and gives what can wait.
async fn written(live: &Live, receipt: &Receipt) -> Result<Rest, NotRecorded> {
    let failed = |error: StoreError| NotRecorded {
        reason: error.to_string(),
    };
    let Some(made) = made_of(receipt) else {
        // Rather no answer than one whose record is nowhere.
        let reason = "the records to write were not found".to_owned();
        return Err(NotRecorded { reason });
    };
    let Made {
        batches,
        mut partial,
        shown,
    } = made;
    if let Some(recording) = live.recording() {
        let store = SpinStore::open().await.map_err(failed)?;
        delivery::write(&store, &batches, spin::now_ms(), spin::random_bits)
            .await
            .map_err(failed)?;
        // Where single answers are recorded they are what counts.
        if !recording.mode.records_answers()
            && let Some(mut counted) = partial.take()
        {
            let node = recording.node.as_deref();
            let written = counted.write(&store, node, spin::now_ms).await;
            written.map_err(failed)?;
            live.windows.give_back(counted);
        }
    }
    receipt.0.made_durable();
    Ok(Rest { shown, partial })
}

/// What an answer did not wait for.
async fn after(live: &Live, rest: Rest) {
    let recording = live.recording();
    let store = SpinStore::open().await;
    if let Some(challenger) = live.challenger.as_ref().filter(|_| !rest.shown.is_empty()) {
        let recorded = recording.filter(|it| it.mode.records_answers());
        let stamp = recorded.map(|recording| ShadowStamp {
            node: recording.node.as_deref(),
            now_ms: spin::now_ms(),
        });
        let batches = challenger.compare(&rest.shown, stamp, &*live.ids);
        if let Ok(store) = &store {
            // Nobody was promised what a challenger says.
            let _ = delivery::write(store, &batches, spin::now_ms(), spin::random_bits).await;
        }
    }
    let (Some(recording), Ok(store)) = (recording, store) else {
        return;
    };
    if let Some(mut partial) = rest.partial {
        let node = recording.node.as_deref();
        // What could not be written is not gone on with: it may be in the store, and may be delivered.
        if !partial.is_overdue(spin::now_ms())
            || partial.write(&store, node, spin::now_ms).await.is_ok()
        {
            live.windows.give_back(partial);
        }
    }
    bring_on_the_way(&store, recording).await;
}

/// One step of the delivery, where it is time to.
async fn bring_on_the_way(store: &SpinStore, recording: &Recording) {
    let collector = HttpCollector(&recording.collector);
    let step = delivery::step(store, &collector, spin::now_ms(), spin::random_bits).await;
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

/// What an administrator pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pushed {
    Release,
    Keys,
}

impl Pushed {
    fn at(path: &str) -> Option<Self> {
        match path {
            RELEASE_PATH => Some(Self::Release),
            KEYS_PATH => Some(Self::Keys),
            _ => None,
        }
    }

    fn max_body(self) -> usize {
        match self {
            Self::Release => MAX_BODY,
            Self::Keys => caps::MAX_ENVELOPE_BYTES,
        }
    }
}

/// Whether a request may push something: told before its body is read.
fn may_push(live: &Live, head: &Request<()>, pushed: Pushed) -> Result<(), Problem> {
    let refused = |kind, detail: &str| Err(Problem::new(kind, detail));
    let token = match live.settings.as_ref().map(|it| &it.releases) {
        Some(Ok(releases)) => releases.admin_token.as_deref(),
        Some(Err(error)) => {
            return refused(ProblemKind::ScorerUnavailable, &error.to_string());
        }
        None => None,
    };
    let Some(token) = token else {
        let detail = "nothing can be pushed: the variable admin_token is not set";
        return refused(ProblemKind::NotFound, detail);
    };
    if !lets_in(head.headers(), token) {
        let detail = "expected the bearer token of the variable admin_token";
        return refused(ProblemKind::Unauthorized, detail);
    }
    if *head.method() != Method::PUT {
        let detail = format!("{} answers PUT", head.uri().path());
        return refused(ProblemKind::MethodNotAllowed, &detail);
    }
    if live.releases().is_none_or(|it| it.trusted_keys.is_none()) {
        let detail = "untrusted_keys: the variable trusted_keys is not set";
        return refused(ProblemKind::ReleaseRefused, detail);
    }
    let length = head.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > pushed.max_body()) {
        return Err(Problem::body_too_large(pushed.max_body()));
    }
    Ok(())
}

/// What is answered to a release that was taken.
#[derive(Serialize)]
struct Taken {
    release: u64,
    model: TakenModel,
    #[serde(skip_serializing_if = "Option::is_none")]
    challenger: Option<TakenModel>,
    expires: u64,
}

#[derive(Serialize)]
struct TakenModel {
    version: String,
    digest: String,
}

/// What is answered to a key set that was taken.
#[derive(Serialize)]
struct TakenKeys {
    key_set: u64,
    threshold: usize,
    n_keys: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PushAnswer {
    Release(Taken),
    Keys(TakenKeys),
}

fn store_failed(error: &StoreError) -> Problem {
    Problem::new(ProblemKind::ScorerUnavailable, error.to_string())
}

fn not_taken(error: PushError) -> Problem {
    match error {
        PushError::Body(reason) => Problem::new(ProblemKind::MalformedBody, reason),
        PushError::Refused(_) | PushError::Keys(_) => {
            Problem::new(ProblemKind::ReleaseRefused, error.to_string())
        }
        PushError::Store(error) => store_failed(&error),
    }
}

/// How releases are taken, and the keys that are trusted from the start.
fn trusting(live: &Live) -> Result<(&Releases, &KeySet), Problem> {
    let releases = live.releases();
    releases
        .and_then(|it| Some((it, it.trusted_keys.as_ref()?)))
        .ok_or_else(|| {
            let detail = "untrusted_keys: the variable trusted_keys is not set";
            Problem::new(ProblemKind::ReleaseRefused, detail)
        })
}

async fn push(live: &Live, body: &[u8]) -> Result<Taken, Problem> {
    let (releases, root) = trusting(live)?;
    let store = SpinStore::open().await.map_err(|it| store_failed(&it))?;
    let schema = live.service.model().schema().digest();
    let held = Held {
        root,
        now: spin::now_ms() / 1000,
        schema: (!releases.allow_schema_change).then_some(schema),
    };
    let found = release_store::push(&store, held, body, spin::random_bits)
        .await
        .map_err(not_taken)?;
    live::look_again();
    let artifact = found.model.model().artifact();
    Ok(Taken {
        release: found.release,
        model: TakenModel {
            version: artifact.card.name.clone(),
            digest: picket_schema::ArtifactDigest::of(found.model.bytes()).to_string(),
        },
        challenger: found.challenger.map(|(model, _)| TakenModel {
            version: model.model().artifact().card.name.clone(),
            digest: picket_schema::ArtifactDigest::of(model.bytes()).to_string(),
        }),
        expires: found.expires,
    })
}

async fn push_keys(live: &Live, body: &[u8]) -> Result<TakenKeys, Problem> {
    let (_, root) = trusting(live)?;
    let store = SpinStore::open().await.map_err(|it| store_failed(&it))?;
    let keys = key_sets::push(&store, root, body)
        .await
        .map_err(not_taken)?;
    live::look_again();
    Ok(TakenKeys {
        key_set: keys.version(),
        threshold: keys.threshold(),
        n_keys: keys.keys().len(),
    })
}
