//! How to search.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::search::SearchMetric;
use crate::split::SplitKind;
use crate::transform::TransformPlan;

/// How candidates are found and thinned out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Every combination, on all rows.
    #[default]
    Grid,
    /// So many draws, on all rows.
    Random(usize),
    /// Every combination on few rows, one of `factor` on `factor` times as many, and so on.
    Halving {
        /// What the candidates are divided by and the rows multiplied by.
        factor: usize,
    },
}

/// How to search.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// What rows go through before a learner that names nothing else.
    pub transform: TransformPlan,
    /// Whether blends of the best candidates are compared too.
    pub blend: bool,
    /// What candidates are compared by.
    pub metric: SearchMetric,
    /// How candidates are found.
    pub strategy: Strategy,
    /// Which rows stay together in folds.
    pub split: SplitKind,
    /// How many folds.
    pub n_folds: usize,
    /// The seed of folds, draws and learners.
    pub seed: u64,
    /// After this time no new task is started.
    pub time_budget: Option<Duration>,
    /// Tasks that run at the same time take about so many bytes together.
    pub memory_budget: Option<u64>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            transform: TransformPlan::default(),
            blend: false,
            metric: SearchMetric::F1,
            strategy: Strategy::Grid,
            split: SplitKind::Grouped,
            n_folds: 5,
            seed: 0,
            time_budget: None,
            memory_budget: None,
        }
    }
}
