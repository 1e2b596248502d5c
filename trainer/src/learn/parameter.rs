//! Checks that parameters share.

use super::error::LearnError;

/// Refuses `found` unless `holds`; NaN holds nothing.
pub(crate) fn require(
    name: &'static str,
    expected: &'static str,
    found: f64,
    holds: impl Fn(f64) -> bool,
) -> Result<(), LearnError> {
    if holds(found) {
        Ok(())
    } else {
        Err(LearnError::Parameter {
            name,
            expected,
            found,
        })
    }
}

pub(crate) fn require_at_least_one(name: &'static str, found: usize) -> Result<(), LearnError> {
    require(name, "at least 1", found as f64, |found| found >= 1.0)
}

/// A factor of a class's weight: beyond these bounds sums lose the other class.
pub(crate) fn require_class_factor(name: &'static str, found: f64) -> Result<(), LearnError> {
    require(name, "from 1e-6 to 1e6", found, |found| {
        (1e-6..=1e6).contains(&found)
    })
}

pub(crate) fn require_not_negative(name: &'static str, found: f64) -> Result<(), LearnError> {
    require(name, "a finite number of at least 0", found, |found| {
        found >= 0.0 && found.is_finite()
    })
}

pub(crate) fn require_fraction(name: &'static str, found: f64) -> Result<(), LearnError> {
    require(name, "above 0 and at most 1", found, |found| {
        found > 0.0 && found <= 1.0
    })
}
