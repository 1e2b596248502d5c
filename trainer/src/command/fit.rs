//! `trainer fit`
//!
//! Measures the learner alone: what `trainer train` does besides (split, calibration, test, second fit)
//! would hide what it costs. `cargo xtask bench training` runs it.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use picket_schema::artifact::Transform;
use picket_wasm_model::Model;
use serde::Serialize;

use super::learner_options::LearnerOptions;
use crate::error::TrainerError;
use crate::evaluation::Scores;
use crate::learner::OutOfBagScores;
use crate::output_file::OutputFile;
use crate::progress::Reporter;
use crate::resource_use::ResourceUse;
use crate::training::uncalibrated;

/// Options of `trainer fit`.
#[derive(Debug, Args)]
pub struct FitCommand {
    /// The labelled rows, a CSV file with a header; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The feature schema, a TOML file.
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    #[command(flatten)]
    learner: LearnerOptions,
    /// The seed of every random choice.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many threads work [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// How often to fit.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,
    /// Labelled rows to score with the model, through an artifact without calibration.
    #[arg(long, value_name = "FILE", requires = "scores")]
    test: Option<PathBuf>,
    /// Where their scores go, one a line after a header.
    #[arg(long, value_name = "FILE", requires = "test")]
    scores: Option<PathBuf>,
}

/// One fit.
#[derive(Debug, Serialize)]
struct FitReport {
    /// Seconds from rows in memory to fitted trees.
    fit_s: f64,
    /// Processor seconds of the same.
    cpu_s: Option<f64>,
    /// The highest resident memory of the process up to the end of its first fit.
    peak_mb: Option<f64>,
    /// How far the first fit went above what was resident before it.
    growth_mb: Option<f64>,
}

impl FitCommand {
    /// Fits, printing one JSON object a line for each fit; then scores.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let learner = self.learner.learner()?;
        let schema = super::read_schema(&self.schema)?;
        let data = super::read_rows(&schema, &self.data, Reporter::Silent)?;
        super::on_threads(self.threads.map(usize::from), || {
            let reading = ResourceUse::now();
            ResourceUse::forget_peak();
            let mut first = None;
            let mut fit = || {
                let (before, start) = (ResourceUse::now(), Instant::now());
                let learned = learner.learn(&data, self.seed, OutOfBagScores::Unwanted, &())?;
                let (fit_s, after) = (start.elapsed().as_secs_f64(), ResourceUse::now());
                let peak = *first.get_or_insert((
                    larger(reading.peak_mb, after.peak_mb),
                    difference(reading.resident_mb, after.peak_mb),
                ));
                super::print_json_line(&FitReport {
                    fit_s,
                    cpu_s: difference(before.cpu_s, after.cpu_s),
                    peak_mb: peak.0,
                    growth_mb: peak.1,
                })?;
                Ok::<_, TrainerError>(learned)
            };
            for _ in 1..self.repeat {
                fit()?;
            }
            let learned = fit()?;
            let (Some(test), Some(out)) = (&self.test, &self.scores) else {
                return Ok(());
            };
            let fitted = learned.export(data.columns())?;
            let bytes = uncalibrated(&data, Transform::default(), fitted.table).encode()?;
            drop(data);
            let test = super::read_rows(&schema, test, Reporter::Silent)?;
            let mut text = b"score\n".to_vec();
            for score in Scores::of(&Model::load(&bytes)?, &test)?.margins {
                // Writing to a vector cannot fail.
                let _ = writeln!(text, "{score}");
            }
            OutputFile::write(out, &text)
        })
    }
}

fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a?.max(b?))
}

fn difference(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    Some(after? - before?)
}
