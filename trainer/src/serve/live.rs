//! What happens at the edges, as far as it is recorded: the numbers that the service shows and that trainings are
//! triggered by.

use std::fmt::Debug;
use std::time::SystemTime;

use crate::error::TrainerError;
use crate::serve::route::FeedbackStats;

/// Knows what the edges have recorded.
pub(crate) trait LiveNumbers: Debug + Send + Sync {
    /// Labels that came back, and how the verdicts did.
    fn feedback(&self) -> Result<FeedbackStats, TrainerError>;

    /// Labels that came after a time.
    fn n_labels_since(&self, time: SystemTime) -> Result<u64, TrainerError>;

    /// What has drifted, in words; `None` where nothing has.
    fn drift_alert(&self) -> Result<Option<String>, TrainerError>;
}

/// Nothing is recorded.
#[derive(Debug)]
pub(crate) struct NoRecords;

impl LiveNumbers for NoRecords {
    fn feedback(&self) -> Result<FeedbackStats, TrainerError> {
        Ok(FeedbackStats {
            source: "none".to_owned(),
            ..FeedbackStats::default()
        })
    }

    fn n_labels_since(&self, _time: SystemTime) -> Result<u64, TrainerError> {
        Ok(0)
    }

    fn drift_alert(&self) -> Result<Option<String>, TrainerError> {
        Ok(None)
    }
}
