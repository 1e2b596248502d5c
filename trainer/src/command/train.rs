//! `trainer train`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use picket_schema::artifact::Artifact;

use super::learner_options::LearnerOptions;
use super::report::{Contents, metric_table};
use super::transform_options::TransformOptions;
use crate::error::TrainerError;
use crate::output_file::OutputFile;
use crate::progress::Reporter;
use crate::split::SplitKind;
use crate::threshold::ThresholdRule;
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
    /// The labelled rows, a CSV file with a header; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
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
    /// From which score on a row is taken for positive: a number from 0 to 1, or `f1` for the
    /// threshold with the highest F1 on training rows that the scoring model did not see.
    #[arg(long, value_name = "SCORE", default_value = "0.5", value_parser = parse_threshold)]
    threshold: ThresholdRule,
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

fn parse_threshold(text: &str) -> Result<ThresholdRule, String> {
    if text == "f1" {
        return Ok(ThresholdRule::BestF1);
    }
    match text.parse::<f64>() {
        Ok(threshold) if (0.0..=1.0).contains(&threshold) => Ok(ThresholdRule::Fixed(threshold)),
        _ => Err("expected a number from 0 to 1, or f1".to_owned()),
    }
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
            threshold: self.threshold,
            notes: self.note.clone(),
        };
        let reporter = Reporter::for_stderr(self.json);
        let schema = super::read_schema(&self.schema)?;
        let data = super::read_rows(&schema, &self.data, reporter)?;
        let trained = super::on_threads(self.threads.map(usize::from), || {
            train(&data, &options, reporter)
        })?;
        OutputFile::write(&self.out, &trained.bytes)?;

        let artifact = Artifact::decode(&trained.bytes)?;
        let contents = Contents::of(&artifact, &trained.bytes);
        if self.json {
            return super::print_json(&contents);
        }
        let (card, label) = (&artifact.card, &schema.label);
        let n_fitted = data.n_rows() as u64 - card.n_rows_test;
        let mut text = format!(
            "{}: fitted to {n_fitted} rows, measured on {} others ({} distinct)\npositive class: {}; a row is positive from a score of {} on\n\n{}\n",
            card.name,
            card.n_rows_test,
            trained.evaluation.n_distinct_rows,
            label.positive.name,
            trained.evaluation.threshold,
            metric_table(&card.metrics),
        );
        text += &memory_sentence(card.memorised_share, self.split);
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
