//! Measures a candidate on each fold.

use crate::calibration::fit_platt;
use crate::dataset::Dataset;
use crate::row_groups::RowGroups;
use crate::search::{FoldPlan, FoldRecord, SearchMetric, TaskResult};

/// Measures margins of unseen rows fold by fold.
pub(crate) fn fold_records(
    data: &Dataset,
    plan: &FoldPlan,
    margins: &[f64],
    train: &[Vec<usize>],
    tasks: &[TaskResult],
) -> Vec<FoldRecord> {
    let (mut known, mut labels) = (Vec::new(), Vec::new());
    for (margin, label) in margins.iter().zip(data.labels()) {
        if !margin.is_nan() {
            known.push(*margin);
            labels.push(*label);
        }
    }
    let calibration = fit_platt(&known, &labels);
    let records = plan
        .folds
        .iter()
        .zip(train)
        .zip(tasks)
        .map(|((fold, train), task)| {
            let part = data.select(&fold.held_out);
            let groups = RowGroups::of(&part);
            let score = |row_idx: &usize| {
                let log_odds = calibration.slope * margins[*row_idx] + calibration.intercept;
                picket_wasm_model::sigmoid(log_odds)
            };
            let scores: Vec<f64> = fold.held_out.iter().map(score).collect();
            let metrics = SearchMetric::ALL.iter().filter_map(|metric| {
                let value = metric.measure(&groups, &scores, part.labels())?;
                Some((metric.name().to_owned(), value))
            });
            FoldRecord {
                n_train: train.len(),
                n_held_out: fold.held_out.len(),
                seconds: task.seconds,
                n_bytes: task.n_bytes,
                metrics: metrics.collect(),
            }
        });
    records.collect()
}
