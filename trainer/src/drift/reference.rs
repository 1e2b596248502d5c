//! What live rows are compared to.

use picket_schema::FeatureSchema;
use picket_schema::artifact::Reference;

/// Rows of a schema, with their scores where a model gave some.
#[derive(Clone, Copy, Debug)]
pub struct LiveRows<'a> {
    /// The features, row-major; NaN is missing. Shape: `(n_rows, n_features)`.
    pub values: &'a [f32],
    /// The scores, from 0 to 1. Shape: `(n_rows,)`.
    pub scores: Option<&'a [f64]>,
}

/// What live rows are compared to.
#[derive(Clone, Copy, Debug)]
pub enum DriftReference<'a> {
    /// Other rows.
    Rows(LiveRows<'a>),
    /// The histograms of a model's training rows.
    Histograms(&'a Reference<'a>),
}

impl LiveRows<'_> {
    pub(super) fn n_rows(&self, schema: &FeatureSchema) -> usize {
        self.values.len() / schema.n_features()
    }

    pub(super) fn column(&self, schema: &FeatureSchema, feature_idx: usize) -> Vec<f32> {
        let n_features = schema.n_features();
        self.values
            .iter()
            .skip(feature_idx)
            .step_by(n_features)
            .copied()
            .collect()
    }
}
