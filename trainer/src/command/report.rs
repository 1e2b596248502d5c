//! Reports: the same content as a table for people and as JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use picket_schema::artifact::{
    Artifact, Calibration, Decision, Metric, ModelTable, Step, Transform,
};
use picket_schema::{FeatureSchema, limits};
use serde::Serialize;

/// A metric and its 95 % interval.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Interval {
    value: f64,
    low: f64,
    high: f64,
}

/// Metrics by name.
pub(super) fn by_name(metrics: &[Metric]) -> BTreeMap<&str, Interval> {
    let interval = |metric: &Metric| Interval {
        value: metric.value,
        low: metric.low,
        high: metric.high,
    };
    metrics
        .iter()
        .map(|metric| (metric.name.as_str(), interval(metric)))
        .collect()
}

/// The metrics as a table.
pub(super) fn metric_table(metrics: &[Metric]) -> String {
    let mut table = format!("{:<10} {:>7}   95 % interval\n", "metric", "value");
    for Metric {
        name,
        value,
        low,
        high,
    } in metrics
    {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{name:<10} {value:>7.4}   {low:.4} to {high:.4}");
    }
    table
}

/// What an artifact holds.
#[derive(Debug, Serialize)]
pub(super) struct Contents<'a> {
    name: &'a str,
    algorithm: &'a str,
    artifact_digest: String,
    n_bytes: usize,
    format_version: u8,
    schema: SchemaContents<'a>,
    /// The steps before the model, in words.
    transform: Vec<String>,
    sizes: Sizes,
    calibration: CalibrationContents,
    decision: DecisionContents,
    metrics: BTreeMap<&'a str, Interval>,
    split: &'a str,
    n_rows_train: u64,
    n_rows_test: u64,
    memorised_share: f64,
    seed: u64,
    code_version: &'a str,
    data_digest: String,
    parent: Option<String>,
    parameters: &'a BTreeMap<String, String>,
    importances: BTreeMap<&'a str, f64>,
    notes: &'a [String],
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum CalibrationContents {
    Platt { slope: f64, intercept: f64 },
    Isotonic { knots: Vec<(f64, f64)> },
}

impl CalibrationContents {
    fn of(calibration: &Calibration<'_>) -> Self {
        match calibration {
            Calibration::Platt(platt) => Self::Platt {
                slope: platt.slope,
                intercept: platt.intercept,
            },
            Calibration::Isotonic(isotonic) => Self::Isotonic {
                knots: isotonic.knots().collect(),
            },
        }
    }
}

/// From which score on a row is positive, and between which it is uncertain.
pub(super) fn decision_in_words(decision: Decision) -> String {
    let mut words = format!(
        "a row is positive from a score of {} on",
        decision.threshold
    );
    if let Some([low, high]) = decision.uncertain {
        // Writing to a string cannot fail.
        let _ = write!(words, ", uncertain from {low} to below {high}");
    }
    words
}

#[derive(Clone, Copy, Debug, Serialize)]
struct DecisionContents {
    threshold: f64,
    uncertain: Option<[f64; 2]>,
}

#[derive(Debug, Serialize)]
struct SchemaContents<'a> {
    name: &'a str,
    digest: String,
    label: &'a str,
    positive_class: &'a str,
    negative_class: &'a str,
    features: Vec<FeatureContents<'a>>,
}

#[derive(Debug, Serialize)]
struct FeatureContents<'a> {
    name: &'a str,
    kind: String,
    domain: String,
    unit: &'a str,
    missing: String,
}

/// How large the model is. Absent what the model does not have.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names are those of the JSON report"
)]
struct Sizes {
    #[serde(skip_serializing_if = "Option::is_none")]
    n_trees: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n_inner_nodes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n_leaves: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n_conditions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n_terms: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n_neighbours: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n_stored_rows: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n_members: Option<usize>,
}

impl Sizes {
    fn of(model: &ModelTable<'_>) -> Self {
        match model {
            ModelTable::Trees(trees) => Self {
                n_trees: Some(trees.n_trees()),
                n_inner_nodes: Some(trees.node_conditions.len()),
                n_leaves: Some(trees.leaves.len()),
                n_conditions: Some(trees.n_conditions()),
                ..Self::default()
            },
            ModelTable::Linear(linear) => Self {
                n_terms: Some(linear.terms.len()),
                ..Self::default()
            },
            ModelTable::Neighbours(neighbours) => Self {
                n_neighbours: Some(neighbours.n_neighbours as usize),
                n_stored_rows: Some(neighbours.rows.n_rows as usize),
                ..Self::default()
            },
            ModelTable::Kernel(kernel) => Self {
                n_stored_rows: Some(kernel.rows.n_rows as usize),
                ..Self::default()
            },
            ModelTable::Blend(blend) => {
                let mut sizes = Self::default();
                for member in &blend.members {
                    sizes = sizes.plus(Self::of(&member.model));
                }
                sizes.n_members = Some(blend.members.len());
                sizes
            }
        }
    }

    /// Of two members of a blend together.
    fn plus(self, other: Self) -> Self {
        let sum = |a: Option<usize>, b: Option<usize>| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Self {
            n_trees: sum(self.n_trees, other.n_trees),
            n_inner_nodes: sum(self.n_inner_nodes, other.n_inner_nodes),
            n_leaves: sum(self.n_leaves, other.n_leaves),
            n_conditions: sum(self.n_conditions, other.n_conditions),
            n_terms: sum(self.n_terms, other.n_terms),
            n_neighbours: sum(self.n_neighbours, other.n_neighbours),
            n_stored_rows: sum(self.n_stored_rows, other.n_stored_rows),
            n_members: None,
        }
    }

    fn in_words(self) -> String {
        let parts = [
            (self.n_members, "members"),
            (self.n_trees, "trees"),
            (self.n_inner_nodes, "inner nodes"),
            (self.n_leaves, "leaves"),
            (self.n_conditions, "distinct conditions"),
            (self.n_terms, "terms"),
            (self.n_neighbours, "nearest rows asked"),
            (self.n_stored_rows, "stored rows"),
        ];
        let words: Vec<String> = parts
            .iter()
            .filter_map(|(n, what)| Some(format!("{} {what}", (*n)?)))
            .collect();
        words.join(", ")
    }
}

/// Each step in a few words.
fn steps_in_words(transform: &Transform<'_>) -> Vec<String> {
    let steps = transform.0.iter().map(|step| match step {
        Step::Fill(values) => {
            let n_filled = (0..values.len() / 4).filter(|idx| step.fill_value(*idx).is_some());
            format!(
                "constants for missing values of {} columns",
                n_filled.count()
            )
        }
        Step::Neighbours(imputer) => format!(
            "missing values by {} neighbours among {} distinct rows",
            imputer.n_neighbours, imputer.rows.n_rows
        ),
        Step::Columns(columns) => format!("{} new columns", columns.len()),
    });
    steps.collect()
}

impl<'a> SchemaContents<'a> {
    fn of(schema: &'a FeatureSchema) -> Self {
        let feature = |feature: &'a picket_schema::Feature| FeatureContents {
            name: &feature.name,
            kind: format!("{:?}", feature.kind()).to_lowercase(),
            domain: feature.domain.in_words(),
            unit: &feature.unit,
            missing: format!("{:?}", feature.missing).to_lowercase(),
        };
        Self {
            name: &schema.name,
            digest: schema.digest().to_string(),
            label: &schema.label.name,
            positive_class: &schema.label.positive.name,
            negative_class: &schema.label.negative.name,
            features: schema.features.iter().map(feature).collect(),
        }
    }
}

impl<'a> Contents<'a> {
    /// Of an artifact and its bytes.
    pub(super) fn of(artifact: &'a Artifact<'_>, bytes: &[u8]) -> Self {
        let (schema, card) = (&artifact.schema, &artifact.card);
        let names = schema.features.iter().map(|feature| feature.name.as_str());
        Self {
            name: &card.name,
            algorithm: &card.algorithm,
            artifact_digest: Artifact::digest(bytes).to_string(),
            n_bytes: bytes.len(),
            format_version: picket_schema::artifact::VERSION,
            schema: SchemaContents::of(schema),
            transform: steps_in_words(&artifact.transform),
            sizes: Sizes::of(&artifact.model),
            calibration: CalibrationContents::of(&artifact.calibration),
            decision: DecisionContents {
                threshold: artifact.decision.threshold,
                uncertain: artifact.decision.uncertain,
            },
            metrics: by_name(&card.metrics),
            split: &card.split,
            n_rows_train: card.n_rows_train,
            n_rows_test: card.n_rows_test,
            memorised_share: card.memorised_share,
            seed: card.seed,
            code_version: &card.code_version,
            data_digest: card.data_digest.to_string(),
            parent: card.parent.map(|parent| parent.to_string()),
            parameters: &card.parameters,
            importances: names.zip(card.importances.iter().copied()).collect(),
            notes: &card.notes,
        }
    }

    /// For people.
    pub(super) fn in_words(&self, metrics: &[Metric]) -> String {
        const N_SHOWN: usize = 8;
        let schema = &self.schema;
        let mut text = format!(
            "{} ({}), {} bytes of at most {}, format version {}\n{}\n\n",
            self.name,
            self.algorithm,
            self.n_bytes,
            limits::MAX_ARTIFACT_BYTES,
            self.format_version,
            self.artifact_digest,
        );
        let mut line = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<16} {value}");
        };
        line(
            "positive class",
            &format!(
                "{} (the other: {})",
                schema.positive_class, schema.negative_class
            ),
        );
        line(
            "schema",
            &format!(
                "{}, {} features, {}",
                schema.name,
                schema.features.len(),
                schema.digest
            ),
        );
        for step in &self.transform {
            line("transform", step);
        }
        line("size", &self.sizes.in_words());
        line("threshold", &self.decision.threshold.to_string());
        if let Some([low, high]) = self.decision.uncertain {
            line("uncertain", &format!("from {low} to below {high}"));
        }
        line(
            "rows",
            &format!(
                "{} to learn from, {} to test on, {} split",
                self.n_rows_train, self.n_rows_test, self.split
            ),
        );
        line("data", &self.data_digest);
        line(
            "seed, code",
            &format!("{}, {}", self.seed, self.code_version),
        );
        for (name, value) in self.parameters {
            line(name, value);
        }
        let mut importances: Vec<(&str, f64)> = self
            .importances
            .iter()
            .map(|(name, x)| (*name, *x))
            .collect();
        importances.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (at, (name, share)) in importances.iter().take(N_SHOWN).enumerate() {
            line(
                if at == 0 { "importances" } else { "" },
                &format!("{:>5.1} %  {name}", 100.0 * share),
            );
        }
        for note in self.notes {
            line("note", note);
        }
        format!("{text}\n{}", metric_table(metrics))
    }
}
