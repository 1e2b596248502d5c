//! An entry of a store's log: what was done to it, with the digest of the entry before.

use serde::{Deserialize, Serialize};

use super::canonical;
use super::caps::{MAX_INTEGER, MAX_LOG_ENTRY_BYTES, MAX_LOG_TEXT_BYTES};
use super::envelope::Envelope;
use super::error::{ReleaseError, out_of_range};
use super::hex::sha256_text;
use super::key::SigningKey;
use super::manifest::PayloadDigest;
use crate::digest::ArtifactDigest;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogAction {
    /// A release was made.
    Publish,
    /// A release became the champion.
    Promote,
    /// A release was made with the artifact of an earlier one.
    Rollback,
    /// A release was signed.
    Sign,
    /// A release was signed that withdraws others.
    Revoke,
    /// Tombstones were published.
    Erase,
}

/// One thing that was done to a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    // In the order of the keys of the canonical JSON.
    /// What was done.
    pub action: LogAction,
    /// The SHA-256 of what was made: the artifact, the store's own manifest, the envelope.
    #[serde(with = "sha256_text")]
    pub digest: ArtifactDigest,
    /// On which host.
    pub host: Option<String>,
    /// Its number, from 1.
    pub number: u64,
    /// The signed manifest of the release, where it has one.
    pub payload: Option<PayloadDigest>,
    /// The SHA-256 of the entry before; none for the first.
    pub previous: Option<PayloadDigest>,
    /// The release, or the number of the list of tombstones.
    pub release: u64,
    /// When (RFC 3339, UTC).
    pub time: String,
    /// Who did it, as the system tells.
    pub user: Option<String>,
}

impl LogEntry {
    /// The payload's type of a signed entry.
    pub const PAYLOAD_TYPE: &str = "application/vnd.picket.publish-log.v1+json";

    /// Reads an entry in canonical form, without any trust in it.
    ///
    /// # Errors
    /// [`ReleaseError::PayloadMalformed`], [`ReleaseError::NotCanonical`] or [`ReleaseError::OutOfRange`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, ReleaseError> {
        if bytes.len() > MAX_LOG_ENTRY_BYTES {
            let expected = format!("at most {MAX_LOG_ENTRY_BYTES} bytes");
            return Err(out_of_range("entry", expected, bytes.len().to_string()));
        }
        let entry: Self = canonical::read(bytes)?;
        entry.validate()?;
        Ok(entry)
    }

    /// The entry in canonical form: what is chained and signed.
    ///
    /// # Errors
    /// [`ReleaseError::OutOfRange`] for a field that no reader would take.
    pub fn to_json(&self) -> Result<Vec<u8>, ReleaseError> {
        self.validate()?;
        canonical::write(self)
    }

    /// Signs the entry: the envelope's JSON.
    ///
    /// # Errors
    /// As [`LogEntry::to_json`] and [`Envelope::to_json`].
    pub fn sign(&self, keys: &[&SigningKey]) -> Result<Vec<u8>, ReleaseError> {
        Envelope::signed(Self::PAYLOAD_TYPE, self.to_json()?, keys)
    }

    fn validate(&self) -> Result<(), ReleaseError> {
        for (field, value) in [("number", self.number), ("release", self.release)] {
            if value == 0 || value > MAX_INTEGER {
                let expected = format!("1 to {MAX_INTEGER}");
                return Err(out_of_range(field, expected, value.to_string()));
            }
        }
        if (self.number == 1) != self.previous.is_none() {
            let expected = "a digest for every entry but the first".to_owned();
            let found = format!("entry {}", self.number);
            return Err(out_of_range("previous", expected, found));
        }
        let texts = [
            ("host", self.host.as_deref().unwrap_or_default()),
            ("time", &self.time),
            ("user", self.user.as_deref().unwrap_or_default()),
        ];
        for (field, text) in texts {
            // A control character has more than one form in JSON.
            if text.len() > MAX_LOG_TEXT_BYTES || text.chars().any(char::is_control) {
                let expected = format!("at most {MAX_LOG_TEXT_BYTES} bytes of printable text");
                let found = format!("{} bytes", text.len());
                return Err(out_of_range(field, expected, found));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> LogEntry {
        LogEntry {
            action: LogAction::Promote,
            digest: ArtifactDigest([7; 32]),
            host: Some("a host".to_owned()),
            number,
            payload: Some(PayloadDigest([8; 32])),
            previous: (number > 1).then_some(PayloadDigest([9; 32])),
            release: 3,
            time: "2026-01-01T00:00:00Z".to_owned(),
            user: None,
        }
    }

    #[test]
    fn an_entry_has_one_form_with_its_keys_in_order() -> Result<(), ReleaseError> {
        let bytes = entry(2).to_json()?;
        assert_eq!(LogEntry::from_json(&bytes)?, entry(2));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let keys = ["action", "digest", "host", "number", "payload", "previous"];
        let keys = keys.into_iter().chain(["release", "time", "user"]);
        let places: Vec<_> = keys.map(|key| text.find(&format!("\"{key}\":"))).collect();
        assert!(places.iter().all(Option::is_some), "{text}");
        assert!(places.is_sorted(), "{text}");
        for wrong in [
            text.replace("\"number\":2", "\"number\": 2"),
            text.replace("\"number\":2", "\"number\":0"),
            text.replace("\"number\":2", "\"number\":1"),
            text.replace("\"release\":3", "\"release\":0"),
            text.replace("a host", "a\\nhost"),
            text.replace("a host", &"x".repeat(MAX_LOG_TEXT_BYTES + 1)),
            text.replace("a host", &"x".repeat(MAX_LOG_ENTRY_BYTES)),
            text.replace("promote", "demote"),
            text.replace("\"user\":null", "\"user\":null,\"x\":1"),
        ] {
            assert_ne!(wrong, text);
            assert!(LogEntry::from_json(wrong.as_bytes()).is_err(), "{wrong}");
        }
        // Only the first has none before it, and it has none.
        let digest = PayloadDigest([9; 32]).to_string();
        let alone = text.replace(&format!("\"{digest}\""), "null");
        assert_ne!(alone, text);
        let error = LogEntry::from_json(alone.as_bytes()).expect_err("no digest");
        assert!(error.to_string().starts_with("previous"), "{error}");
        assert!(entry(1).to_json().is_ok());
        Ok(())
    }

    /// Sets a text of an entry.
    type Change = fn(&mut LogEntry, String);

    #[test]
    fn what_no_reader_takes_is_not_written() {
        let field = |entry: &LogEntry| match entry.to_json() {
            Ok(_) => "none",
            Err(ReleaseError::OutOfRange { field, .. }) => field,
            Err(_) => "another error",
        };
        let set = |change: Change, text: &str| {
            let mut entry = entry(2);
            change(&mut entry, text.to_owned());
            entry
        };
        let fields: [(&str, Change); 3] = [
            ("host", |entry, text| entry.host = Some(text)),
            ("time", |entry, text| entry.time = text),
            ("user", |entry, text| entry.user = Some(text)),
        ];
        let longest = "x".repeat(MAX_LOG_TEXT_BYTES);
        for (name, change) in fields {
            assert_eq!(field(&set(change, &longest)), "none");
            assert_eq!(field(&set(change, &format!("{longest}x"))), name);
            assert_eq!(field(&set(change, "a\u{7f}")), name);
        }
        for (value, is_number) in [(0, false), (MAX_INTEGER, true), (MAX_INTEGER + 1, false)] {
            let (mut of_number, mut of_release) = (entry(2), entry(2));
            (of_number.number, of_release.release) = (value, value);
            let expected = |name| if is_number { "none" } else { name };
            assert_eq!(field(&of_number), expected("number"));
            assert_eq!(field(&of_release), expected("release"));
        }
    }

    #[test]
    fn more_bytes_than_an_entry_has_are_not_parsed() {
        let cause = |n_bytes| {
            let error = LogEntry::from_json(&vec![b' '; n_bytes]).expect_err("no entry");
            error.cause()
        };
        assert_eq!(cause(MAX_LOG_ENTRY_BYTES), "payload_malformed");
        assert_eq!(cause(MAX_LOG_ENTRY_BYTES + 1), "out_of_range");
    }
}
