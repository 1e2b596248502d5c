//! Measures an artifact on labelled rows, by the scorer that the edge runs.

mod gate;
mod slices;
mod split_comparison;

use std::collections::BTreeMap;

use picket_schema::artifact::{Artifact, Metric};
use picket_wasm_model::{Model, RowError, Scorer};
use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::metrics::{Confusion, METRIC_NAMES, ScoredGroups, measure_with_intervals};
use crate::row_groups::RowGroups;

pub use gate::{Gate, GateFinding, GateReport};
pub use slices::{Slice, SliceReport, slice_by};
pub use split_comparison::{SplitComparison, SplitMeasure, split_comparison};

/// Rows scored in one go.
const BATCH: usize = 1024;

/// What a model achieves on labelled rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The metrics with 95 % intervals.
    pub metrics: Vec<Metric>,
    /// How many rows of each class got which verdict.
    pub confusion: Confusion,
    /// The score from which a row is taken for positive.
    pub threshold: f64,
    /// How many rows were scored.
    pub n_rows: usize,
    /// How many of them are distinct.
    pub n_distinct_rows: usize,
    /// How many of them are positive.
    pub n_positive: usize,
}

/// Margins and scores of rows, each of shape `(n_rows,)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// Before calibration.
    pub margins: Vec<f64>,
    /// Calibrated probabilities of the positive class.
    pub scores: Vec<f64>,
}

impl Scores {
    /// Scores all rows of `data`, equal ones once.
    ///
    /// # Errors
    /// [`RowError`] where the model has another number of features than the data.
    pub fn of(model: &Model<'_>, data: &Dataset) -> Result<Self, RowError> {
        let groups = RowGroups::of(data);
        if groups.n_groups() == data.n_rows() {
            return Self::of_each(model, data);
        }
        let first: Vec<usize> = groups.rows().iter().map(|rows| rows[0]).collect();
        let distinct = Self::of_each(model, &data.select(&first))?;
        let of_rows = |of_groups: &[f64]| {
            let groups = groups.group_of_row().iter();
            groups.map(|group| of_groups[*group]).collect()
        };
        Ok(Self {
            margins: of_rows(&distinct.margins),
            scores: of_rows(&distinct.scores),
        })
    }

    fn of_each(model: &Model<'_>, data: &Dataset) -> Result<Self, RowError> {
        let values = data.features().as_slice().unwrap_or_default();
        let batches: Result<Vec<_>, RowError> = values
            .par_chunks(BATCH * model.n_features())
            .map(|rows| Scorer::new(model).score_batch(rows))
            .collect();
        let scored: Vec<_> = batches?.into_iter().flatten().collect();
        Ok(Self {
            margins: scored.iter().map(|row| row.margin.0).collect(),
            scores: scored.iter().map(|row| row.score.0).collect(),
        })
    }
}

impl Evaluation {
    /// Measures `model` on `data`. `seed` draws the samples of the intervals.
    ///
    /// # Errors
    /// [`RowError`] where the model has another number of features than the data.
    pub fn of(model: &Model<'_>, data: &Dataset, seed: u64) -> Result<Self, RowError> {
        let scores = Scores::of(model, data)?.scores;
        let groups = RowGroups::of(data);
        let threshold = model.decision().threshold;
        let scored = ScoredGroups::new(&groups, &scores, data.labels());
        Ok(Self {
            // A part of a data set holds both classes: splitting and reading see to that.
            metrics: measure_with_intervals(&scored, threshold, seed).unwrap_or_default(),
            confusion: Confusion::of(&scored, model.decision()),
            threshold,
            n_rows: data.n_rows(),
            n_distinct_rows: groups.n_groups(),
            n_positive: data.labels().iter().filter(|label| **label).count(),
        })
    }

    /// The metric of this name.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

/// The metrics of `model` on `data` by name, without intervals; empty where the rows are of one class.
///
/// # Errors
/// [`RowError`] where the model has another number of features than the data.
pub fn point_metrics(
    model: &Model<'_>,
    data: &Dataset,
) -> Result<BTreeMap<&'static str, f64>, RowError> {
    let measured = scored_groups(model, data)?.measure(model.decision().threshold);
    let values = measured.into_iter().flatten();
    Ok(METRIC_NAMES.into_iter().zip(values).collect())
}

/// Scores the rows of `data` and puts equal ones together.
///
/// # Errors
/// [`RowError`] where the model has another number of features than the data.
pub fn scored_groups(model: &Model<'_>, data: &Dataset) -> Result<ScoredGroups, RowError> {
    let scores = Scores::of(model, data)?.scores;
    Ok(ScoredGroups::new(
        &RowGroups::of(data),
        &scores,
        data.labels(),
    ))
}

/// Whether a model was trained from exactly these rows, so that measuring on them flatters it.
#[must_use]
pub fn is_training_data(artifact: &Artifact<'_>, data: &Dataset) -> bool {
    artifact.card.data_digest == data.digest()
}
