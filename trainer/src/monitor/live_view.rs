//! What one look at the records gives: plain data, the same for a table, JSON, alerts and a dashboard.

use picket_schema::record::{ModelName, VerdictCounts};
use serde::Serialize;

use super::share::Share;
use crate::accept::McNemar;
use crate::drift::DriftSeverity;
use crate::records::LabelCounts;

/// What one look at the records gives. `docs/monitor.md` documents it field by field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiveView {
    /// The version of this form: 1. Fields may be added to a version, never changed.
    pub format: u32,
    /// When the look was taken, in milliseconds since 1970.
    pub generated_ms: u64,
    /// The span that was looked at.
    pub from_ms: u64,
    /// Its end.
    pub to_ms: u64,
    /// How long a bin of time is.
    pub bin_ms: u64,
    /// The store's address, without secrets.
    pub store: String,
    /// The class that is the threat, where a model is known.
    pub positive_class: Option<String>,
    /// The other class.
    pub negative_class: Option<String>,
    /// What was scored in all.
    pub totals: Totals,
    /// What was scored over time: one a bin, without gaps.
    pub volumes: Vec<VolumeBin>,
    /// How scores are spread, over all models.
    pub scores: ScoreHistogram,
    /// One a model that answered, by the time of its first answer.
    pub versions: Vec<VersionView>,
    /// One a pair of champion and challenger.
    pub shadows: Vec<ShadowView>,
    /// One a model with a reference and aggregates.
    pub drift: Vec<ModelDrift>,
    /// One a node, the longest silent first.
    pub nodes: Vec<NodeView>,
    /// What labels there are.
    pub labels: LabelView,
    /// What reading came upon.
    pub records: RecordsView,
    /// Alerts that are raised now, or were cleared with this look. Empty where no rules were applied.
    pub alerts: Vec<AlertView>,
}

/// What was scored in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Rows scored.
    pub n_rows: u64,
    /// By verdict.
    pub verdicts: VerdictCounts,
    /// Nodes that sent something.
    pub n_nodes: u64,
}

/// What was scored in a bin of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct VolumeBin {
    /// When it begins.
    pub start_ms: u64,
    /// Rows scored.
    pub n_rows: u64,
    /// By verdict: the positive ones are the threats over time.
    pub verdicts: VerdictCounts,
    /// Labels given in it.
    pub n_labels: u64,
}

/// How scores are spread.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ScoreHistogram {
    /// Rows by score, in bins of equal width from 0 to 1. Shape: `(20,)`.
    pub counts: Vec<u64>,
    /// The same of the rows that the newest known model was trained on; empty where none is known. Shape: `(20,)`.
    pub reference: Vec<u64>,
}

/// How often verdicts were right, of rows that have a label.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Rows that have a label.
    pub n_labelled: u64,
    /// Of them, those that the model left open: they are neither right nor wrong.
    pub n_uncertain: u64,
    /// Right ones of the decided ones.
    pub accuracy: Share,
    /// Threats that were found, of the labelled threats that were decided.
    pub recall: Share,
    /// Threats of the labelled rows that were taken for such.
    pub precision: Share,
}

/// Accuracy in a bin of time, by the time of the prediction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AccuracyBin {
    /// When it begins.
    pub start_ms: u64,
    /// Right ones of the decided ones.
    pub accuracy: Share,
}

/// A model that answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VersionView {
    /// Its name and digest.
    pub model: ModelName,
    /// The newest release that holds it, where a store of releases was given.
    pub release: Option<u64>,
    /// Whether it is the champion there.
    pub is_champion: bool,
    /// Whether its file was at hand: without it, labels are read by another model's classes, and it has no drift.
    pub is_known: bool,
    /// Its first answer in the span.
    pub first_ms: u64,
    /// Its last one.
    pub last_ms: u64,
    /// Rows scored.
    pub n_rows: u64,
    /// By verdict.
    pub verdicts: VerdictCounts,
    /// From labels; none without labels or without classes.
    pub accuracy: Option<Accuracy>,
    /// The same over time; bins without labels are left out.
    pub accuracy_over_time: Vec<AccuracyBin>,
}

/// A challenger beside a champion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShadowView {
    /// The one that answered.
    pub champion: ModelName,
    /// The one that looked on.
    pub challenger: ModelName,
    /// Rows on which both said the same.
    pub agreement: Share,
    /// The mean of the challenger's score less the champion's.
    pub mean_delta: f64,
    /// Rows by that difference, in 20 bins of equal width from -1 to 1.
    pub deltas: Vec<u64>,
    /// On rows with a label that both decided.
    pub paired: Option<Paired>,
}

/// Champion and challenger on the same labelled rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// The champion's accuracy.
    pub champion: Share,
    /// The challenger's.
    pub challenger: Share,
    /// Whether they differ by more than chance: `only_first` is the champion alone right.
    pub test: McNemar,
}

/// How far live rows of a model are from those that it was trained on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelDrift {
    /// The model.
    pub model: ModelName,
    /// Rows in the aggregates of the whole span.
    pub n_live: u64,
    /// Rows of the reference.
    pub n_reference: u64,
    /// Aggregates whose bins are not the model's: left out.
    pub n_unusable: u64,
    /// From which q-value down a column may have drifted.
    pub alpha: f64,
    /// From which stability index up.
    pub min_psi: f64,
    /// Features that have drifted.
    pub n_drifted: u64,
    /// The five features furthest away that have drifted.
    pub top: Vec<String>,
    /// The scores, where the model has a reference of them.
    pub scores: Option<ColumnDriftView>,
    /// One a feature, in the schema's order.
    pub features: Vec<ColumnDriftView>,
}

/// How far a column is from its reference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnDriftView {
    /// The feature, or `score`.
    pub column: String,
    /// Pearson's chi-squared statistic.
    pub statistic: f64,
    /// Its p-value.
    pub p_value: f64,
    /// The same, corrected for all columns.
    pub q_value: f64,
    /// The population stability index.
    pub psi: f64,
    /// Whether both say that it has drifted.
    pub has_drifted: bool,
    /// How far.
    pub severity: DriftSeverity,
    /// The bins in words, the last for missing values. Shape: `(n_bins + 1,)`.
    pub bins: Vec<String>,
    /// Rows of the reference in each.
    pub reference: Vec<u64>,
    /// Live rows in each.
    pub live: Vec<u64>,
    /// The same over windows of time; windows without rows are left out.
    pub history: Vec<DriftPoint>,
}

/// Drift in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DriftPoint {
    /// When it begins.
    pub start_ms: u64,
    /// Rows in it.
    pub n_rows: u64,
    /// The population stability index.
    pub psi: f64,
    /// The p-value, corrected for all columns of this window.
    pub q_value: f64,
    /// Whether both say that it has drifted.
    pub has_drifted: bool,
}

/// What a node's spool held when it last said so.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NodeSpool {
    /// When that was.
    pub time_ms: u64,
    /// Records that waited.
    pub pending: u64,
    /// Records dropped since the spool was made.
    pub dropped: u64,
    /// Its bytes over what it may take, from 0 to 1.
    pub fill: f64,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeView {
    /// Its name; `unnamed` for records that carry none.
    pub node: String,
    /// The newest record that came of it.
    pub last_seen_ms: u64,
    /// How long ago that was.
    pub silent_ms: u64,
    /// The model that it answered with last.
    pub model: Option<ModelName>,
    /// The newest release that holds it, where a store of releases was given.
    pub release: Option<u64>,
    /// Rows scored.
    pub n_rows: u64,
    /// By verdict.
    pub verdicts: VerdictCounts,
    /// Its spool, where it said.
    pub spool: Option<NodeSpool>,
}

/// What labels there are, and how many found their prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LabelView {
    /// Labels given in the span or later.
    #[serde(flatten)]
    pub counts: LabelCounts,
    /// Predictions of the span that have one.
    pub n_joined: u64,
    /// Of those, with a class that the models do not know.
    pub n_unknown_class: u64,
}

/// What reading came upon.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RecordsView {
    /// Records read.
    pub n_records: u64,
    /// Records that stood there twice.
    pub n_twice: u64,
    /// What was no record, by what was wrong.
    pub n_invalid: std::collections::BTreeMap<String, u64>,
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertView {
    /// What it is about, the same every time: `accuracy/sha256:…`, `node_silent/gate-7`.
    pub key: String,
    /// The rule's name.
    pub rule: String,
    /// `raised` or `cleared`.
    pub state: &'static str,
    /// Since when.
    pub since_ms: u64,
    /// In words, with the numbers.
    pub message: String,
}
