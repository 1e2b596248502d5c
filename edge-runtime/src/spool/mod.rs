//! The spool: records wait here, on the device's disk, until a server has them.
//!
//! A record is durable before its request is answered, is delivered at least once under its own id, and is counted
//! in exactly one place: `accepted = delivered + pending + dropped`. `docs/spool.md` says why it is made as it is.

mod batch;
mod config;
mod counters;
mod dead_letters;
mod disk;
mod error;
#[cfg(test)]
mod fake_disk;
#[cfg(test)]
mod faults_test;
mod frame;
mod group;
mod ledger;
#[cfg(test)]
mod model_test;
#[expect(clippy::module_inception, reason = "the noun is the folder's")]
mod spool;
mod spool_log;
#[cfg(test)]
mod spool_test;
mod survey;

pub use batch::{Batch, Fate, Settled};
pub use config::{SpoolConfig, WhenFull};
pub use counters::Counters;
pub use dead_letters::{DeadLetter, dead_letters};
pub use disk::{Disk, Folder};
pub use error::SpoolError;
pub use frame::MAX_RECORD;
pub use ledger::Ledger;
pub use spool::{Spool, Ticket};
pub use spool_log::SpoolLog;
pub use survey::{Segment, Survey};
