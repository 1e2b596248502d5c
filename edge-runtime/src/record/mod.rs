//! What is kept of the answers: records for the spool, without names of those they are about.

mod histograms;
mod ids;
mod mode;
mod node_name;
#[cfg(test)]
mod recorder_test;
mod spool_recorder;

pub use ids::RandomIds;
pub use mode::{RecordMode, UnknownMode};
pub use node_name::{NodeNameError, node_name};
pub use picket_schema::record::{KeyTooShort, Pseudonyms};
pub use spool_recorder::{RecorderConfig, SpoolRecorder};
