//! The id of a task, which is the id of its run too.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::jobs::error::JobError;

/// A UUID of version 7 (RFC 9562): milliseconds first, so that ids sort by age, then random bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(String);

impl TaskId {
    /// A new id.
    ///
    /// # Errors
    /// [`JobError::Queue`] where the system has no random numbers.
    pub fn new() -> Result<Self, JobError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| JobError::Queue {
            operation: "drawing an id",
            reason: error.to_string(),
        })?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let millis = since.map_or(0, |since| since.as_millis() as u64);
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        let hex = bytes.iter().fold(String::new(), |mut text, byte| {
            use fmt::Write;
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        let parts = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        Ok(Self(parts.join("-")))
    }

    /// Reads an id. Nothing else becomes part of a path.
    ///
    /// # Errors
    /// [`JobError::TaskId`].
    pub fn parse(text: &str) -> Result<Self, JobError> {
        let is_id = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        if is_id {
            return Ok(Self(text.to_owned()));
        }
        Err(JobError::TaskId {
            found: text.chars().take(60).collect(),
        })
    }

    /// When it was drawn, to the millisecond.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        let digits: String = self.0.chars().filter(|c| *c != '-').take(12).collect();
        let millis = u64::from_str_radix(&digits, 16).unwrap_or(0);
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for TaskId {
    type Error = JobError;

    fn try_from(text: String) -> Result<Self, JobError> {
        Self::parse(&text)
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_paths_are_none() {
        let (one, two) = (TaskId::new().unwrap(), TaskId::new().unwrap());
        assert_ne!(one, two);
        let age = SystemTime::now().duration_since(one.time()).unwrap();
        assert!(age < Duration::from_mins(1), "{age:?}");
        assert_eq!(TaskId::parse(one.as_str()).unwrap(), one);
        let upper = one.as_str().to_uppercase();
        let dots = "../../etc/passwd-0000-0000-000000000";
        assert_eq!(dots.len(), 36);
        for text in ["", "..", dots, upper.as_str(), &one.as_str()[1..]] {
            assert!(TaskId::parse(text).is_err(), "{text}");
        }
    }
}
