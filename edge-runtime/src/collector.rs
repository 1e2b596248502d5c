//! `edge-runtime collect`: takes batches of records from devices, so that these hold no key to the database.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::{StatusCode, header};
use hyper_util::service::TowerToHyperService;
use picket_access::Role;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::collected_batch;
use crate::connections::{self, ConnectionLimits};
use crate::doors::{Doors, Needed, Refusal};
use crate::error::StartError;
use crate::server::{reload, reload_changed};
use crate::spool::MAX_RECORD;
use crate::tls::{Tls, TlsFiles};
use crate::upload::{Collected, CollectedOutcome, Outcome, RecordSink};
use picket_telemetry::log;

/// The largest batch.
const MAX_BODY: usize = 4 << 20;
/// The most records in a batch.
const MAX_RECORDS: usize = 10_000;
/// Batches held in memory at a time; further ones wait.
const AT_A_TIME: usize = 8;

/// How a collector is reached and by whom.
#[derive(Debug, Default)]
pub struct CollectorOptions {
    /// Who is let in: devices with the role [`Role::Deliver`].
    pub doors: Doors,
    /// The certificate; plain HTTP without it.
    pub tls: Option<TlsFiles>,
    /// What a connection may cost.
    pub limits: ConnectionLimits,
}

/// Takes batches and hands them to a sink.
pub struct Collector {
    options: CollectorOptions,
    sink: Mutex<Box<dyn RecordSink>>,
    room: Semaphore,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Collector")
    }
}

impl Collector {
    /// Takes batches for a sink.
    #[must_use]
    pub fn new(options: CollectorOptions, sink: Box<dyn RecordSink>) -> Self {
        Self {
            options,
            sink: Mutex::new(sink),
            room: Semaphore::new(AT_A_TIME),
        }
    }

    /// Listens and serves until `stop` is ready. `listening` gets the URL.
    ///
    /// # Errors
    /// [`StartError::Listen`], such as for a port that is in use; [`StartError::Tls`]; [`StartError::OpenDoors`]
    /// where there are no tokens: a collector is never open.
    pub async fn serve(
        mut self,
        address: SocketAddr,
        listening: impl FnOnce(String),
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), StartError> {
        if !self.options.doors.are_guarded() {
            return Err(StartError::OpenDoors { address });
        }
        let tls = self.options.tls.take().map(Tls::open).transpose()?;
        let tls = tls.map(Arc::new);
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = listener.local_addr().map_err(failed)?;
        listening(format!("{scheme}://{address}"));
        let limits = self.options.limits;
        let collector = Arc::new(self);
        let (looking, certificate) = (Arc::clone(&collector), tls.clone());
        let looking = tokio::spawn(reload_changed(move |in_any_case| {
            reload(&looking.options.doors, certificate.as_deref(), in_any_case)
        }));
        let router = Router::new()
            .route("/records", post(records))
            .route("/health", get(|| async { "ok\n" }))
            .with_state(collector);
        let service = TowerToHyperService::new(router);
        connections::serve(listener, tls, limits, service, stop).await;
        looking.abort();
        Ok(())
    }

    /// What becomes of the records of a batch; `Err` is a status and what to say.
    fn collect(&self, body: &[u8]) -> Result<Collected, (StatusCode, String)> {
        let lines = collected_batch::lines(body);
        if lines.len() > MAX_RECORDS {
            let reason = format!("{} records; expected at most {MAX_RECORDS}", lines.len());
            return Err((StatusCode::PAYLOAD_TOO_LARGE, reason));
        }
        let mut outcomes = vec![CollectedOutcome::Delivered; lines.len()];
        let (mut places, mut records) = (Vec::new(), Vec::new());
        for (place, line) in lines.iter().enumerate() {
            match collected_batch::check(line, MAX_RECORD) {
                Ok(()) => {
                    places.push(place);
                    records.push(*line);
                }
                Err(reason) => outcomes[place] = CollectedOutcome::Rejected(reason),
            }
        }
        if !records.is_empty() {
            let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
            let delivered = sink.deliver(&records).map_err(|error| {
                log(
                    "warn",
                    "not_stored",
                    &[("reason", json!(error.to_string()))],
                );
                // What the database says is none of the device's business.
                let reason = "the records cannot be stored now".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, reason)
            })?;
            let missing = std::iter::repeat_with(|| Outcome::Later("no answer".to_owned()));
            for (place, outcome) in places.iter().zip(delivered.into_iter().chain(missing)) {
                outcomes[*place] = outcome.into();
            }
        }
        Ok(Collected { outcomes })
    }
}

async fn records(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let needed = Needed::Role(Role::Deliver);
    if let Err(refusal) = collector.options.doors.enter(&request, needed) {
        let mut response = answer(refusal.problem.kind.status(), &refusal.problem.detail);
        Refusal::headers(
            refusal.challenge,
            refusal.retry_after,
            response.headers_mut(),
        );
        return response;
    }
    let body = request.into_body();
    let Ok(_room) = collector.room.acquire().await else {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    };
    let limit = collector.options.limits.body_timeout;
    let body = match tokio::time::timeout(limit, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return answer(StatusCode::PAYLOAD_TOO_LARGE, "the batch is too large"),
        Err(_) => {
            return answer(
                StatusCode::REQUEST_TIMEOUT,
                "the batch did not come in time",
            );
        }
    };
    let collecting = Arc::clone(&collector);
    let collected = tokio::task::spawn_blocking(move || collecting.collect(&body)).await;
    match collected {
        Ok(Ok(collected)) => {
            let body = serde_json::to_vec(&collected).unwrap_or_default();
            let mut response = Response::new(Body::from(body));
            let json = http::HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        Ok(Err((status, reason))) => answer(status, &reason),
        Err(_) => answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the batch could not be handled",
        ),
    }
}

fn answer(status: StatusCode, reason: &str) -> Response {
    let mut response = Response::new(Body::from(format!("{reason}\n")));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::AllowedOrigins;
    use crate::upload::{CollectorSink, SinkError};
    use picket_access::TokenFile;
    use std::time::Duration;

    type Tested = Result<(), Box<dyn std::error::Error>>;

    /// Takes labels, rejects predictions, and is down for what holds `down`.
    #[derive(Default)]
    struct Picky(Arc<Mutex<Vec<Vec<u8>>>>);

    impl RecordSink for Picky {
        fn deliver(&mut self, records: &[&[u8]]) -> Result<Vec<Outcome>, SinkError> {
            let text = |it: &&[u8]| String::from_utf8_lossy(it).into_owned();
            if records.iter().any(|it| text(it).contains("down")) {
                let reason = "the password is secret".to_owned();
                return Err(SinkError::Unreachable { reason });
            }
            let mut taken = self.0.lock().expect("no panic");
            taken.extend(records.iter().map(|it| it.to_vec()));
            let outcome = |it: &&[u8]| {
                if text(it).contains("\"margin\"") {
                    Outcome::Rejected("no predictions".to_owned())
                } else {
                    Outcome::Delivered
                }
            };
            Ok(records.iter().map(outcome).collect())
        }
    }

    fn record(kind: &str, digit: char) -> String {
        let id = digit.to_string().repeat(32);
        let mut record = json!({"kind": kind, "id": id, "time_ms": 5});
        if kind == "prediction" {
            let digest = format!("sha256:{}", "0".repeat(64));
            record["model"] = json!({"version": "m", "digest": digest});
            record["verdict"] = json!("positive");
            record["score"] = json!(0.5);
            record["margin"] = json!(0.5);
        } else {
            record["prediction"] = json!(id);
            record["label"] = json!("up");
        }
        record.to_string()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_device_delivers_by_the_collector_with_a_token_only() -> Tested {
        let picky = Picky::default();
        let taken = Arc::clone(&picky.0);
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("tokens.json");
        let mut tokens = TokenFile::new();
        let device = tokens
            .add("device", Role::Deliver, None)?
            .secret()
            .to_owned();
        let scores = tokens
            .add("scores", Role::Feedback, None)?
            .secret()
            .to_owned();
        let slow = tokens.add("slow", Role::Deliver, Some("1/h".parse()?))?;
        let slow = slow.secret().to_owned();
        tokens.write(&path)?;
        let options = CollectorOptions {
            doors: Doors::with_tokens(path, AllowedOrigins::default())?,
            ..CollectorOptions::default()
        };
        let collector = Collector::new(options, Box::new(picky));
        let (sender, address) = tokio::sync::oneshot::channel();
        let listening = |address| {
            let _ = sender.send(address);
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let serving = tokio::spawn(collector.serve(any, listening, std::future::pending()));
        let url = address.await?;
        let talked = tokio::task::spawn_blocking(move || {
            let timeout = Duration::from_secs(10);
            let label = record("label", 'a');
            for (token, said) in [("a token of a stranger", "401"), (&scores, "deliver")] {
                let mut stranger = CollectorSink::new(&url, token, timeout);
                let refused = stranger.deliver(&[label.as_bytes()]);
                let refused = refused.expect_err(said);
                assert!(
                    matches!(refused, SinkError::Unauthorized { .. }),
                    "{refused:?}"
                );
            }
            let mut eager = CollectorSink::new(&url, &slow, timeout);
            assert!(eager.deliver(&[b"{"]).is_ok());
            let refused = eager.deliver(&[label.as_bytes()]).expect_err("too often");
            assert!(refused.to_string().contains("429"), "{refused}");
            let mut device = CollectorSink::new(&format!("{url}/"), &device, timeout);
            let prediction = record("prediction", 'b');
            let wrong = record("rumour", 'c');
            let outcomes = device
                .deliver(&[
                    label.as_bytes(),
                    wrong.as_bytes(),
                    prediction.as_bytes(),
                    b"{",
                ])
                .expect("an answer");
            assert_eq!(outcomes[0], Outcome::Delivered);
            assert_eq!(outcomes[2], Outcome::Rejected("no predictions".to_owned()));
            for idx in [1, 3] {
                assert!(
                    matches!(outcomes[idx], Outcome::Rejected(_)),
                    "{outcomes:?}"
                );
            }
            let down = record("label", 'd').replace("\"up\"", "\"down\"");
            let refused = device.deliver(&[down.as_bytes()]).expect_err("down");
            let said = refused.to_string();
            assert!(said.contains("503") && !said.contains("secret"), "{said}");
            let large = vec![b' '; MAX_BODY + 1];
            let refused = device.deliver(&[&large]);
            // The server may close before all is sent.
            assert!(refused.is_err(), "{refused:?}");
        });
        talked.await?;
        serving.abort();
        assert_eq!(taken.lock().expect("no panic").len(), 2);
        Ok(())
    }

    #[tokio::test]
    async fn a_collector_is_never_open() {
        let collector = Collector::new(CollectorOptions::default(), Box::new(Picky::default()));
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let refused = collector.serve(any, |_| {}, std::future::pending()).await;
        assert!(
            matches!(refused, Err(StartError::OpenDoors { .. })),
            "{refused:?}"
        );
    }
}
