//! `edge-runtime collect`: takes batches of records from devices, so that these hold no key to the database.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::collected_batch;
use crate::error::StartError;
use crate::log_line::log;
use crate::spool::MAX_RECORD;
use crate::upload::{Collected, CollectedOutcome, Outcome, RecordSink};

/// The largest batch.
const MAX_BODY: usize = 4 << 20;
/// The most records in a batch.
const MAX_RECORDS: usize = 10_000;
/// Batches held in memory at a time; further ones wait.
const AT_A_TIME: usize = 8;
/// How long a device may take to send a batch.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Takes batches and hands them to a sink.
pub struct Collector {
    token_digests: Vec<[u8; 32]>,
    sink: Mutex<Box<dyn RecordSink>>,
    room: Semaphore,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Collector")
    }
}

impl Collector {
    /// Lets in devices with one of the tokens: one a line, blank lines apart.
    ///
    /// # Errors
    /// [`StartError::Upload`] where there is no token, or one that is too short to be a secret.
    pub fn new(tokens: &str, sink: Box<dyn RecordSink>) -> Result<Self, StartError> {
        let tokens: Vec<&str> = tokens
            .lines()
            .map(str::trim)
            .filter(|it| !it.is_empty())
            .collect();
        if tokens.is_empty() || tokens.iter().any(|it| it.len() < 16) {
            let reason = "expected tokens of at least 16 characters, one a line".to_owned();
            return Err(StartError::Upload { reason });
        }
        let digest = |token: &&str| Sha256::digest(token).into();
        Ok(Self {
            token_digests: tokens.iter().map(digest).collect(),
            sink: Mutex::new(sink),
            room: Semaphore::new(AT_A_TIME),
        })
    }

    /// Listens and serves until `stop` is ready. `listening` gets the address.
    ///
    /// # Errors
    /// [`StartError::Listen`], such as for a port that is in use.
    pub async fn serve(
        self,
        address: SocketAddr,
        listening: impl FnOnce(SocketAddr),
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), StartError> {
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        listening(listener.local_addr().map_err(failed)?);
        let router = Router::new()
            .route("/records", post(records))
            .route("/health", get(|| async { "ok\n" }))
            .with_state(Arc::new(self));
        axum::serve(listener, router)
            .with_graceful_shutdown(stop)
            .await
            .map_err(failed)
    }

    /// Whether the request has a token. Digests are compared to their end, whatever the first difference: time tells
    /// nothing of a token.
    fn lets_in(&self, headers: &HeaderMap) -> bool {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
        let Some(token) = token else { return false };
        let given: [u8; 32] = Sha256::digest(token.trim()).into();
        let mut any = false;
        for known in &self.token_digests {
            let differing = given.iter().zip(known).fold(0, |all, (a, b)| all | (a ^ b));
            any |= differing == 0;
        }
        any
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
    let (head, body) = request.into_parts();
    if !collector.lets_in(&head.headers) {
        return answer(
            StatusCode::UNAUTHORIZED,
            "expected a bearer token of this collector",
        );
    }
    let Ok(_room) = collector.room.acquire().await else {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    };
    let body = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY)).await {
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
    use crate::upload::{CollectorSink, SinkError};

    type Tested = Result<(), Box<dyn std::error::Error>>;

    const TOKEN: &str = "a token of this test";

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
        let collector = Collector::new(
            &format!("other token of the test\n{TOKEN}\n"),
            Box::new(picky),
        )?;
        let (sender, address) = tokio::sync::oneshot::channel();
        let listening = |address| {
            let _ = sender.send(address);
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let serving = tokio::spawn(collector.serve(any, listening, std::future::pending()));
        let url = format!("http://{}", address.await?);
        let talked = tokio::task::spawn_blocking(move || {
            let timeout = Duration::from_secs(10);
            let mut stranger = CollectorSink::new(&url, "a token of a stranger", timeout);
            let label = record("label", 'a');
            let refused = stranger.deliver(&[label.as_bytes()]);
            assert!(
                matches!(refused, Err(SinkError::Unauthorized { .. })),
                "{refused:?}"
            );
            let mut device = CollectorSink::new(&format!("{url}/"), TOKEN, timeout);
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

    #[test]
    fn short_tokens_are_refused() {
        for tokens in ["", "\n \n", "short", "a token of this test\nshort"] {
            assert!(
                Collector::new(tokens, Box::new(Picky::default())).is_err(),
                "{tokens:?}"
            );
        }
    }
}
