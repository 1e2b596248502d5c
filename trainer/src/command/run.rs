//! `trainer run`, `trainer reproduce`

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::report::metric_table;
use crate::error::TrainerError;
use crate::ingest::{DataSource, FeedbackSource};
use crate::pipeline::{
    PipelineConfig, RunOptions, RunRecord, RunResult, StopFlag, reproduce, resume, run_pipeline,
};
use crate::progress::Reporter;
use crate::search::OwnStores;
use crate::track::Tracked;

/// Options that a pipeline's file may also have; those given here count.
#[derive(Debug, Args)]
pub(super) struct PipelineOptions {
    /// The pipeline, a TOML file; without it every setting has its default.
    #[arg(value_name = "PIPELINE")]
    pipeline: Option<PathBuf>,
    /// The labelled rows: CSV, TSV, gzip or Parquet files, or patterns.
    #[arg(long, value_name = "FILE")]
    data: Option<String>,
    /// Take labels from feedback: one JSON object a line, or CSV, with `prediction_id` and `label`. Rows without
    /// feedback are left out.
    #[arg(long, value_name = "FILE")]
    feedback: Option<PathBuf>,
    /// The feature schema, a TOML file.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// The seed of every random choice.
    #[arg(long)]
    seed: Option<u64>,
}

impl PipelineOptions {
    /// The settings, and the schema that they name.
    pub(super) fn read(
        &self,
    ) -> Result<(PipelineConfig, picket_schema::FeatureSchema), TrainerError> {
        let mut config = match &self.pipeline {
            Some(place) => PipelineConfig::read(place)?,
            None => PipelineConfig::default(),
        };
        if let Some(data) = &self.data {
            config.data = Some(DataSource::file(data));
        }
        if let Some(feedback) = &self.feedback {
            config.feedback = Some(FeedbackSource::new(feedback));
        }
        if let Some(schema) = &self.schema {
            config.schema = Some(schema.clone());
        }
        if let Some(seed) = self.seed {
            config.seed = seed;
        }
        let schema = config
            .schema
            .as_deref()
            .ok_or_else(|| TrainerError::Usage {
                option: "--schema".to_owned(),
                expected: "the feature schema, here or in the pipeline's file".to_owned(),
            })?;
        let schema = super::read_schema(schema)?;
        Ok((config, schema))
    }
}

/// Options of `trainer run`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the model is accepted, 3 it is rejected or a gate is closed, 4 there is not enough evidence, 2 what you can mend, 1 what is our fault."
)]
pub struct RunCommand {
    #[command(flatten)]
    pipeline: PipelineOptions,
    /// Where runs are kept [default: artifacts].
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
    /// Go on with a run that was stopped, with its own settings.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["pipeline", "data", "feedback", "schema", "seed", "artifacts"])]
    resume: Option<PathBuf>,
    /// How many threads work; changes nothing in the result [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// What a run came to.
#[derive(Serialize)]
struct Outcome<'a> {
    folder: String,
    model: String,
    report: String,
    tracking_page: Option<&'a str>,
    tracking_error: Option<String>,
    #[serde(flatten)]
    record: &'a RunRecord,
}

impl RunCommand {
    /// Runs the pipeline and says what became of the model.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let reporter = Reporter::for_stderr(self.json);
        let stop = StopFlag::of_signals().map_err(|source| TrainerError::Read {
            file: "signals".to_owned(),
            source,
        })?;
        let threads = self.threads.map(usize::from);
        let result = if let Some(folder) = &self.resume {
            super::on_threads(threads, || {
                resume(folder, reporter, stop, Arc::new(OwnStores))
            })?
        } else {
            let (mut config, schema) = self.pipeline.read()?;
            if let Some(artifacts) = &self.artifacts {
                config.artifacts.clone_from(artifacts);
            }
            let options = RunOptions {
                config,
                schema,
                reporter,
                stop,
                run_id: None,
                task_stores: Arc::new(OwnStores),
            };
            super::on_threads(threads, || run_pipeline(options))?
        };
        if self.json {
            let (page, error) = match &result.tracked {
                Some(Tracked::Sent { page }) => (Some(page.as_str()), None),
                Some(Tracked::Kept(error)) => (None, Some(error.to_string())),
                None => (None, None),
            };
            super::print_json(&Outcome {
                folder: result.folder.display().to_string(),
                model: result.model.display().to_string(),
                report: result.report.display().to_string(),
                tracking_page: page,
                tracking_error: error,
                record: &result.record,
            })?;
        } else {
            super::print(&in_words(&result))?;
        }
        verdict(&result.record)
    }
}

fn in_words(result: &RunResult) -> String {
    let RunResult { record, .. } = result;
    let metrics: Vec<picket_schema::artifact::Metric> = record
        .metrics
        .iter()
        .map(|metric| picket_schema::artifact::Metric {
            name: metric.name.clone(),
            value: metric.value,
            low: metric.low,
            high: metric.high,
        })
        .collect();
    let mut text = format!(
        "{}: {}\n\n{}\n",
        record.name,
        record.algorithm.as_deref().unwrap_or("a model"),
        metric_table(&metrics)
    );
    if let Some(outcome) = &record.outcome {
        let verdict = if outcome.accepted {
            "accepted"
        } else {
            "not accepted"
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{verdict}: {}", outcome.reason);
    }
    match &result.tracked {
        Some(Tracked::Sent { page }) => {
            let _ = writeln!(text, "tracked: {page}");
        }
        Some(Tracked::Kept(error)) => {
            let _ = writeln!(
                text,
                "not tracked: {error}; send it later with: trainer track --replay {}",
                result.folder.display()
            );
        }
        None => {}
    }
    let _ = writeln!(
        text,
        "model:  {}\nreport: {}",
        result.model.display(),
        result.report.display()
    );
    text
}

/// A model that may not take the champion's place is an answer with a code of its own.
fn verdict(record: &RunRecord) -> Result<(), TrainerError> {
    match &record.outcome {
        Some(outcome) if outcome.verdict == "reject" => Err(TrainerError::Rejected {
            reason: outcome.reason.clone(),
        }),
        Some(outcome) if !outcome.accepted => Err(TrainerError::NotEnoughEvidence {
            reason: outcome.reason.clone(),
        }),
        _ => Ok(()),
    }
}

/// Options of `trainer reproduce`.
#[derive(Debug, Args)]
pub struct ReproduceCommand {
    /// The folder of a run.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// How many threads work; changes nothing in the result [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

impl ReproduceCommand {
    /// Fits the model of a run again and compares the bytes.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let reporter = Reporter::for_stderr(false);
        let threads = self.threads.map(usize::from);
        let reproduced = super::on_threads(threads, || reproduce(&self.run, reporter))?;
        super::print(&format!(
            "{}: the same model again, {}\n",
            reproduced.run_id, reproduced.digest
        ))
    }
}
