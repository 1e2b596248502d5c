//! A loaded model: the artifact's tables, validated once, and where each tree starts in them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use picket_schema::artifact::{Artifact, Calibration, Decision, ModelTable, TreeLayout, Trees};
use picket_schema::{ArtifactError, FeatureSchema, Margin, Score, Verdict};

use crate::calibrated::calibrated;
use crate::condition_masks::ConditionMasks;
use crate::fast::FastTrees;
use crate::tree_shap::TreeShap;

/// So many rows are scored without tables: making tables takes about as long.
const SLOW_ROWS: usize = 64;

/// What a model says of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// Before calibration.
    pub margin: Margin,
    /// The probability of the positive class.
    pub score: Score,
    /// What to do about the row.
    pub verdict: Verdict,
}

/// A validated model that borrows its tables from the artifact's bytes.
///
/// Rows are scored by a [`Scorer`](crate::Scorer), or by the obvious [`naive`](crate::naive) code.
#[derive(Debug)]
pub struct Model<'a> {
    artifact: Artifact<'a>,
    layout: TreeLayout,
    conditions: ConditionMasks,
    /// Made when enough rows have come to pay for it.
    fast: OnceLock<Option<FastTrees>>,
    n_slow_rows: AtomicUsize,
    /// Made for the first explanation.
    shap: OnceLock<Option<TreeShap>>,
}

impl<'a> Model<'a> {
    /// Reads and validates an artifact. No table is copied.
    ///
    /// # Errors
    /// The [`ArtifactError`] that decoding finds.
    pub fn load(bytes: &'a [u8]) -> Result<Self, ArtifactError> {
        let (artifact, layout) = Artifact::decode_with_layout(bytes)?;
        let conditions = match &artifact.model {
            ModelTable::Trees(trees) => ConditionMasks::new(trees, &artifact.schema),
            ModelTable::Linear(_) => ConditionMasks::default(),
        };
        Ok(Self {
            artifact,
            layout,
            conditions,
            fast: OnceLock::new(),
            n_slow_rows: AtomicUsize::new(0),
            shap: OnceLock::new(),
        })
    }

    /// The artifact's content.
    #[must_use]
    pub fn artifact(&self) -> &Artifact<'a> {
        &self.artifact
    }

    /// What a row holds.
    #[must_use]
    pub fn schema(&self) -> &FeatureSchema {
        &self.artifact.schema
    }

    /// How many features a row has.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.artifact.schema.n_features()
    }

    /// From margin to score.
    #[must_use]
    pub fn calibration(&self) -> &Calibration<'a> {
        &self.artifact.calibration
    }

    /// From score to verdict.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.artifact.decision
    }

    /// Score and verdict of a margin. Every path to a score ends here.
    #[must_use]
    pub fn judge(&self, margin: Margin) -> Scored {
        let score = calibrated(&self.artifact.calibration, margin);
        Scored {
            margin,
            score,
            verdict: self.artifact.decision.verdict(score),
        }
    }

    pub(crate) fn conditions(&self) -> &ConditionMasks {
        &self.conditions
    }

    /// The tables for scoring `n_rows` more rows; `None` where these do better without.
    pub(crate) fn fast(&self, trees: &Trees<'_>, n_rows: usize) -> Option<&FastTrees> {
        if let Some(fast) = self.fast.get() {
            return fast.as_ref();
        }
        let n_before = self.n_slow_rows.fetch_add(n_rows, Ordering::Relaxed);
        if n_before.saturating_add(n_rows) < SLOW_ROWS {
            return None;
        }
        let make = || FastTrees::new(trees, &self.layout, self.schema());
        self.fast.get_or_init(make).as_ref()
    }

    /// The tables for explanations; `None` where they would be too large.
    pub(crate) fn tree_shap(&self, trees: &Trees<'_>) -> Option<&TreeShap> {
        let make = || TreeShap::new(trees, &self.layout);
        self.shap.get_or_init(make).as_ref()
    }

    pub(crate) fn layout(&self) -> &TreeLayout {
        &self.layout
    }
}

/// The margin of a fixed-point sum: exact, because the sum is far below 2^53.
pub(crate) fn margin_of(trees: &Trees<'_>, sum: i64) -> Margin {
    // 2^-k by its bits: no power function, the same on every host. k is at most 52.
    let unit = f64::from_bits((1023 - u64::from(trees.scale_log2)) << 52);
    Margin((trees.base + sum) as f64 * unit)
}
