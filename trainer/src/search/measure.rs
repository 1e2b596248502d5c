//! What candidates are compared by.

use serde::{Deserialize, Serialize};

use crate::metrics::{METRIC_NAMES, ScoredGroups};
use crate::row_groups::RowGroups;

/// The metric that ranks candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchMetric {
    /// F1 of the positive class at a calibrated score of 0.5.
    #[default]
    F1,
    /// The area under the ROC curve.
    RocAuc,
    /// The average precision.
    PrAuc,
    /// The Brier score; lower is better.
    Brier,
    /// The logarithmic loss; lower is better.
    LogLoss,
    /// The share of right answers at a calibrated score of 0.5.
    Accuracy,
}

impl SearchMetric {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::F1,
        Self::RocAuc,
        Self::PrAuc,
        Self::Brier,
        Self::LogLoss,
        Self::Accuracy,
    ];

    /// The name as it stands among the metrics of a model card.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F1 => "f1",
            Self::RocAuc => "roc_auc",
            Self::PrAuc => "pr_auc",
            Self::Brier => "brier",
            Self::LogLoss => "log_loss",
            Self::Accuracy => "accuracy",
        }
    }

    /// The metric of this name, written with `_` or `-`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.replace('-', "_");
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Whether the lowest value is the best.
    #[must_use]
    pub fn is_loss(self) -> bool {
        matches!(self, Self::Brier | Self::LogLoss)
    }

    /// A number that is higher for better values.
    #[must_use]
    pub fn merit(self, value: f64) -> f64 {
        if self.is_loss() { -value } else { value }
    }

    /// The metric of calibrated `scores` of the rows `row_idxs`. `scores` and `labels` have shape
    /// `(n_rows,)`. `None` where the rows are of one class.
    #[must_use]
    pub fn measure(self, groups: &RowGroups, scores: &[f64], labels: &[bool]) -> Option<f64> {
        let at = METRIC_NAMES.iter().position(|name| *name == self.name())?;
        let values = ScoredGroups::new(groups, scores, labels).measure(0.5)?;
        Some(values[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_one_of_the_reported() {
        for metric in SearchMetric::ALL {
            assert!(METRIC_NAMES.contains(&metric.name()), "{metric:?}");
            assert_eq!(
                SearchMetric::from_name(&metric.name().replace('_', "-")),
                Some(metric)
            );
        }
        assert_eq!(SearchMetric::from_name("gini"), None);
        assert!(SearchMetric::Brier.merit(0.1) > SearchMetric::Brier.merit(0.2));
    }
}
