//! `trainer evaluate`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use picket_schema::artifact::Artifact;
use serde::Serialize;

use super::data_options::{DataOptions, LabelOptions};
use super::report::{Interval, by_name, metric_table};
use crate::error::TrainerError;
use crate::evaluation::{Evaluation, is_training_data};
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
    metrics: BTreeMap<&'a str, Interval>,
}

impl EvaluateCommand {
    /// Measures a model and reports.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let reporter = Reporter::for_stderr(self.json);
        let owned = super::read_model(&self.model)?;
        let model = owned.model();
        let data = self.data.dataset(&self.labels, model.schema(), reporter)?;
        let evaluation = Evaluation::of(model, &data, self.seed)?;
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
            metrics: by_name(&evaluation.metrics),
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
        if report.is_training_data {
            text += "\nThe model was trained from these very rows: these numbers flatter it. The ones in its card (trainer inspect) do not.\n";
        }
        super::print(&text)
    }
}
