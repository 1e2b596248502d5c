//! What happens at the edges, as far as it is recorded: the numbers that the service shows and that trainings are
//! triggered by.

use std::time::SystemTime;

use crate::error::TrainerError;
use crate::jobs::LiveNumbers;
use crate::serve::route::FeedbackStats;

/// Knows what the edges have recorded.
pub(crate) trait LiveRecords: LiveNumbers {
    /// Labels that came back, and how the verdicts did.
    fn feedback(&self) -> Result<FeedbackStats, TrainerError>;
}

/// Nothing is recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoRecords;

impl LiveRecords for NoRecords {
    fn feedback(&self) -> Result<FeedbackStats, TrainerError> {
        Ok(FeedbackStats {
            source: "none".to_owned(),
            ..FeedbackStats::default()
        })
    }
}

impl LiveNumbers for NoRecords {
    fn n_labels_since(&self, _time: SystemTime) -> Result<u64, TrainerError> {
        Ok(0)
    }

    fn accuracy_since(&self, _time: SystemTime) -> Result<Option<(f64, u64)>, TrainerError> {
        Ok(None)
    }

    fn drift_alert(&self) -> Result<Option<String>, TrainerError> {
        Ok(None)
    }
}
