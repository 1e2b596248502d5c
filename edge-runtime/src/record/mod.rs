//! What is kept of the answers: records for the spool, without names of those they are about.

mod ids;
mod node_name;
#[cfg(test)]
mod recorder_test;
mod spool_recorder;

pub use ids::RandomIds;
pub use node_name::{NodeNameError, node_name};
pub use picket_record::{KeyTooShort, Pseudonyms, RecordMode, UnknownMode};
pub use spool_recorder::{RecorderConfig, SpoolRecorder};
