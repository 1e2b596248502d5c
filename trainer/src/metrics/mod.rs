//! How good scores are: point values and their intervals.

mod interval;
mod measure;

pub use interval::{N_RESAMPLES, measure_with_intervals};
pub use measure::{METRIC_NAMES, ScoredGroup, ScoredGroups};
