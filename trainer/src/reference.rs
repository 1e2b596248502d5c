//! What the training rows look like: the histograms that drift is measured against.

use std::borrow::Cow;

use picket_schema::artifact::{FeatureHistogram, Reference};
use picket_schema::{Domain, Feature, limits};

use crate::dataset::Dataset;

/// How many bins a numeric feature's histogram has at most.
const N_BINS: usize = 20;

/// Counts the rows' values and `scores`, shape `(n_scores,)`.
///
/// The scores are those of models that did not see the rows: scores of rows learned by heart are
/// too sure of themselves, and every live row would look like drift beside them.
#[must_use]
pub fn reference_of(data: &Dataset, scores: &[f64]) -> Reference<'static> {
    let features = data
        .schema()
        .features
        .iter()
        .enumerate()
        .map(|(feature_idx, feature)| {
            let values = data.features().column(feature_idx).to_vec();
            histogram(feature, &values)
        });
    Reference {
        features: features.collect(),
        scores: Cow::Owned(score_counts(scores)),
    }
}

/// The counts of scores in bins of equal width, as an artifact holds them.
pub(crate) fn score_counts(scores: &[f64]) -> Vec<u8> {
    let mut counts = [0_u32; limits::SCORE_BINS];
    for score in scores {
        let bin = (score * limits::SCORE_BINS as f64) as usize;
        counts[bin.min(limits::SCORE_BINS - 1)] += 1;
    }
    little_endian(&counts).into_owned()
}

fn histogram(feature: &Feature, values: &[f32]) -> FeatureHistogram<'static> {
    let edges: Vec<f32> = match &feature.domain {
        Domain::Categories(_) | Domain::Hashed(_) => (0..feature.n_categories() - 1)
            .map(|code| code as f32)
            .collect(),
        Domain::Values(values) => values[..values.len() - 1]
            .iter()
            .map(|v| *v as f32)
            .collect(),
        Domain::Range(_) => quantiles(values),
    };
    let mut counts = vec![0_u32; edges.len() + 2];
    for value in values {
        let bin = if value.is_nan() {
            edges.len() + 1
        } else {
            edges.partition_point(|edge| edge < value)
        };
        counts[bin] += 1;
    }
    let edges = edges.iter().flat_map(|edge| edge.to_le_bytes()).collect();
    FeatureHistogram {
        edges: Cow::Owned(edges),
        counts: little_endian(&counts),
    }
}

/// Distinct quantiles below the largest value.
fn quantiles(values: &[f32]) -> Vec<f32> {
    let mut sorted: Vec<f32> = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    sorted.sort_by(f32::total_cmp);
    let Some(largest) = sorted.last().copied() else {
        return Vec::new();
    };
    let mut edges: Vec<f32> = (1..N_BINS)
        .map(|bin| sorted[bin * sorted.len() / N_BINS])
        .filter(|edge| *edge < largest)
        .collect();
    edges.dedup();
    edges
}

fn little_endian(counts: &[u32]) -> Cow<'static, [u8]> {
    Cow::Owned(
        counts
            .iter()
            .flat_map(|count| count.to_le_bytes())
            .collect(),
    )
}
