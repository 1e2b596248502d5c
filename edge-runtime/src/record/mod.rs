//! What is kept of the answers: records for the spool, without names of those they are about.

mod histograms;
mod ids;
mod mode;
mod pseudonym;
#[cfg(test)]
mod recorder_test;
mod spool_recorder;

pub use ids::RandomIds;
pub use mode::{RecordMode, UnknownMode};
pub use pseudonym::{KeyTooShort, Pseudonyms};
pub use spool_recorder::{RecorderConfig, SpoolRecorder};
