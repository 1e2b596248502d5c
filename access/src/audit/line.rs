//! One line of the log.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::MAX_LINE;
use super::event::{AuditEvent, Outcome};
use crate::error::AuditError;
use crate::secret::{hex, unhex};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    number: u64,
    time: Cow<'a, str>,
    actor: Cow<'a, str>,
    action: Cow<'a, str>,
    outcome: Outcome,
    details: Cow<'a, BTreeMap<String, String>>,
    previous: String,
}

/// Where a chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// How many lines there are.
    pub(crate) number: u64,
    /// The digest of the last; zeros before the first.
    pub(crate) digest: [u8; 32],
}

impl Head {
    pub(crate) const START: Self = Self {
        number: 0,
        digest: [0; 32],
    };

    /// The next line, without its line feed.
    pub(crate) fn write(self, event: &AuditEvent) -> Result<String, AuditError> {
        let line = Line {
            number: self.number + 1,
            time: Cow::Borrowed(&event.time),
            actor: Cow::Borrowed(&event.actor),
            action: Cow::Borrowed(&event.action),
            outcome: event.outcome,
            details: Cow::Borrowed(&event.details),
            previous: hex(&self.digest),
        };
        let text = serde_json::to_string(&line).expect("plain texts and numbers");
        if text.len() > MAX_LINE {
            let (found, max) = (text.len(), MAX_LINE);
            return Err(AuditError::TooLong { found, max });
        }
        Ok(text)
    }

    /// The head after `line`, where that is the next of this chain; else what is wrong with it.
    pub(crate) fn follow(self, line: &[u8]) -> Result<Self, String> {
        if line.len() > MAX_LINE {
            return Err(format!("longer than {MAX_LINE} bytes"));
        }
        let read: Line<'_> = serde_json::from_slice(line)
            .map_err(|error| format!("no line of this log: {error}"))?;
        let expected = self.number + 1;
        if read.number != expected {
            let found = read.number;
            return Err(format!("expected number {expected}, found {found}"));
        }
        if unhex(&read.previous) != Some(self.digest) {
            return Err(
                "the digest of the line before does not match: that line was changed, or one is missing"
                    .to_owned(),
            );
        }
        Ok(self.after(line))
    }

    /// The head after a line that is known to follow.
    pub(crate) fn after(self, line: &[u8]) -> Self {
        Self {
            number: self.number + 1,
            digest: Sha256::digest(line).into(),
        }
    }
}
