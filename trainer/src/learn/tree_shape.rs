//! The parameters that every Gini tree has: when it stops, and what its classes weigh.

use super::error::LearnError;
use super::gini_split::GiniRule;
use super::gini_tree::{Cut, Growth};
use super::parameter::{require_class_factor, require_not_negative};
use super::table::Table;

/// How many features are tried at each split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FeatureSampling {
    /// All of them.
    All,
    /// The square root of their number, rounded down, at least 1.
    Sqrt,
    /// This many, at least 1.
    Count(usize),
    /// This share of them, above 0 and at most 1, rounded down, at least 1.
    Share(f64),
}

impl FeatureSampling {
    pub(crate) fn check(self) -> Result<(), LearnError> {
        match self {
            Self::All | Self::Sqrt => Ok(()),
            Self::Count(found) => super::parameter::require_at_least_one("feature_sampling", found),
            Self::Share(found) => super::parameter::require_fraction("feature_sampling", found),
        }
    }

    pub(crate) fn count(self, n_features: usize) -> usize {
        let count = match self {
            Self::All => n_features,
            Self::Sqrt => n_features.isqrt(),
            Self::Count(count) => count,
            Self::Share(share) => (n_features as f64 * share) as usize,
        };
        count.clamp(1, n_features)
    }
}

/// When a tree stops growing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TreeShape {
    pub(crate) max_depth: Option<usize>,
    pub(crate) min_weight_leaf: f64,
    pub(crate) min_weight_split: f64,
    pub(crate) min_gain: f64,
    pub(crate) positive_weight: f64,
    pub(crate) feature_sampling: FeatureSampling,
}

impl TreeShape {
    pub(crate) const fn full_depth(feature_sampling: FeatureSampling) -> Self {
        Self {
            max_depth: None,
            min_weight_leaf: 1.0,
            min_weight_split: 2.0,
            min_gain: 0.0,
            positive_weight: 1.0,
            feature_sampling,
        }
    }

    pub(crate) fn check(&self) -> Result<(), LearnError> {
        require_not_negative("min_weight_leaf", self.min_weight_leaf)?;
        require_not_negative("min_weight_split", self.min_weight_split)?;
        require_not_negative("min_gain", self.min_gain)?;
        require_class_factor("positive_weight", self.positive_weight)?;
        self.feature_sampling.check()
    }

    /// The same in the table's units, for trees of which each has a share `vote` in the margin.
    pub(crate) fn growth(&self, table: &Table, cut: Cut, vote: f64) -> Growth {
        let units = |weight: f64| (weight / table.unit()).round();
        Growth {
            rule: GiniRule {
                min_leaf: (units(self.min_weight_leaf) as u64).max(1),
                positive_weight: self.positive_weight,
            },
            cut,
            n_tried: self.feature_sampling.count(table.n_features),
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            min_split: units(self.min_weight_split) as u64,
            min_gain: units(self.min_gain),
            vote,
        }
    }
}
