//! Records to `edge-runtime collect`, over HTTP.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::sink::{Outcome, RecordSink, SinkError};
use crate::trusted_roots::TrustedRoots;

/// The most bytes of an answer that are read.
const MAX_ANSWER: u64 = 4 << 20;

/// What a collector says of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "reason")]
pub(crate) enum CollectedOutcome {
    Delivered,
    Rejected(String),
    Later(String),
}

/// What a collector answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Collected {
    /// One a record, in their order.
    pub(crate) outcomes: Vec<CollectedOutcome>,
}

impl From<Outcome> for CollectedOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Delivered => Self::Delivered,
            Outcome::Rejected(reason) => Self::Rejected(reason),
            Outcome::Later(reason) => Self::Later(reason),
        }
    }
}

impl From<CollectedOutcome> for Outcome {
    fn from(outcome: CollectedOutcome) -> Self {
        match outcome {
            CollectedOutcome::Delivered => Self::Delivered,
            CollectedOutcome::Rejected(reason) => Self::Rejected(reason),
            CollectedOutcome::Later(reason) => Self::Later(reason),
        }
    }
}

/// Posts batches to a collector, as NDJSON.
pub struct CollectorSink {
    agent: ureq::Agent,
    timeout: Duration,
    url: String,
    authorization: String,
}

impl std::fmt::Debug for CollectorSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CollectorSink")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl CollectorSink {
    /// Posts to `/records` under a URL, with a bearer token. A try takes at most `timeout`.
    #[must_use]
    pub fn new(url: &str, token: &str, timeout: Duration) -> Self {
        Self {
            agent: agent(timeout, None),
            timeout,
            url: format!("{}/records", url.trim_end_matches('/')),
            authorization: format!("Bearer {}", token.trim()),
        }
    }

    /// The same, to a collector whose certificate comes from one of these authorities and from no other.
    #[must_use]
    pub fn trusting(self, roots: &TrustedRoots) -> Self {
        Self {
            agent: agent(self.timeout, Some(roots)),
            ..self
        }
    }
}

fn agent(timeout: Duration, roots: Option<&TrustedRoots>) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(timeout))
        .tls_config(TrustedRoots::tls(roots))
        .build();
    config.into()
}

/// The same for the same records: a server may know by it that it has seen the batch.
fn idempotency_key(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    digest[..16]
        .iter()
        .fold(String::with_capacity(32), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

impl RecordSink for CollectorSink {
    fn deliver(&mut self, records: &[&[u8]]) -> Result<Vec<Outcome>, SinkError> {
        let mut body = Vec::with_capacity(records.iter().map(|it| it.len() + 1).sum());
        for record in records {
            body.extend_from_slice(record);
            body.push(b'\n');
        }
        let unreachable = |error: ureq::Error| SinkError::Unreachable {
            reason: error.to_string(),
        };
        let mut response = self
            .agent
            .post(&self.url)
            .header("authorization", &self.authorization)
            .header("content-type", "application/x-ndjson")
            .header("idempotency-key", idempotency_key(&body))
            .send(&body)
            .map_err(unreachable)?;
        let status = response.status().as_u16();
        let answer = response
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_vec()
            .map_err(unreachable)?;
        let reason = format!("the collector answered {status}");
        match status {
            200 => {}
            401 | 403 => return Err(SinkError::Unauthorized { reason }),
            413 => return Err(SinkError::TooLarge { reason }),
            _ => return Err(SinkError::Unreachable { reason }),
        }
        let collected: Collected =
            serde_json::from_slice(&answer).map_err(|error| SinkError::Unreachable {
                reason: format!("no answer of a collector: {error}"),
            })?;
        Ok(collected.outcomes.into_iter().map(Outcome::from).collect())
    }
}
