//! Golden rows: does this edge score as the signer's scorer did?

use picket_schema::release::GoldenRow;
use picket_service::Scoring;

use super::sync_error::SyncError;

/// Scores golden rows and compares the margins bit for bit.
///
/// # Errors
/// [`SyncError::Refused`] where a margin differs, [`SyncError::Load`] where the scorer does not answer.
pub fn check_golden(scoring: &dyn Scoring, rows: &[GoldenRow]) -> Result<(), SyncError> {
    for (row_idx, golden) in rows.iter().enumerate() {
        let scored = scoring
            .score(&golden.values())
            .and_then(|scored| picket_service::only(&scored))
            .map_err(|error| SyncError::Load {
                reason: error.to_string(),
            })?;
        golden.check(row_idx, scored.margin.0)?;
    }
    Ok(())
}
