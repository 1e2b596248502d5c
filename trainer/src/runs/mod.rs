//! Runs that were made, and two of them side by side.
//!
//! A run's directory holds `run.json`, its record, and a folder for each stage.

mod comparison;
mod record;

pub use comparison::{Comparison, Difference, Side};
pub use record::{Measured, Outcome, Run, RunRecord, StageRecord};

/// Where a run's record lies in its directory.
pub const RECORD_FILE: &str = "run.json";
/// Where a run's model lies in its directory.
pub const MODEL_FILE: &str = "model/model.picket";
