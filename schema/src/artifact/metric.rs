//! What models that measure distances to stored rows have in common.

use super::error::ArtifactError;
use crate::limits;

/// `Ok` where there is one scale a column, each positive.
pub(super) fn validate_scales(scales: &[u8], n_columns: usize) -> Result<(), ArtifactError> {
    check_length("scales", scales, 8, n_columns)?;
    let max = limits::MAX_COEFFICIENT;
    for (column, scale) in scales.as_chunks().0.iter().enumerate() {
        let scale = f64::from_le_bytes(*scale);
        let field = format_args!("scale of column {column}");
        ArtifactError::check_range(field, scale, max.recip(), max)?;
    }
    Ok(())
}

/// `Ok` where a table holds `count` numbers of `width` bytes.
pub(super) fn check_length(
    table: &'static str,
    bytes: &[u8],
    width: usize,
    count: usize,
) -> Result<(), ArtifactError> {
    let (found, expected) = (bytes.len(), width * count);
    if found == expected {
        return Ok(());
    }
    let expected = format!("{expected} ({count} numbers of {width})");
    Err(ArtifactError::TableLength {
        table,
        found,
        expected,
    })
}

/// `Ok` where f32 numbers are all finite.
pub(super) fn check_f32s(table: &str, bytes: &[u8]) -> Result<(), ArtifactError> {
    for (column, number) in bytes.as_chunks().0.iter().enumerate() {
        let number = f64::from(f32::from_le_bytes(*number));
        let (min, max) = (f64::from(f32::MIN), f64::from(f32::MAX));
        let field = format_args!("{table} of column {column}");
        ArtifactError::check_range(field, number, min, max)?;
    }
    Ok(())
}
