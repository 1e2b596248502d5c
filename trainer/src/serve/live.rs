//! What happens at the edges, as far as it is recorded: the numbers that the service shows and that trainings are
//! triggered by.

use crate::error::TrainerError;
use crate::jobs::LiveNumbers;
use crate::serve::route::FeedbackStats;

/// Knows what the edges have recorded.
pub(crate) trait LiveRecords: LiveNumbers {
    /// Labels that came back, and how the verdicts did.
    fn feedback(&self) -> Result<FeedbackStats, TrainerError>;
}
