//! What is written down.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not allowed, or not right.
    Refused,
    /// It was tried and did not work.
    Failed,
}

/// Something that somebody did. No secret belongs in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    pub(crate) time: String,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) outcome: Outcome,
    pub(crate) details: BTreeMap<String, String>,
}

impl AuditEvent {
    /// `actor` did `action`, such as `token.add` or `model.activate`.
    #[must_use]
    pub fn new(time: SystemTime, actor: &str, action: &str, outcome: Outcome) -> Self {
        // Beyond the years 1970 to 9999 there is no text for a time.
        let last = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(253_402_300_799);
        let time = time.clamp(SystemTime::UNIX_EPOCH, last);
        Self {
            time: humantime::format_rfc3339_millis(time).to_string(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            outcome,
            details: BTreeMap::new(),
        }
    }

    /// Another event of the same time.
    pub(crate) fn beside(&self, actor: &str, action: &str, outcome: Outcome) -> Self {
        Self {
            time: self.time.clone(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            outcome,
            details: BTreeMap::new(),
        }
    }

    /// Adds what is to be known about it. The last value of a key stands.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }
}
