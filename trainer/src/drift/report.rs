//! The comparison of all columns.

use picket_schema::artifact::{FeatureHistogram, Reference};
use picket_schema::{FeatureSchema, limits};
use rayon::prelude::*;
use serde::Serialize;

use super::benjamini_hochberg::q_values;
use super::binned::Bins;
use super::chi_squared::Cells;
use super::column_test::{ColumnTest, by_counts, compare};
use super::design_effect::{self, CopiedRows, DesignEffect};
use super::options::{DriftOptions, DriftSeverity};
use super::reference::{DriftReference, LiveRows};

/// Which test a column was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftTest {
    /// For many different numbers.
    KolmogorovSmirnov,
    /// For few values, categories and histograms.
    ChiSquared,
}

/// How one column compares to its reference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnDrift {
    /// The column.
    pub column: String,
    /// The test.
    pub test: DriftTest,
    /// Its statistic.
    pub statistic: f64,
    /// The chance of such a statistic or a larger one without drift.
    pub p_value: f64,
    /// The same, corrected for the number of columns.
    pub q_value: f64,
    /// Whether the column has drifted: whether the q-value is below alpha.
    pub drift_status: bool,
    /// The population stability index.
    pub psi: f64,
    /// How far it has drifted.
    pub severity: DriftSeverity,
    /// Rows of the reference, those without a value included.
    pub n_reference: u64,
    /// Live rows.
    pub n_live: u64,
    /// By how much copies among the rows widen the shares' variance; 1 for independent rows.
    pub design_effect: f64,
    /// The bins in words, for plots. Shape: `(n_bins,)`, the last for missing values.
    pub bins: Vec<String>,
    /// Rows of the reference in each bin.
    pub reference_counts: Vec<f64>,
    /// Live rows in each bin.
    pub live_counts: Vec<f64>,
}

/// How all columns compare to their reference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DriftReport {
    /// Whether any column or the scores have drifted.
    pub drift_status: bool,
    /// How many of them have.
    pub n_drifted: u64,
    /// From which q-value down one has.
    pub alpha: f64,
    /// Rows of the reference.
    pub n_reference: u64,
    /// Live rows.
    pub n_live: u64,
    /// One a feature, in the schema's order.
    pub columns: Vec<ColumnDrift>,
    /// The model's scores, where both sides have some.
    pub scores: Option<ColumnDrift>,
}

/// Compares live rows with a reference. Both sides must be of `schema` and have rows; a
/// reference of histograms must have one a feature.
///
/// # Panics
/// Where they are not.
#[must_use]
pub fn drift(
    schema: &FeatureSchema,
    reference: &DriftReference<'_>,
    live: &LiveRows<'_>,
    options: &DriftOptions,
) -> DriftReport {
    let (mut tests, score_test) = match reference {
        DriftReference::Rows(rows) => of_rows(schema, rows, live, options),
        DriftReference::Histograms(histograms) => of_histograms(schema, histograms, live, options),
    };
    let has_scores = score_test.is_some();
    tests.extend(score_test);
    let p_values: Vec<f64> = tests.iter().map(|test| test.p_value).collect();
    let names = schema
        .features
        .iter()
        .map(|feature| feature.name.as_str())
        .chain(["score"]);
    let mut columns: Vec<ColumnDrift> = tests
        .into_iter()
        .zip(q_values(&p_values))
        .zip(names)
        .map(|((test, q_value), name)| described(test, q_value, name, options))
        .collect();
    let n_drifted = columns.iter().filter(|column| column.drift_status).count() as u64;
    let scores = if has_scores { columns.pop() } else { None };
    DriftReport {
        drift_status: n_drifted > 0,
        n_drifted,
        alpha: options.alpha,
        n_reference: columns.first().map_or(0, |column| column.n_reference),
        n_live: live.n_rows(schema) as u64,
        columns,
        scores,
    }
}

fn described(test: ColumnTest, q_value: f64, name: &str, options: &DriftOptions) -> ColumnDrift {
    let has_drifted = q_value < options.alpha;
    ColumnDrift {
        column: name.to_owned(),
        test: test.test,
        statistic: test.statistic,
        p_value: test.p_value,
        q_value,
        drift_status: has_drifted,
        psi: test.psi,
        severity: DriftSeverity::of(has_drifted, test.psi),
        n_reference: test.reference.iter().sum::<f64>() as u64,
        n_live: test.live.iter().sum::<f64>() as u64,
        design_effect: test.design_effect,
        bins: test.labels,
        reference_counts: test.reference,
        live_counts: test.live,
    }
}

fn of_rows(
    schema: &FeatureSchema,
    reference: &LiveRows<'_>,
    live: &LiveRows<'_>,
    options: &DriftOptions,
) -> (Vec<ColumnTest>, Option<ColumnTest>) {
    let copies = options
        .grouped
        .then(|| CopiedRows::of(reference.values, live.values, schema.n_features()));
    let tests = (0..schema.n_features())
        .into_par_iter()
        .map(|feature_idx| {
            compare(
                Some(&schema.features[feature_idx]),
                &reference.column(schema, feature_idx),
                &live.column(schema, feature_idx),
                copies.as_ref(),
            )
        })
        .collect();
    let scores = reference.scores.zip(live.scores).map(|(before, now)| {
        let narrow = |scores: &[f64]| scores.iter().map(|score| *score as f32).collect::<Vec<_>>();
        compare(None, &narrow(before), &narrow(now), copies.as_ref())
    });
    (tests, scores)
}

fn of_histograms(
    schema: &FeatureSchema,
    reference: &Reference<'_>,
    live: &LiveRows<'_>,
    options: &DriftOptions,
) -> (Vec<ColumnTest>, Option<ColumnTest>) {
    let effect = if options.grouped {
        design_effect::alone(live.values, schema.n_features())
    } else {
        DesignEffect::NONE
    };
    let tests = (0..schema.n_features())
        .into_par_iter()
        .map(|feature_idx| {
            let FeatureHistogram { edges, counts } = &reference.features[feature_idx];
            let edges = edges.as_chunks::<4>().0.iter();
            let bins = Bins::new(edges.map(|edge| f32::from_le_bytes(*edge)).collect());
            let counts = (
                counts_of(counts),
                bins.counts(&live.column(schema, feature_idx)),
            );
            let cells = Cells::of(&counts.0, &counts.1, effect.mean);
            let feature = &schema.features[feature_idx];
            by_counts(Some(feature), &bins, counts, &cells, &effect)
        })
        .collect();
    let has_scores = !reference.scores.is_empty();
    let scores = live.scores.filter(|_| has_scores).map(|scores| {
        let n_bins = limits::SCORE_BINS;
        let edges = (1..n_bins).map(|bin| bin as f32 / n_bins as f32).collect();
        let bins = Bins::new(edges);
        let mut now = vec![0.0; n_bins + 1];
        for score in scores {
            now[((score * n_bins as f64) as usize).min(n_bins - 1)] += 1.0;
        }
        let mut before = counts_of(&reference.scores);
        before.push(0.0);
        let cells = Cells::of(&before, &now, effect.mean);
        by_counts(None, &bins, (before, now), &cells, &effect)
    });
    (tests, scores)
}

fn counts_of(bytes: &[u8]) -> Vec<f64> {
    let counts = bytes.as_chunks::<4>().0.iter();
    counts
        .map(|count| f64::from(u32::from_le_bytes(*count)))
        .collect()
}
