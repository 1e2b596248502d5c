//! The commands of the `trainer` binary, one file each.

mod accept;
mod audit;
mod compare;
mod data_options;
mod decision_options;
mod drift;
mod erase;
mod evaluate;
mod fit;
mod fixtures;
mod import;
mod ingest;
mod inspect;
mod keygen;
mod learner_options;
mod monitor;
mod promote;
mod publish;
#[cfg(feature = "mongodb")]
mod push_data;
mod record_options;
mod releases;
mod report;
mod report_page;
mod retention;
mod retune;
mod rollback;
mod run;
mod runs;
mod sample;
mod score;
mod search;
#[cfg(feature = "serve")]
mod serve;
mod sign;
#[cfg(feature = "serve")]
mod signing_options;
#[cfg(feature = "serve")]
mod token;
mod track;
mod train;
mod transform_options;
mod validate;
#[cfg(feature = "serve")]
mod watch_options;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use picket_schema::FeatureSchema;
use picket_wasm_model::OwnedModel;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::ingest::{DataSource, Ingest};
use crate::progress::Reporter;

/// What the trainer can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// From raw records to an accepted, tracked and explained model: all stages in one run.
    Run(Box<run::RunCommand>),
    /// Fit the model of a run again and compare the bytes.
    Reproduce(run::ReproduceCommand),
    /// Compare learners and their parameters on folds of the rows.
    Search(Box<search::SearchCommand>),
    /// Train a model from labelled rows.
    Train(Box<train::TrainCommand>),
    /// Measure a model on labelled rows.
    Evaluate(evaluate::EvaluateCommand),
    /// Give a model another calibration, threshold or uncertain band, without training again.
    Retune(Box<retune::RetuneCommand>),
    /// Say whether a new model is better than the present one: exit code 0 if so, 3 if not, 4 where the rows
    /// are too few to tell.
    Accept(accept::AcceptCommand),
    /// Show what a model file holds.
    Inspect(inspect::InspectCommand),
    /// Score rows: CSV in, CSV with score and verdict out.
    Score(score::ScoreCommand),
    /// Write a report on a model and labelled rows: one HTML file.
    Report(report_page::ReportCommand),
    /// Send runs to a tracking server that was down when they ended.
    Track(track::TrackCommand),
    /// Publish a model as the next release, to a directory or a bucket.
    Publish(publish::PublishCommand),
    /// Make a release the champion.
    Promote(promote::PromoteCommand),
    /// Go back: publish an earlier release's model anew and make it the champion.
    Rollback(rollback::RollbackCommand),
    /// List the releases of a directory or a bucket.
    Releases(releases::ReleasesCommand),
    /// List the runs that were made.
    Runs(runs::RunsCommand),
    /// Show two runs or two models side by side.
    Compare(compare::CompareCommand),
    /// Take over a tree model of XGBoost, LightGBM or an ONNX file, without training again.
    Import(Box<import::ImportCommand>),
    /// Compare rows with those a model was trained on, or with other rows.
    Drift(drift::DriftCommand),
    /// Look at rows before anything is learned from them.
    Validate(validate::ValidateCommand),
    /// Load rows into a MongoDB collection; again is the same as once.
    #[cfg(feature = "mongodb")]
    PushData(push_data::PushDataCommand),
    /// Make a key that signs releases.
    Keygen(keygen::KeygenCommand),
    /// Sign the key set that follows the trusted one.
    RotateKeys(keygen::RotateKeysCommand),
    /// Sign a release, so that edges take it.
    Sign(sign::SignCommand),
    /// Add signatures to a release or a key set that others have signed.
    Cosign(sign::CosignCommand),
    /// Sign a release that withdraws earlier ones.
    Revoke(sign::RevokeCommand),
    /// Verify a signed release as an edge does.
    Verify(sign::VerifyCommand),
    /// Serve the trainer over HTTP: trainings, runs, releases, scores.
    #[cfg(feature = "serve")]
    Serve(Box<serve::ServeCommand>),
    /// Do trainings and parts of searches for a service.
    #[cfg(feature = "serve")]
    Worker(serve::WorkerCommand),
    /// Make, list and remove the tokens that let clients of the service in.
    #[cfg(feature = "serve")]
    Token(token::TokenCommand),
    /// Look at how models do in the field, from the records of edges: accuracy, drift, nodes, alerts.
    Monitor(Box<monitor::MonitorCommand>),
    /// Make labelled rows out of the records of edges: labels joined to predictions.
    Ingest(ingest::IngestCommand),
    /// Delete records that are older than so many days.
    Retention(retention::RetentionCommand),
    /// Check an audit log.
    Audit(audit::AuditCommand),
    /// Erase whoever wishes so: from records, from labelled rows, and from the spools of edges.
    Erase(Box<erase::EraseCommand>),
    /// Draw synthetic phishing rows to try the project with.
    Sample(sample::SampleCommand),
    /// Fit a learner and nothing else, and say what it took.
    #[command(hide = true)]
    Fit(Box<fit::FitCommand>),
    /// Write small models of every kind, the same every time: test material.
    #[command(hide = true)]
    Fixtures(fixtures::FixturesCommand),
}

impl Command {
    /// The command's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Reproduce(_) => "reproduce",
            Self::Search(_) => "search",
            Self::Train(_) => "train",
            Self::Evaluate(_) => "evaluate",
            Self::Retune(_) => "retune",
            Self::Accept(_) => "accept",
            Self::Inspect(_) => "inspect",
            Self::Score(_) => "score",
            Self::Report(_) => "report",
            Self::Track(_) => "track",
            Self::Publish(_) => "publish",
            Self::Promote(_) => "promote",
            Self::Rollback(_) => "rollback",
            Self::Releases(_) => "releases",
            Self::Runs(_) => "runs",
            Self::Compare(_) => "compare",
            Self::Import(_) => "import",
            Self::Drift(_) => "drift",
            Self::Validate(_) => "validate",
            #[cfg(feature = "mongodb")]
            Self::PushData(_) => "push-data",
            Self::Keygen(_) => "keygen",
            Self::RotateKeys(_) => "rotate-keys",
            Self::Sign(_) => "sign",
            Self::Cosign(_) => "cosign",
            Self::Revoke(_) => "revoke",
            Self::Verify(_) => "verify",
            #[cfg(feature = "serve")]
            Self::Serve(_) => "serve",
            #[cfg(feature = "serve")]
            Self::Worker(_) => "worker",
            #[cfg(feature = "serve")]
            Self::Token(_) => "token",
            Self::Monitor(_) => "monitor",
            Self::Ingest(_) => "ingest",
            Self::Retention(_) => "retention",
            Self::Audit(_) => "audit",
            Self::Erase(_) => "erase",
            Self::Sample(_) => "sample",
            Self::Fit(_) => "fit",
            Self::Fixtures(_) => "fixtures",
        }
    }

    /// Runs the command.
    ///
    /// # Errors
    /// A [`TrainerError`] that says what went wrong and what was expected.
    pub fn run(&self) -> Result<(), TrainerError> {
        match self {
            Self::Run(command) => command.run(),
            Self::Reproduce(command) => command.run(),
            Self::Search(command) => command.run(),
            Self::Train(command) => command.run(),
            Self::Evaluate(command) => command.run(),
            Self::Retune(command) => command.run(),
            Self::Accept(command) => command.run(),
            Self::Inspect(command) => command.run(),
            Self::Score(command) => command.run(),
            Self::Report(command) => command.run(),
            Self::Track(command) => command.run(),
            Self::Publish(command) => command.run(),
            Self::Promote(command) => command.run(),
            Self::Rollback(command) => command.run(),
            Self::Releases(command) => command.run(),
            Self::Runs(command) => command.run(),
            Self::Compare(command) => command.run(),
            Self::Import(command) => command.run(),
            Self::Drift(command) => command.run(),
            Self::Validate(command) => command.run(),
            #[cfg(feature = "mongodb")]
            Self::PushData(command) => command.run(),
            Self::Keygen(command) => command.run(),
            Self::RotateKeys(command) => command.run(),
            Self::Sign(command) => command.run(),
            Self::Cosign(command) => command.run(),
            Self::Revoke(command) => command.run(),
            Self::Verify(command) => command.run(),
            #[cfg(feature = "serve")]
            Self::Serve(command) => command.run(),
            #[cfg(feature = "serve")]
            Self::Worker(command) => command.run(),
            #[cfg(feature = "serve")]
            Self::Token(command) => command.run(),
            Self::Monitor(command) => command.run(),
            Self::Ingest(command) => command.run(),
            Self::Retention(command) => command.run(),
            Self::Audit(command) => command.run(),
            Self::Erase(command) => command.run(),
            Self::Sample(command) => command.run(),
            Self::Fit(command) => command.run(),
            Self::Fixtures(command) => command.run(),
        }
    }
}

/// The path that means standard input or output.
const DASH: &str = "-";

/// Reads a schema from a TOML file.
fn read_schema(path: &Path) -> Result<FeatureSchema, TrainerError> {
    let file = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|source| TrainerError::Read {
        file: file.clone(),
        source,
    })?;
    FeatureSchema::from_toml(&text).map_err(|source| TrainerError::Schema { file, source })
}

/// Reads a whole file.
fn read_bytes(path: &Path) -> Result<Vec<u8>, TrainerError> {
    fs::read(path).map_err(|source| TrainerError::Read {
        file: path.display().to_string(),
        source,
    })
}

/// Reads a model from its file.
fn read_model(path: &Path) -> Result<OwnedModel, TrainerError> {
    let file = path.display().to_string();
    let bytes = fs::read(path).map_err(|source| TrainerError::Read {
        file: file.clone(),
        source,
    })?;
    OwnedModel::load(bytes).map_err(|source| TrainerError::Model { file, source })
}

/// Reads labelled rows from a file, or from standard input for `-`.
fn read_rows(
    schema: &FeatureSchema,
    path: &Path,
    reporter: Reporter,
) -> Result<Dataset, TrainerError> {
    let source = DataSource::file(path.display().to_string());
    let ingest = Ingest {
        reporter,
        ..Ingest::new(schema, &source)
    };
    Ok(ingest.run()?.into_dataset(schema)?)
}

/// Runs `work` on `threads` threads; `None` takes as many as there are cores.
fn on_threads<T: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> Result<T, TrainerError> + Send,
) -> Result<T, TrainerError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build()
        .map_err(TrainerError::Threads)?;
    pool.install(work)
}

/// Writes text to standard output.
fn print(text: &str) -> Result<(), TrainerError> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|source| TrainerError::Write {
            file: PathBuf::from("standard output"),
            source,
        })
}

/// Writes a report as one line of JSON to standard output.
fn print_json_line(report: &impl Serialize) -> Result<(), TrainerError> {
    print(&format!("{}\n", serde_json::to_string(report)?))
}

/// Writes a report as JSON to standard output.
fn print_json(report: &impl Serialize) -> Result<(), TrainerError> {
    print(&format!("{}\n", serde_json::to_string_pretty(report)?))
}
