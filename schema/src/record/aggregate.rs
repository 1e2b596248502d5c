//! Counts of what was scored in a window of time.

use serde::{Deserialize, Serialize};

use super::error::RecordError;
use super::prediction::ModelName;
use super::text::{expect, expect_count, expect_name};
use crate::limits::{MAX_FEATURES, SCORE_BINS};

/// The most bins of a feature's histogram: one a category, and a few.
const MAX_BINS: usize = 1 << 17;

/// How often each verdict was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictCounts {
    /// Taken for the threat.
    pub positive: u64,
    /// Taken for harmless.
    pub negative: u64,
    /// Left open.
    pub uncertain: u64,
}

/// The histogram of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureCounts {
    /// The feature.
    pub name: String,
    /// The upper bounds of all bins but the last, ascending. Shape: `(n_bins - 1,)`.
    pub edges: Vec<f32>,
    /// Rows in each bin, and last those without a value. Shape: `(n_bins + 1,)`.
    pub counts: Vec<u64>,
}

/// Counts of what one model scored on one node in a window of time. It holds no row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggregateRecord {
    /// This record's id: 32 hexadecimal digits.
    pub id: String,
    /// When the window began, in milliseconds since 1970.
    pub time_ms: u64,
    /// How long it is, in milliseconds.
    pub span_ms: u64,
    /// The node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The model.
    pub model: ModelName,
    /// Rows scored.
    pub n_rows: u64,
    /// Rows by verdict.
    pub verdicts: VerdictCounts,
    /// Rows by score, in bins of equal width. Shape: `(20,)`.
    pub scores: Vec<u64>,
    /// One a feature, in the schema's order.
    pub features: Vec<FeatureCounts>,
}

/// The sum of counts, where it is a number at all.
fn sum(counts: &[u64]) -> Option<u64> {
    counts
        .iter()
        .try_fold(0_u64, |sum, count| sum.checked_add(*count))
}

impl AggregateRecord {
    pub(super) fn check(&self) -> Result<(), RecordError> {
        self.model.check()?;
        expect_count(self.span_ms, "span_ms")?;
        expect_count(self.n_rows, "n_rows")?;
        let VerdictCounts {
            positive,
            negative,
            uncertain,
        } = self.verdicts;
        let of_all = |counts: &[u64]| sum(counts) == Some(self.n_rows);
        let expected = "counts that add up to n_rows";
        let verdicts = [positive, negative, uncertain];
        expect(of_all(&verdicts), "verdicts", expected, "another sum")?;
        let n_bins = self.scores.len();
        expect(n_bins == SCORE_BINS, "scores", "20 counts", n_bins)?;
        expect(of_all(&self.scores), "scores", expected, "another sum")?;
        let n_features = self.features.len();
        expect(
            n_features <= MAX_FEATURES,
            "features",
            "at most 4096 features",
            n_features,
        )?;
        for feature in &self.features {
            expect_name(&feature.name, "features.name")?;
            let edges = &feature.edges;
            let ascending = edges.windows(2).all(|pair| pair[0] < pair[1])
                && edges.iter().all(|it| it.is_finite());
            let edges_hold = ascending && edges.len() < MAX_BINS;
            expect(
                edges_hold,
                "features.edges",
                "ascending numbers",
                "other ones",
            )?;
            let n_counts = feature.counts.len();
            let expected_counts = "one count more than bins, two more than edges";
            expect(
                n_counts == edges.len() + 2,
                "features.counts",
                expected_counts,
                n_counts,
            )?;
            expect(
                of_all(&feature.counts),
                "features.counts",
                expected,
                "another sum",
            )?;
        }
        Ok(())
    }
}
