//! When a column has drifted, and how far.

use serde::{Deserialize, Serialize};

/// When a column has drifted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriftOptions {
    /// A column whose q-value is below this has drifted: of the columns that are said to have
    /// drifted, this share is false on average; without any drift the chance of an alarm is at most this.
    pub alpha: f64,
    /// Whether rows with equal features count as copies of each other rather than as independent
    /// observations, as far as the data say so.
    pub grouped: bool,
}

impl Default for DriftOptions {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            grouped: true,
        }
    }
}

/// How far a column that has drifted is from its reference, by the population stability index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftSeverity {
    /// It has not drifted.
    None,
    /// Below 0.1: seen because there are many rows.
    Small,
    /// From 0.1 on.
    Moderate,
    /// From 0.25 on.
    Large,
}

impl DriftSeverity {
    pub(crate) fn of(has_drifted: bool, psi: f64) -> Self {
        match (has_drifted, psi) {
            (false, _) => Self::None,
            (true, psi) if psi < 0.1 => Self::Small,
            (true, psi) if psi < 0.25 => Self::Moderate,
            (true, _) => Self::Large,
        }
    }
}
