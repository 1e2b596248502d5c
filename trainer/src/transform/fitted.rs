//! A fitted transform: the artifact's steps, and how they are applied to rows.

use picket_schema::artifact::{ModelColumns, Transform};
use picket_wasm_model::{RowTransform, TransformScratch};
use rayon::prelude::*;

use crate::dataset::Dataset;

/// Rows transformed in one go.
const BATCH: usize = 256;

/// The steps of a transform as they stand in an artifact.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedTransform {
    steps: Transform<'static>,
    columns: ModelColumns,
}

impl FittedTransform {
    pub(super) fn new(steps: Transform<'static>, columns: ModelColumns) -> Self {
        Self { steps, columns }
    }

    /// The steps, for [`Artifact::transform`](picket_schema::Artifact).
    #[must_use]
    pub fn steps(&self) -> &Transform<'static> {
        &self.steps
    }

    /// The columns that a model reads after them.
    #[must_use]
    pub fn columns(&self) -> &ModelColumns {
        &self.columns
    }

    /// The rows as a model reads them; each row by itself, as at the edge.
    ///
    /// # Panics
    /// Where `data` has other columns than the rows that this was fitted to.
    #[must_use]
    pub fn apply(&self, data: &Dataset) -> Dataset {
        apply(&self.steps, data)
    }

    /// Adds up what belongs to one feature of the schema. Shape of `of_columns`: `(n_columns,)` or empty;
    /// of the answer: `(n_features,)` or empty.
    #[must_use]
    pub fn to_features(&self, of_columns: &[f64], n_features: usize) -> Vec<f64> {
        if of_columns.is_empty() {
            return Vec::new();
        }
        let mut of_features = vec![0.0; n_features];
        for (column, x) in self.columns.0.iter().zip(of_columns) {
            of_features[column.feature_idx] += x;
        }
        of_features
    }
}

/// The rows after some steps.
pub(super) fn apply(steps: &Transform<'_>, data: &Dataset) -> Dataset {
    let prepared = RowTransform::new(steps, data.columns().clone());
    let n_columns = data.columns().len();
    let values = data.features().as_slice();
    let values = values.expect("the matrix is made row-major");
    let batches: Vec<Vec<f32>> = values
        .par_chunks(BATCH * n_columns)
        .map(|rows| {
            let mut scratch = TransformScratch::default();
            let mut out = Vec::with_capacity(rows.len() / n_columns * prepared.columns().len());
            for row in rows.chunks_exact(n_columns) {
                prepared.append(steps, row, &mut scratch, &mut out);
            }
            out
        })
        .collect();
    data.with_columns(prepared.columns().clone(), batches.concat())
}
