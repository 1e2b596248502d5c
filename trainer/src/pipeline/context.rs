//! What the stages hand on.

use picket_schema::FeatureSchema;

use crate::accept::Acceptance;
use crate::dataset::Dataset;
use crate::evaluation::{Evaluation, SliceReport};
use crate::pipeline::choice::Choice;
use crate::report;
use crate::row_groups::RowGroups;
use crate::search::SearchOutcome;
use crate::split::Split;

/// The rows and how they are told apart.
pub(super) struct Rows {
    pub(super) schema: FeatureSchema,
    /// Where they come from, for messages.
    pub(super) source: String,
    pub(super) data: Dataset,
    pub(super) findings: Vec<report::Finding>,
    pub(super) drift: Option<report::Drift>,
    pub(super) groups: RowGroups,
    pub(super) split: Split,
    pub(super) memorised_share: f64,
}

/// What the search chose.
pub(super) struct Searched {
    pub(super) outcome: SearchOutcome,
    pub(super) choice: Choice,
}

/// The fitted model.
pub(super) struct Fitted {
    /// The file that is shipped.
    pub(super) bytes: Vec<u8>,
    /// The file that was measured: it never saw the test rows.
    pub(super) measured: Vec<u8>,
    /// F1 of the measured model on the rows that it learned from.
    pub(super) train_f1: Option<f64>,
}

/// What the measured model achieves.
pub(super) struct Measured {
    pub(super) evaluation: Evaluation,
    pub(super) slices: Vec<SliceReport>,
    /// Metrics of the same learner on the other kind of split.
    pub(super) other_split: Option<OtherSplit>,
}

/// The same learner on the other kind of split.
#[derive(serde::Serialize)]
pub(super) struct OtherSplit {
    pub(super) kind: &'static str,
    pub(super) memorised_share: f64,
    pub(super) metrics: Vec<picket_schema::artifact::Metric>,
}

/// What became of it.
pub(super) struct Accepted {
    pub(super) acceptance: Acceptance,
    /// The champion's digest.
    pub(super) champion: Option<String>,
}
