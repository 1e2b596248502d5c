//! The pipeline's file: every stage's settings, each with a default.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::TrainerError;
use crate::search::{ParameterSpace, SearchMetric, SearchOptions, Strategy};
use crate::split::SplitKind;

/// `[split]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SplitSection {
    /// Which rows stay together.
    pub kind: SplitKind,
}

/// `[search]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SearchSection {
    /// How candidates are found and thinned out.
    pub strategy: StrategyName,
    /// What candidates are compared by.
    pub metric: SearchMetric,
    /// How many folds.
    pub folds: usize,
    /// How many draws a random search makes.
    pub draws: usize,
    /// What the candidates are divided by in a round of halving.
    pub factor: usize,
    /// After so many seconds no new task is started.
    pub time_budget_s: Option<f64>,
    /// Tasks that run together take about so many megabytes.
    pub memory_budget_mb: Option<u64>,
    /// Whether a blend of the best candidates is tried too.
    pub blend: bool,
    /// The candidates; empty for the standard ones.
    pub candidates: ParameterSpace,
}

/// The name of a [`Strategy`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyName {
    /// Every combination.
    #[default]
    Grid,
    /// So many draws.
    Random,
    /// Successive halving.
    Halving,
}

impl Default for SearchSection {
    fn default() -> Self {
        Self {
            strategy: StrategyName::Grid,
            metric: SearchMetric::LogLoss,
            folds: 5,
            draws: 30,
            factor: 3,
            time_budget_s: None,
            memory_budget_mb: None,
            blend: true,
            candidates: ParameterSpace::default(),
        }
    }
}

impl SearchSection {
    /// The options of the search.
    #[must_use]
    pub fn options(&self, split: SplitKind, seed: u64) -> SearchOptions {
        SearchOptions {
            metric: self.metric,
            strategy: match self.strategy {
                StrategyName::Grid => Strategy::Grid,
                StrategyName::Random => Strategy::Random(self.draws),
                StrategyName::Halving => Strategy::Halving { factor: self.factor },
            },
            split,
            n_folds: self.folds,
            seed,
            time_budget: self.time_budget_s.filter(|s| s.is_finite() && *s >= 0.0).map(Duration::from_secs_f64),
            memory_budget: self.memory_budget_mb.map(|mb| mb.saturating_mul(1_000_000)),
        }
    }
}
