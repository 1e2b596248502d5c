//! `trainer retune`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use picket_schema::artifact::Artifact;
use serde::Serialize;

use super::decision_options::{ThresholdOptions, parse_alpha};
use super::report::{Contents, decision_in_words, metric_table};
use crate::calibration::CalibrationMethod;
use crate::error::TrainerError;
use crate::output_file::OutputFile;
use crate::progress::Reporter;
use crate::retune::{Band, RetuneOptions, retune};

/// The calibrations that labelled rows can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RecalibrationOption {
    /// A sigmoid.
    Platt,
    /// A function that does not fall.
    Isotonic,
    /// Platt or isotonic, by the Brier score on rows that the calibration did not see.
    Auto,
}

/// Options of `trainer retune`.
#[derive(Debug, Args)]
pub struct RetuneCommand {
    /// The model file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Labelled rows that the model has not seen, a CSV file with a header; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Where the retuned model goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Calibrate anew on the rows.
    #[arg(long, value_enum)]
    calibration: Option<RecalibrationOption>,
    #[command(flatten)]
    threshold: ThresholdOptions,
    /// Leave a band of scores undecided, so that at most this share of each class gets the other's verdict
    /// (split conformal prediction).
    #[arg(long, value_name = "SHARE", value_parser = parse_alpha, conflicts_with = "no_uncertain")]
    uncertain: Option<f64>,
    /// Decide every score.
    #[arg(long)]
    no_uncertain: bool,
    /// The retuned model's name [default: the model's].
    #[arg(long)]
    name: Option<String>,
    /// A sentence for the model card; may be given many times.
    #[arg(long, value_name = "TEXT")]
    note: Vec<String>,
    /// The seed of the samples that intervals come from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    warnings: &'a [String],
    model: Contents<'a>,
}

impl RetuneCommand {
    fn options(&self, uncalibrated: bool) -> RetuneOptions {
        let calibration = self.calibration.map(|calibration| match calibration {
            RecalibrationOption::Platt => CalibrationMethod::Platt,
            RecalibrationOption::Isotonic => CalibrationMethod::Isotonic,
            RecalibrationOption::Auto => CalibrationMethod::Auto,
        });
        let present = uncalibrated.then_some(CalibrationMethod::None);
        RetuneOptions {
            calibration,
            threshold: self.threshold.rule(calibration.or(present)),
            uncertain: if self.no_uncertain {
                Some(Band::None)
            } else {
                self.uncertain.map(Band::Alpha)
            },
            name: self.name.clone(),
            notes: self.note.clone(),
            seed: self.seed,
        }
    }

    /// Retunes a model, writes it and reports.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let reporter = Reporter::for_stderr(self.json);
        let owned = super::read_model(&self.model)?;
        let schema = owned.model().schema();
        let data = super::read_rows(schema, &self.data, reporter)?;
        let parameters = &owned.model().artifact().card.parameters;
        let uncalibrated = parameters.get("calibration").is_some_and(|c| c == "none");
        let retuned = retune(&owned, &data, &self.options(uncalibrated))?;
        OutputFile::write(&self.out, &retuned.bytes)?;
        let artifact = Artifact::decode(&retuned.bytes)?;
        let contents = Contents::of(&artifact, &retuned.bytes);
        if self.json {
            return super::print_json(&Report {
                warnings: &retuned.warnings,
                model: contents,
            });
        }
        let card = &artifact.card;
        let mut text = format!(
            "{}: {} rows, {} distinct; {}\n\n{}\n",
            card.name,
            retuned.evaluation.n_rows,
            retuned.evaluation.n_distinct_rows,
            decision_in_words(artifact.decision),
            metric_table(&retuned.evaluation.metrics),
        );
        for note in &card.notes {
            text.extend(["note: ", note, "\n"]);
        }
        for warning in &retuned.warnings {
            text.extend(["warning: ", warning, "\n"]);
        }
        let (out, n_bytes) = (self.out.display(), retuned.bytes.len());
        let digest = Artifact::digest(&retuned.bytes);
        super::print(&format!("{text}{out}: {n_bytes} bytes, {digest}\n"))
    }
}
