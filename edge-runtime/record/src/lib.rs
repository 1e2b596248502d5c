//! Records as the edge writes them: one form for the device and for the Spin component.
//!
//! What a record may hold is said, and checked, by `picket_schema::record`. Here is how records are made of answers
//! without a copy of them: no host, no clock, no store.

mod histograms;
mod lines;
#[cfg(test)]
mod lines_test;
mod mode;
mod shadow_metrics;
mod shadow_share;

pub use histograms::{AggregateStamp, Histograms};
pub use lines::{LabelLine, ModelRef, PredictionLine};
pub use mode::{RecordMode, UnknownMode};
pub use picket_schema::record::{KeyTooShort, Pseudonyms};
pub use shadow_metrics::{ShadowMetrics, ShadowTally};
pub use shadow_share::ShadowShare;
