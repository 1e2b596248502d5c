//! `trainer evaluate`

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use picket_schema::artifact::Artifact;
use serde::Serialize;

use super::data_options::{DataOptions, LabelOptions};
use super::report::{Interval, by_name, metric_table};
use crate::decide::Costs;
use crate::error::TrainerError;
use crate::evaluation::{
    Evaluation, Scores, SliceReport, is_training_data, scored_groups, slice_by,
};
use crate::metrics::{Confusion, Curves};
use crate::progress::Reporter;

/// Options of `trainer evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateCommand {
    /// The model file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    labels: LabelOptions,
    /// The seed of the samples that the intervals come from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Measure the rows of each value of this feature too; may be given many times. Numeric features are cut
    /// into quarters of the rows.
    #[arg(long, value_name = "FEATURE")]
    slice: Vec<String>,
    /// Add the points of the ROC, precision-recall, calibration and cost curves to the JSON report.
    #[arg(long, requires = "json")]
    curves: bool,
    /// What a false positive costs in the cost curve.
    #[arg(long, value_name = "COST", requires = "curves", default_value_t = 1.0)]
    cost_fp: f64,
    /// What a false negative costs in the cost curve.
    #[arg(long, value_name = "COST", requires = "curves", default_value_t = 1.0)]
    cost_fn: f64,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    model: &'a str,
    artifact_digest: String,
    positive_class: &'a str,
    threshold: f64,
    n_rows: usize,
    n_distinct_rows: usize,
    n_positive: usize,
    is_training_data: bool,
    confusion: Confusion,
    metrics: BTreeMap<&'a str, Interval>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    slices: Vec<SliceReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    curves: Option<Curves>,
}

impl EvaluateCommand {
    /// Measures a model and reports.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let reporter = Reporter::for_stderr(self.json);
        let owned = super::read_model(&self.model)?;
        let model = owned.model();
        let data = self.data.dataset(&self.labels, model.schema(), reporter)?;
        let features = &model.schema().features;
        let sliced: Result<Vec<usize>, TrainerError> = self
            .slice
            .iter()
            .map(|name| {
                let feature_idx = features.iter().position(|feature| feature.name == *name);
                feature_idx.ok_or_else(|| TrainerError::Usage {
                    option: format!("--slice {name}"),
                    expected: format!("expected a feature of the schema {}", model.schema().name),
                })
            })
            .collect();
        let sliced = sliced?;
        let evaluation = Evaluation::of(model, &data, self.seed)?;
        let scores = Scores::of(model, &data)?.scores;
        let slice = |feature_idx: &usize| {
            slice_by(
                &data,
                *feature_idx,
                &scores,
                evaluation.threshold,
                self.seed,
            )
        };
        let costs = Costs {
            false_positive: self.cost_fp,
            false_negative: self.cost_fn,
        };
        let curves = || Ok::<_, TrainerError>(Curves::of(&scored_groups(model, &data)?, costs));
        let artifact = model.artifact();
        let report = Report {
            model: &artifact.card.name,
            artifact_digest: Artifact::digest(owned.bytes()).to_string(),
            positive_class: &artifact.schema.label.positive.name,
            threshold: evaluation.threshold,
            n_rows: evaluation.n_rows,
            n_distinct_rows: evaluation.n_distinct_rows,
            n_positive: evaluation.n_positive,
            is_training_data: is_training_data(artifact, &data),
            confusion: evaluation.confusion,
            metrics: by_name(&evaluation.metrics),
            slices: sliced.iter().map(slice).collect(),
            curves: if self.curves { curves()? } else { None },
        };
        if self.json {
            return super::print_json(&report);
        }
        let Report {
            model,
            artifact_digest,
            positive_class,
            threshold,
            n_rows,
            ..
        } = &report;
        let mut text = format!(
            "{model}, {artifact_digest}\n{n_rows} rows, {} distinct, {} of the positive class {positive_class}; a row is positive from a score of {threshold} on\n\n{}",
            report.n_distinct_rows,
            report.n_positive,
            metric_table(&evaluation.metrics),
        );
        let counts = evaluation.confusion;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{} true positives, {} false positives, {} true negatives, {} false negatives",
            counts.true_positives,
            counts.false_positives,
            counts.true_negatives,
            counts.false_negatives
        );
        if artifact.decision.uncertain.is_some() {
            let n_uncertain = counts.uncertain_positives + counts.uncertain_negatives;
            let _ = writeln!(
                text,
                "{n_uncertain} of these rows are uncertain, {} of them positive",
                counts.uncertain_positives
            );
        }
        for report in &report.slices {
            text += &slice_table(report);
        }
        if report.is_training_data {
            text += "\nThe model was trained from these very rows: these numbers flatter it. The ones in its card (trainer inspect) do not.\n";
        }
        super::print(&text)
    }
}

fn slice_table(report: &SliceReport) -> String {
    let mut table = format!(
        "\n{:<28} {:>7} {:>9} {:>8}   {:<24} roc_auc\n",
        report.feature, "rows", "distinct", "positive", "f1"
    );
    for slice in &report.slices {
        let cell = |name: &str| {
            let metric = slice.metrics.iter().find(|metric| metric.name == name);
            metric.map_or_else(
                || "one class".to_owned(),
                |m| format!("{:.4} ({:.4} to {:.4})", m.value, m.low, m.high),
            )
        };
        let small = if slice.is_small { "  few rows" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "{:<28} {:>7} {:>9} {:>8}   {:<24} {}{small}",
            slice.name,
            slice.n_rows,
            slice.n_distinct_rows,
            slice.n_positive,
            cell("f1"),
            cell("roc_auc")
        );
    }
    table
}
