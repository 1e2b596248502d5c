//! The audit log: what was done, by whom, in lines chained by digests.
//!
//! A line is a JSON object. It holds its number and the SHA-256 of the line before it (its bytes without the line
//! feed), so a line that is changed, put in, taken out or moved breaks the chain at the next one. What a chain
//! alone cannot show is that its last lines are gone: the digest of the last one is kept beside the log. That somebody
//! wrote all of it anew, and that digest too, nothing on the same disk can show: keep the digest of the last line
//! elsewhere now and then, and give it to [`verify_anchored`].

mod event;
mod kept_head;
mod line;
mod log;
#[cfg(test)]
mod log_tests;
mod verify;

pub use event::{AuditEvent, Outcome};
pub use log::AuditLog;
pub use verify::{Verified, verify, verify_anchored};

/// The longest line, in bytes.
pub const MAX_LINE: usize = 64 << 10;
