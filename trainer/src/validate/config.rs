//! From where on a finding is worse than a remark.

use serde::{Deserialize, Serialize};

use super::finding::FailOn;

/// The thresholds of validation. Shares are of rows, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidationConfig {
    /// Which findings close the gate.
    pub fail_on: FailOn,
    /// Up to this share of invalid rows in a column is a warning, more an error.
    pub max_invalid_share: f64,
    /// A column with a larger share of missing values is warned of.
    pub max_missing_share: f64,
    /// A larger share of rows that repeat others is warned of.
    pub max_duplicate_share: f64,
    /// A larger share of rows that no model can get right, for equal rows have both labels, is an
    /// error.
    pub max_error_floor: f64,
    /// A smaller share of the rarer class is warned of.
    pub min_class_share: f64,
    /// A column that alone tells the classes apart with this ROC-AUC is warned of.
    pub warn_auc: f64,
    /// And from this on it is an error: it knows what nobody can know.
    pub leak_auc: f64,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self {
            fail_on: FailOn::Error,
            max_invalid_share: 0.01,
            max_missing_share: 0.5,
            max_duplicate_share: 0.5,
            max_error_floor: 0.05,
            min_class_share: 0.05,
            warn_auc: 0.98,
            leak_auc: 0.999,
        }
    }
}
