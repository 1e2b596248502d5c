//! `trainer train`

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use picket_schema::artifact::{Artifact, Metric};
use serde::Serialize;

use super::data_options::{DataOptions, LabelOptions};
use super::decision_options::{CalibrationOption, ThresholdOptions, parse_alpha};
use super::learner_options::LearnerOptions;
use super::report::{Contents, decision_in_words, metric_table};
use super::transform_options::TransformOptions;
use crate::decide::ThresholdRule;
use crate::error::TrainerError;
use crate::evaluation::{Gate, GateReport, SplitComparison, split_comparison};
use crate::output_file::OutputFile;
use crate::progress::Reporter;
use crate::split::SplitKind;
use crate::training::{TrainOptions, train};

/// How rows are told apart into training and test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SplitOption {
    /// Rows with equal features stay on one side.
    Grouped,
    /// Every row for itself: copies may stand on both sides.
    Random,
}

/// Options of `trainer train`.
#[derive(Debug, Args)]
pub struct TrainCommand {
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    labels: LabelOptions,
    /// The feature schema, a TOML file.
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    /// Where the model goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    learner: LearnerOptions,
    #[command(flatten)]
    transform: TransformOptions,
    /// The seed of every random choice. The same seed and rows give the same file.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many threads work; changes nothing in the file [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// How rows are split into training (80 %) and test (20 %).
    #[arg(long, value_enum, default_value = "grouped")]
    split: SplitOption,
    /// The model's name [default: the schema's and the kind of model].
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// How margins become scores, fitted to rows that the scoring model did not see.
    #[arg(long, value_enum, default_value = "platt")]
    calibration: CalibrationOption,
    #[command(flatten)]
    threshold: ThresholdOptions,
    /// Leave a band of scores undecided, so that at most this share of each class gets the other's verdict
    /// (split conformal prediction).
    #[arg(long, value_name = "SHARE", value_parser = parse_alpha)]
    uncertain: Option<f64>,
    /// Measure the same learner on a grouped and on a random split too, and report both side by side.
    #[arg(long)]
    both_splits: bool,
    /// Write the very model that was measured, instead of one fitted to all rows with the same
    /// parameters.
    #[arg(long)]
    no_refit: bool,
    /// A sentence for the model card; may be given many times.
    #[arg(long, value_name = "TEXT")]
    note: Vec<String>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// The report as JSON: what the artifact holds, and what else was measured.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    contents: Contents<'a>,
    /// Of the measured model on the rows that it learned from.
    training_metrics: &'a BTreeMap<&'static str, f64>,
    /// Whether the measured model is good enough and not learned by heart.
    gate: &'a GateReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    splits: Option<&'a SplitComparison>,
}

impl TrainCommand {
    /// Trains a model, writes it and reports.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let options = TrainOptions {
            name: self.name.clone(),
            transform: self.transform.plan()?,
            learner: self.learner.learner()?,
            seed: self.seed,
            split: match self.split {
                SplitOption::Grouped => SplitKind::Grouped,
                SplitOption::Random => SplitKind::Random,
            },
            refit: !self.no_refit,
            calibration: self.calibration.method(),
            threshold: self
                .threshold
                .rule(Some(self.calibration.method()))
                .unwrap_or(ThresholdRule::Fixed(0.5)),
            uncertain: self.uncertain,
            notes: self.note.clone(),
        };
        let reporter = Reporter::for_stderr(self.json);
        let schema = super::read_schema(&self.schema)?;
        let data = self.data.dataset(&self.labels, &schema, reporter)?;
        let (trained, splits) = super::on_threads(self.threads.map(usize::from), || {
            let trained = train(&data, &options, reporter)?;
            let both = || split_comparison(&data, &options, reporter);
            Ok((trained, self.both_splits.then(both).transpose()?))
        })?;
        OutputFile::write(&self.out, &trained.bytes)?;

        let artifact = Artifact::decode(&trained.bytes)?;
        let contents = Contents::of(&artifact, &trained.bytes);
        let train_f1 = trained.training_metrics.get("f1").copied();
        let test_f1 = trained.evaluation.metric("f1").map_or(0.0, |f1| f1.value);
        let gate = Gate::default().check(train_f1, test_f1);
        if self.json {
            return super::print_json(&Report {
                contents,
                training_metrics: &trained.training_metrics,
                gate: &gate,
                splits: splits.as_ref(),
            });
        }
        let (card, label) = (&artifact.card, &schema.label);
        let n_fitted = data.n_rows() as u64 - card.n_rows_test;
        let mut text = format!(
            "{}: fitted to {n_fitted} rows, measured on {} others ({} distinct)\npositive class: {}; {}\n\n{}\n",
            card.name,
            card.n_rows_test,
            trained.evaluation.n_distinct_rows,
            label.positive.name,
            decision_in_words(artifact.decision),
            metric_table(&card.metrics),
        );
        text += &memory_sentence(card.memorised_share, self.split);
        for finding in &gate.findings {
            text.extend([finding.sentence.as_str(), "\n"]);
        }
        text.extend(splits.as_ref().map(split_table));
        for note in &card.notes {
            text.extend(["note: ", note, "\n"]);
        }
        let (out, n_bytes) = (self.out.display(), trained.bytes.len());
        let digest = Artifact::digest(&trained.bytes);
        super::print(&format!(
            "{text}{out}: {n_bytes} bytes, {digest}
"
        ))
    }
}

/// Both splits side by side.
fn split_table(splits: &SplitComparison) -> String {
    let mut table = format!("\n{:<10} {:>24} {:>24}\n", "split", "grouped", "random");
    let (grouped, random) = (&splits.grouped, &splits.random);
    for (a, b) in grouped.metrics.iter().zip(&random.metrics) {
        let cell = |m: &Metric| format!("{:.4} ({:.4} to {:.4})", m.value, m.low, m.high);
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{:<10} {:>24} {:>24}", a.name, cell(a), cell(b));
    }
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let _ = writeln!(
        table,
        "{:<10} {:>24} {:>24}\n",
        "memorised",
        percent(grouped.memorised_share),
        percent(random.memorised_share)
    );
    table
}

fn memory_sentence(memorised_share: f64, split: SplitOption) -> String {
    let percent = 100.0 * memorised_share;
    match split {
        SplitOption::Grouped => format!(
            "With a random split {percent:.1} % of the test rows would also stand in the training part; here none do.\n"
        ),
        SplitOption::Random => format!(
            "This split is random: {percent:.1} % of its test rows also stand in the training part, so these numbers partly measure memory. Use --split grouped.\n"
        ),
    }
}
