//! What a report says, as plain values. Who has measured something fills its part in; a part that
//! is empty has no section.

use picket_schema::artifact::Metric;
use serde::{Deserialize, Serialize};

/// The contents of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// What was trained, and what came of it.
    pub summary: Summary,
    /// The rows, column by column.
    pub profile: Option<Profile>,
    /// What checking the rows found; `None` where nothing was checked.
    pub findings: Option<Vec<Finding>>,
    /// How far the rows are from earlier ones.
    pub drift: Option<Drift>,
    /// What the search tried.
    pub candidates: Option<Candidates>,
    /// How well the model tells the classes apart.
    pub performance: Option<Performance>,
    /// Tables of further measurements: both splits side by side, slices, champion and challenger.
    pub tables: Vec<Table>,
    /// What the model looks at.
    pub importances: Vec<Importance>,
    /// A few rows explained.
    pub examples: Vec<Example>,
    /// Where the model comes from: name and value, in order.
    pub lineage: Vec<(String, String)>,
}

/// What was trained, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// The model's name.
    pub model: String,
    /// The learner, such as `boosting`.
    pub algorithm: String,
    /// The schema's name.
    pub schema: String,
    /// The positive class: the threat.
    pub positive_class: String,
    /// The other class.
    pub negative_class: String,
    /// Whether the model was accepted; `None` where nobody asked.
    pub outcome: Option<Outcome>,
    /// Which rows the metrics were measured on, in words.
    pub measured_on: String,
    /// The headline metrics.
    pub metrics: Vec<Figure>,
    /// What a reader must know to read the numbers right.
    pub notes: Vec<String>,
}

/// A measured number with its 95 % interval, where it has one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figure {
    /// Such as `roc_auc`.
    pub name: String,
    /// The measured value.
    pub value: f64,
    /// The interval's lower bound.
    pub low: Option<f64>,
    /// The interval's upper bound.
    pub high: Option<f64>,
}

impl From<&Metric> for Figure {
    fn from(metric: &Metric) -> Self {
        Self {
            name: metric.name.clone(),
            value: metric.value,
            low: Some(metric.low),
            high: Some(metric.high),
        }
    }
}

/// What was decided about a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The decision.
    pub decision: Decision,
    /// The reason in words.
    pub reason: String,
}

/// A decision about a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It may replace the champion.
    Accepted,
    /// It must not.
    Rejected,
    /// The rows do not tell.
    NotEnoughEvidence,
}

/// The rows, column by column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// How many rows there are.
    pub n_rows: u64,
    /// How many of them differ in their features.
    pub n_distinct_rows: u64,
    /// How many are of the positive class.
    pub n_positive: u64,
    /// The columns, in schema order.
    pub columns: Vec<ColumnProfile>,
}

/// One column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// `numeric`, `ordinal` or `categorical`.
    pub kind: String,
    /// The unit; may be empty.
    pub unit: String,
    /// How many rows have no value.
    pub n_missing: u64,
    /// How many different values it has.
    pub n_distinct: u64,
    /// Its values in a few words, such as `0 to 58329, median 0`.
    pub values: String,
    /// Counts by value or range, apart by class.
    pub bars: Vec<ClassCount>,
}

/// Rows of one value or range.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClassCount {
    /// The value or range.
    pub label: String,
    /// Rows of the negative class.
    pub n_negative: u64,
    /// Rows of the positive class.
    pub n_positive: u64,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Training must not go on.
    Error,
    /// Somebody should look.
    Warning,
    /// Good to know.
    #[default]
    Note,
}

/// Something that checking the rows found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The column, where it is about one.
    pub column: Option<String>,
    /// What was found and expected.
    pub message: String,
    /// How many rows it concerns.
    pub n_rows: Option<u64>,
}

/// How far the rows are from earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drift {
    /// What they were compared with, in words.
    pub reference: String,
    /// Whether the rows as a whole are taken for drifted.
    pub is_drifted: bool,
    /// The columns.
    pub columns: Vec<ColumnDrift>,
}

/// How far one column is from earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColumnDrift {
    /// The column.
    pub name: String,
    /// The test, such as `Kolmogorov–Smirnov`.
    pub test: String,
    /// Its statistic.
    pub statistic: f64,
    /// Its p-value as it is.
    pub p_value: f64,
    /// The p-value after correction for the number of columns.
    pub adjusted_p_value: f64,
    /// The population stability index.
    pub psi: f64,
    /// Whether the column is taken for drifted.
    pub is_drifted: bool,
}

/// What the search tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Candidates {
    /// The metric by which they were compared.
    pub metric: String,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// The candidates, in any order.
    pub candidates: Vec<Candidate>,
}

/// One set of parameters that the search tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Candidate {
    /// The learner.
    pub learner: String,
    /// Its parameters.
    pub parameters: Vec<(String, String)>,
    /// The metric on each fold.
    pub folds: Vec<f64>,
    /// How long fitting and measuring took, in seconds.
    pub seconds: f64,
    /// Whether it was chosen.
    pub is_chosen: bool,
    /// Why it was not finished, where it was not.
    pub stopped: Option<String>,
}

/// How well the model tells the classes apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Performance {
    /// The score from which a row is taken for positive.
    pub threshold: f64,
    /// Scores from the first to below the second are called uncertain.
    pub uncertain: Option<[f64; 2]>,
    /// Points (false-positive rate, recall), by falling threshold.
    pub roc: Vec<[f64; 2]>,
    /// Points (recall, precision), by falling threshold.
    pub precision_recall: Vec<[f64; 2]>,
    /// Bins of the score.
    pub reliability: Vec<ReliabilityBin>,
    /// Rows of the negative class by score, in bins of equal width over 0 to 1.
    pub negative_scores: Vec<u64>,
    /// Rows of the positive class by score, in the same bins.
    pub positive_scores: Vec<u64>,
    /// Right and wrong verdicts.
    pub confusion: Confusion,
    /// What errors cost at each threshold.
    pub cost: Option<ThresholdCost>,
}

/// Rows whose scores lie in one bin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReliabilityBin {
    /// The mean score.
    pub mean_score: f64,
    /// The share of rows that are positive.
    pub positive_share: f64,
    /// The lower bound of the share's 95 % interval.
    pub low: f64,
    /// The upper bound of the share's 95 % interval.
    pub high: f64,
    /// How many rows there are.
    pub n_rows: u64,
}

/// Right and wrong verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Confusion {
    /// Positive and taken for it.
    pub true_positives: u64,
    /// Negative and taken for positive: false alarms.
    pub false_positives: u64,
    /// Positive and taken for negative: misses.
    pub false_negatives: u64,
    /// Negative and taken for it.
    pub true_negatives: u64,
}

/// What errors cost at each threshold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThresholdCost {
    /// The cost of a false alarm.
    pub of_false_positive: f64,
    /// The cost of a miss.
    pub of_false_negative: f64,
    /// Points (threshold, cost per 1,000 rows), by rising threshold.
    pub points: Vec<[f64; 2]>,
}

/// A table of further measurements.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// Its title.
    pub title: String,
    /// A sentence on how to read it; may be empty.
    pub note: String,
    /// The heads of the columns; the first column names the row.
    pub header: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

/// How much the model looks at a feature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Importance {
    /// The feature.
    pub feature: String,
    /// How much ROC-AUC is lost when the feature's values are shuffled.
    pub permutation: Option<f64>,
    /// The mean magnitude of its contribution to the margin.
    pub mean_abs_contribution: Option<f64>,
}

/// What became of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// Positive and taken for it.
    TruePositive,
    /// Negative and taken for positive.
    FalsePositive,
    /// Positive and taken for negative.
    FalseNegative,
    /// Negative and taken for it.
    TrueNegative,
}

/// One row explained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// What became of it.
    pub case: Case,
    /// Its place among the rows, from 1.
    pub row: u64,
    /// Its score.
    pub score: f64,
    /// Its margin: `base` and all contributions.
    pub margin: f64,
    /// The margin before any feature is known.
    pub base: f64,
    /// The largest contributions, by falling magnitude.
    pub contributions: Vec<Contribution>,
    /// The sum of all other contributions.
    pub others: f64,
}

/// What a feature adds to the margin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contribution {
    /// The feature.
    pub feature: String,
    /// Its value, as text.
    pub value: String,
    /// What it adds.
    pub amount: f64,
}
