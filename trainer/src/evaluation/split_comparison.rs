//! The same learner on a grouped and on a random split, side by side: how much of a score is memory.

use std::collections::BTreeMap;

use picket_schema::artifact::Metric;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::progress::Reporter;
use crate::row_groups::RowGroups;
use crate::split::{Split, SplitKind};
use crate::training::{Measured, TrainOptions};

/// What one split says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitMeasure {
    /// How many rows the model learned from.
    pub n_rows_train: usize,
    /// How many rows it was measured on.
    pub n_rows_test: usize,
    /// The share of the test rows whose features also stand in the training part.
    pub memorised_share: f64,
    /// On the test rows, with 95 % intervals.
    pub metrics: Vec<Metric>,
    /// On the training rows, by metric.
    pub training_metrics: BTreeMap<&'static str, f64>,
}

/// Both splits of the same data by the same seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitComparison {
    /// Rows with equal features on one side.
    pub grouped: SplitMeasure,
    /// Every row for itself.
    pub random: SplitMeasure,
}

/// Fits and measures the learner of `options` once on each split.
///
/// # Errors
/// As [`train`](crate::train).
pub fn split_comparison(
    data: &Dataset,
    options: &TrainOptions,
    reporter: Reporter,
) -> Result<SplitComparison, TrainerError> {
    let groups = RowGroups::of(data);
    let measure = |kind| {
        let split = Split::new(data, &groups, kind, options.seed)?;
        let measured = Measured::on(data, &split, options, reporter)?;
        Ok::<_, TrainerError>(SplitMeasure {
            n_rows_train: split.train.len(),
            n_rows_test: split.test.len(),
            memorised_share: split.memorised_share(&groups),
            metrics: measured.evaluation.metrics,
            training_metrics: measured.training_metrics,
        })
    };
    Ok(SplitComparison {
        grouped: measure(SplitKind::Grouped)?,
        random: measure(SplitKind::Random)?,
    })
}
