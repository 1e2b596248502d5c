//! How good scores are: point values, their intervals, and the curves behind them.

mod confusion;
mod curves;
mod interval;
mod measure;

pub use confusion::Confusion;
pub use curves::{CalibrationBin, CostPoint, Curves, PrPoint, RocPoint, ScoreBin};
pub(crate) use interval::quantile;
pub use interval::{N_RESAMPLES, measure_with_intervals};
pub use measure::{METRIC_NAMES, N_CALIBRATION_BINS, N_METRICS, ScoredGroup, ScoredGroups};
