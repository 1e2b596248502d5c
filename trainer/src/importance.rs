//! Feature importances: of the learner, by permutation, and by contributions.

use picket_wasm_model::{Explainer, ExplanationUnit, Model, RowError, Scorer};
use rayon::prelude::*;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::metrics::{METRIC_NAMES, ScoredGroup, ScoredGroups};
use crate::random::Random;

/// Shares are known to far fewer digits.
const DECIMALS: f64 = 1e6;
/// The streams of the permutations and of the rows to explain.
const PERMUTATION_STREAM: u64 = 0x1390_0000_0000;
const SHAP_STREAM: u64 = 0x1391_0000_0000;
/// Rows explained by one thread in one go; also fixes the order in which sums are added.
const CHUNK: usize = 64;

/// Divides by the sum, so that the shares add up to 1 but for rounding to six decimals. Nothing where
/// the sum is 0.
pub(crate) fn shares(importances: Vec<f64>) -> Vec<f64> {
    let sum: f64 = importances.iter().sum();
    if sum > 0.0 && sum.is_finite() {
        let share = |importance: f64| (importance / sum * DECIMALS).round() / DECIMALS;
        importances
            .into_iter()
            .map(|importance| share(importance).clamp(0.0, 1.0))
            .collect()
    } else {
        Vec::new()
    }
}

/// What a metric loses when a feature's values are dealt out anew (Breiman, Machine Learning 45, 2001;
/// Fisher, Rudin and Dominici, JMLR 20, 2019).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PermutationImportance {
    /// The metric.
    pub metric: String,
    /// Its value on the rows as they are.
    pub baseline: f64,
    /// The mean loss: positive where the metric gets worse, in a metric where less is better too.
    /// Shape: `(n_features,)`.
    pub means: Vec<f64>,
    /// The standard deviation over the repeats; 0 for one repeat. Shape: `(n_features,)`.
    pub deviations: Vec<f64>,
}

/// Mean absolute contributions over some rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeanAbsShap {
    /// `log-odds` or `margin`.
    pub unit: &'static str,
    /// How many rows were explained.
    pub n_rows: usize,
    /// Shape: `(n_features,)`.
    pub means: Vec<f64>,
}

/// Why importances could not be measured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportanceError {
    /// No metric has this name.
    #[error("metric {found:?}; expected one of {names}", names = METRIC_NAMES.join(", "))]
    UnknownMetric {
        /// The name.
        found: String,
    },
    /// The rows are of one class, so that metrics have no meaning.
    #[error("all rows are of one class; expected both")]
    OneClass,
    /// A row does not fit the model.
    #[error(transparent)]
    Row(#[from] RowError),
}

/// Measures `metric`, one of [`METRIC_NAMES`], on `data` as it is and with each feature permuted among the rows,
/// `repeats` times (at least once). The same seed gives the same numbers for every number of threads.
///
/// # Errors
/// An [`ImportanceError`] for an unknown metric, rows of one class and rows that do not fit the model.
pub fn permutation_importance(
    model: &Model<'_>,
    data: &Dataset,
    metric: &str,
    repeats: usize,
    seed: u64,
) -> Result<PermutationImportance, ImportanceError> {
    let place = METRIC_NAMES.iter().position(|name| *name == metric);
    let place = place.ok_or_else(|| ImportanceError::UnknownMetric {
        found: metric.to_owned(),
    })?;
    let sign = match metric {
        "brier" | "log_loss" | "ece" => -1.0,
        _ => 1.0,
    };
    let (n_features, repeats) = (model.n_features(), repeats.max(1));
    let values = data.features().as_slice().unwrap_or_default();
    let measure = |rows: &[f32]| -> Result<f64, ImportanceError> {
        let scored = Scorer::new(model).score_batch(rows)?;
        let groups = scored
            .iter()
            .zip(data.labels())
            .map(|(row, label)| ScoredGroup {
                score: row.score.0,
                n_negative: u32::from(!*label),
                n_positive: u32::from(*label),
            });
        let scored = ScoredGroups::from_groups(groups.collect());
        let measured = scored.measure(model.decision().threshold);
        Ok(measured.ok_or(ImportanceError::OneClass)?[place])
    };
    let baseline = measure(values)?;
    let losses: Result<Vec<f64>, ImportanceError> = (0..n_features * repeats)
        .into_par_iter()
        .map(|at| {
            let feature_idx = at / repeats;
            let mut random = Random::stream(seed, PERMUTATION_STREAM + at as u64);
            let mut column = data.features().column(feature_idx).to_vec();
            random.shuffle(&mut column);
            let mut rows = values.to_vec();
            for (row, value) in rows.chunks_exact_mut(n_features).zip(column) {
                row[feature_idx] = value;
            }
            Ok(sign * (baseline - measure(&rows)?))
        })
        .collect();
    let losses = losses?;
    let (means, deviations) = losses.chunks_exact(repeats).map(mean_and_deviation).unzip();
    Ok(PermutationImportance {
        metric: metric.to_owned(),
        baseline,
        means,
        deviations,
    })
}

fn mean_and_deviation(losses: &[f64]) -> (f64, f64) {
    let n = losses.len() as f64;
    let mean = losses.iter().sum::<f64>() / n;
    let squares: f64 = losses
        .iter()
        .map(|loss| (loss - mean) * (loss - mean))
        .sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}

/// The mean absolute contribution of each feature, over all rows or `max_rows` of them by chance.
///
/// # Errors
/// [`ImportanceError::Row`] where rows do not fit the model or its trees are too many to be explained.
pub fn mean_abs_shap(
    model: &Model<'_>,
    data: &Dataset,
    max_rows: usize,
    seed: u64,
) -> Result<MeanAbsShap, ImportanceError> {
    let unit = ExplanationUnit::of(model.calibration());
    let rows = Random::stream(seed, SHAP_STREAM).subset(data.n_rows(), max_rows.max(1));
    let n_features = model.n_features();
    let sums: Result<Vec<Vec<f64>>, RowError> = rows
        .par_chunks(CHUNK)
        .map(|chunk| {
            let mut explainer = Explainer::new(model);
            let mut sums = vec![0.0; n_features];
            for row_idx in chunk {
                let explanation = explainer.explain(data.row(*row_idx as usize))?;
                for (sum, contribution) in sums.iter_mut().zip(explanation.contributions) {
                    *sum += unit.of_contribution(contribution).abs();
                }
            }
            Ok(sums)
        })
        .collect();
    let mut means = vec![0.0; n_features];
    for sums in sums? {
        for (mean, sum) in means.iter_mut().zip(sums) {
            *mean += sum / rows.len() as f64;
        }
    }
    Ok(MeanAbsShap {
        unit: unit.name(),
        n_rows: rows.len(),
        means,
    })
}
