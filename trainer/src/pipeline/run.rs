//! The stages, one after another.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use picket_schema::FeatureSchema;
use picket_wasm_model::OwnedModel;

use crate::accept::Outcome;
use crate::error::TrainerError;
use crate::pipeline::config::PipelineConfig;
use crate::pipeline::context::Accepted;
use crate::pipeline::record::{OutcomeRecord, RunRecord, RunState};
use crate::pipeline::run_folder::{RunFolder, timestamp};
use crate::pipeline::stage_runner::StageRunner;
use crate::pipeline::stop_flag::StopFlag;
use crate::pipeline::tell_stages::{self, Told};
use crate::pipeline::{judge_stages, learn_stages, row_stages, track_stage};
use crate::progress::Reporter;
use crate::publish::{Releases, open_store};
use crate::search::{SearchError, TaskStores};
use crate::track::Tracked;

/// The pipeline as it was run, in a run's folder.
const CONFIG_FILE: &str = "pipeline.json";
/// The schema as it was, in a run's folder.
const SCHEMA_FILE: &str = "schema.json";

/// What to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The settings of all stages.
    pub config: PipelineConfig,
    /// What a row holds.
    pub schema: FeatureSchema,
    /// Who is told how far it is.
    pub reporter: Reporter,
    /// Who may ask it to stop.
    pub stop: StopFlag,
    /// The run's id, which is its folder's name; without one it is the time.
    pub run_id: Option<String>,
    /// Where tasks of the search are kept, and who may do them.
    pub task_stores: Arc<dyn TaskStores>,
}

/// A finished run.
#[derive(Debug)]
pub struct RunResult {
    /// Its folder.
    pub folder: PathBuf,
    /// The model's file.
    pub model: PathBuf,
    /// The page.
    pub report: PathBuf,
    /// What it leaves behind about itself.
    pub record: RunRecord,
    /// What the tracking server did, where there is one.
    pub tracked: Option<Tracked>,
}

/// Runs a pipeline in a new folder.
///
/// # Errors
/// A [`TrainerError`] of the stage that failed. The folder stays, and its record says why. A model that is
/// not accepted is no error: see [`RunRecord::outcome`].
pub fn run_pipeline(options: RunOptions) -> Result<RunResult, TrainerError> {
    let RunOptions {
        mut config,
        schema,
        reporter,
        stop,
        run_id,
        task_stores,
    } = options;
    let folder = match run_id {
        Some(run_id) => RunFolder::begin(&config.artifacts, &run_id)?,
        None => RunFolder::create(&config.artifacts)?,
    };
    // The folder may be moved, and the run goes on where it lies.
    config.artifacts = PathBuf::new();
    let text = serde_json::to_vec_pretty(&config)?;
    crate::OutputFile::write(&folder.path().join(CONFIG_FILE), &text)?;
    let text = serde_json::to_vec_pretty(&schema)?;
    crate::OutputFile::write(&folder.path().join(SCHEMA_FILE), &text)?;
    let record = RunRecord {
        run_id: folder.run_id(),
        name: if config.name.is_empty() {
            schema.name.clone()
        } else {
            config.name.clone()
        },
        state: RunState::Running,
        error: None,
        seed: config.seed,
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        schema_digest: Some(schema.digest().to_string()),
        data_digest: None,
        model_digest: None,
        algorithm: None,
        started: timestamp(),
        finished: None,
        user: user(),
        host: host(),
        stages: Vec::new(),
        metrics: Vec::new(),
        outcome: None,
    };
    let run = StageRunner {
        folder,
        record,
        reporter,
        stop,
        task_stores,
    };
    go(run, &config, &schema)
}

/// Goes on with a run that was stopped.
///
/// # Errors
/// As [`run_pipeline`], and [`TrainerError::RunFolder`] where the folder is not that of a run, or another process
/// works in it.
pub fn resume(
    folder: &Path,
    reporter: Reporter,
    stop: StopFlag,
    task_stores: Arc<dyn TaskStores>,
) -> Result<RunResult, TrainerError> {
    let mut record = RunRecord::read(folder)?;
    let (config, schema) = settings_of(folder)?;
    let folder = RunFolder::open(folder)?;
    record.state = RunState::Running;
    record.error = None;
    record.finished = None;
    let run = StageRunner {
        folder,
        record,
        reporter,
        stop,
        task_stores,
    };
    go(run, &config, &schema)
}

/// The settings and the schema of a run.
pub(super) fn settings_of(folder: &Path) -> Result<(PipelineConfig, FeatureSchema), TrainerError> {
    let read = |name: &str| {
        let place = folder.join(name);
        let text = std::fs::read_to_string(&place).map_err(|source| TrainerError::Read {
            file: place.display().to_string(),
            source,
        })?;
        Ok::<_, TrainerError>((place.display().to_string(), text))
    };
    let broken = |folder: String, error: serde_json::Error| TrainerError::RunFolder {
        folder,
        found: error.to_string(),
        expected: "what a run of this version writes".to_owned(),
    };
    let (file, text) = read(CONFIG_FILE)?;
    let config = serde_json::from_str(&text).map_err(|error| broken(file, error))?;
    let (file, text) = read(SCHEMA_FILE)?;
    let schema = serde_json::from_str(&text).map_err(|error| broken(file, error))?;
    Ok((config, schema))
}

fn go(
    mut run: StageRunner,
    config: &PipelineConfig,
    schema: &FeatureSchema,
) -> Result<RunResult, TrainerError> {
    let result = stages(&mut run, config, schema);
    run.end(result.as_ref().err())?;
    let tracked = result.map_err(|error| match error {
        TrainerError::Search(SearchError::Interrupted) => TrainerError::Interrupted {
            folder: run.folder.path().to_owned(),
        },
        error => error,
    })?;
    learn_stages::forget_tasks(&run);
    let folder = run.folder.path().to_owned();
    Ok(RunResult {
        model: folder.join("model/model.picket"),
        report: folder.join("report/report.html"),
        folder,
        record: run.record,
        tracked,
    })
}

fn stages(
    run: &mut StageRunner,
    config: &PipelineConfig,
    schema: &FeatureSchema,
) -> Result<Option<Tracked>, TrainerError> {
    // What is wrong in the settings is found before hours of search.
    config.decide.rule("pipeline")?;
    judge_stages::check_slices(config, schema)?;
    tell_stages::check_publishing(&config.publish)?;
    let champion = champion(config)?;
    let read = row_stages::ingest(run, config, schema)?;
    let drift = row_stages::compare(run, config, schema, &read.0, champion.as_ref())?;
    let rows = row_stages::split(run, config, schema, read, drift)?;
    let searched = learn_stages::find(run, config, &rows)?;
    let fitted = learn_stages::fit(run, config, &rows, &searched.choice)?;
    let measured = judge_stages::evaluate(run, config, &rows, &searched.choice, &fitted)?;
    let accepted = judge_stages::judge(run, config, &rows, &fitted, champion.as_ref())?;
    run.record.outcome = Some(outcome(&accepted));
    run.write_record()?;
    let told = Told {
        config,
        rows: &rows,
        searched: &searched,
        fitted: &fitted,
        measured: &measured,
        accepted: &accepted,
    };
    tell_stages::report(run, &told)?;
    let tracked = track_stage::tell_server(run, &told)?;
    tell_stages::publish(run, &told)?;
    Ok(tracked)
}

/// The model to beat: the file that the pipeline names, else the champion of the place that is published to.
fn champion(config: &PipelineConfig) -> Result<Option<OwnedModel>, TrainerError> {
    if let Some(place) = &config.accept.champion {
        return judge_stages::read_champion(place).map(Some);
    }
    let Some(to) = &config.publish.to else {
        return Ok(None);
    };
    let store = open_store(to)?;
    let bytes = Releases::new(store.as_ref()).champion_artifact()?;
    let load = |bytes| {
        OwnedModel::load(bytes).map_err(|source| TrainerError::Model {
            file: format!("the champion of {to}"),
            source,
        })
    };
    bytes.map(load).transpose()
}

fn outcome(accepted: &Accepted) -> OutcomeRecord {
    let acceptance = &accepted.acceptance;
    OutcomeRecord {
        accepted: acceptance.outcome == Outcome::Accept,
        verdict: match acceptance.outcome {
            Outcome::Accept => "accept",
            Outcome::Reject => "reject",
            Outcome::NotEnoughEvidence => "not-enough-evidence",
        }
        .to_owned(),
        reason: acceptance.reason.clone(),
    }
}

fn user() -> String {
    let of = |name: &str| std::env::var(name).ok().filter(|user| !user.is_empty());
    of("USER").or_else(|| of("LOGNAME")).unwrap_or_default()
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("HOSTNAME").ok());
    name.map(|name| name.trim().to_owned()).unwrap_or_default()
}
