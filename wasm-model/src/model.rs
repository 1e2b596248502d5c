//! A loaded model: the artifact's tables, validated once, and where each tree starts in them.

use picket_schema::artifact::{Artifact, Calibration, Decision, ModelColumns, ModelTable, Trees};
use picket_schema::{ArtifactError, FeatureSchema, Margin, Score, Verdict};

use crate::calibrated::calibrated;
use crate::prepared_trees::PreparedTrees;
use crate::row_transform::RowTransform;

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
    transform: RowTransform,
    prepared_trees: Vec<PreparedTrees>,
}

impl<'a> Model<'a> {
    /// Reads and validates an artifact. No table is copied.
    ///
    /// # Errors
    /// The [`ArtifactError`] that decoding finds.
    pub fn load(bytes: &'a [u8]) -> Result<Self, ArtifactError> {
        let (artifact, layouts) = Artifact::decode_with_layouts(bytes)?;
        let transform = RowTransform::new(&artifact.transform, (&artifact.schema).into());
        let tables = artifact.model.members();
        let trees = tables.filter_map(|(_, table)| match table {
            ModelTable::Trees(trees) => Some(trees),
            _ => None,
        });
        let prepared_trees = trees
            .zip(layouts)
            .map(|(trees, layout)| PreparedTrees::new(trees, layout, transform.columns()))
            .collect();
        Ok(Self {
            artifact,
            transform,
            prepared_trees,
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

    /// The columns that the model's tables index: those of a row after the transform.
    #[must_use]
    pub fn columns(&self) -> &ModelColumns {
        self.transform.columns()
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

    pub(crate) fn transform(&self) -> &RowTransform {
        &self.transform
    }

    /// One for each table of trees, in the order of [`ModelTable::members`].
    pub(crate) fn prepared_trees(&self) -> &[PreparedTrees] {
        &self.prepared_trees
    }
}

/// The margin of a fixed-point sum: exact, because the sum is far below 2^53.
pub(crate) fn margin_of(trees: &Trees<'_>, sum: i64) -> Margin {
    // 2^-k by its bits: no power function, the same on every host. k is at most 52.
    let unit = f64::from_bits((1023 - u64::from(trees.scale_log2)) << 52);
    Margin((trees.base + sum) as f64 * unit)
}
