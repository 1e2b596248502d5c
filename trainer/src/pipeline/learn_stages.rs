//! The stages that learn: search and model.

use picket_schema::artifact::Artifact;
use serde::{Deserialize, Serialize};

use crate::error::TrainerError;
use crate::pipeline::choice::Choice;
use crate::pipeline::config::PipelineConfig;
use crate::pipeline::context::{Fitted, Rows, Searched};
use crate::pipeline::stage_runner::StageRunner;
use crate::search::{CandidateRecord, SearchMetric, search};
use crate::training::{TrainOptions, train};

/// Where finished tasks of the search are kept until the run is done.
pub(crate) const TASK_FOLDER: &str = ".search-tasks";

/// What stands in `search/candidates.json`.
#[derive(Serialize)]
struct CandidateReport<'a> {
    metric: SearchMetric,
    n_folds: usize,
    best: usize,
    candidates: Vec<&'a CandidateRecord>,
}

/// Looks for the best candidate on the training rows.
pub(super) fn find(
    run: &mut StageRunner,
    config: &PipelineConfig,
    rows: &Rows,
) -> Result<Searched, TrainerError> {
    let (searched, _) = run.stage("search", |run, stage| {
        let training = rows.data.select(&rows.split.train);
        let options = config.search_options();
        let store = run.task_stores.open(run.folder.path().join(TASK_FOLDER))?;
        let stop = run.stop.clone();
        let is_stopped = move || stop.is_raised();
        let space = config.search.space();
        let outcome = search(
            &training,
            &space,
            &options,
            store.as_ref(),
            &is_stopped,
            run.reporter,
        )?;
        let candidates = outcome.ranked(options.metric);
        stage.write_json(
            "candidates.json",
            &CandidateReport {
                metric: options.metric,
                n_folds: options.n_folds,
                best: outcome.best,
                candidates,
            },
        )?;
        let choice = Choice::of(&outcome.candidates[outcome.best]);
        stage.write_json("choice.json", &choice)?;
        Ok(Searched { outcome, choice })
    })?;
    Ok(searched)
}

/// What stands in `model/training.json`.
#[derive(Serialize, Deserialize)]
struct TrainingReport {
    /// The choice that was fitted, so that a run that goes on knows whether it still is the choice.
    choice: Choice,
    model_digest: String,
    measured_digest: String,
    train_f1: Option<f64>,
}

/// Fits the choice to the training rows to measure it, and to all rows to ship it.
pub(super) fn fit(
    run: &mut StageRunner,
    config: &PipelineConfig,
    rows: &Rows,
    choice: &Choice,
) -> Result<Fitted, TrainerError> {
    if let Some(fitted) = kept(run, choice) {
        run.record.model_digest = Some(Artifact::digest(&fitted.bytes).to_string());
        return Ok(fitted);
    }
    let (fitted, _) = run.stage("model", |run, stage| {
        let options = train_options(config, choice)?;
        let trained = train(&rows.data, &options, run.reporter)?;
        let fitted = Fitted {
            train_f1: trained.training_metrics.get("f1").copied(),
            bytes: trained.bytes,
            measured: trained.measured,
        };
        stage.write("model.picket", &fitted.bytes)?;
        stage.write("measured.picket", &fitted.measured)?;
        stage.write_json(
            "training.json",
            &TrainingReport {
                choice: choice.clone(),
                model_digest: Artifact::digest(&fitted.bytes).to_string(),
                measured_digest: Artifact::digest(&fitted.measured).to_string(),
                train_f1: fitted.train_f1,
            },
        )?;
        Ok(fitted)
    })?;
    run.record.model_digest = Some(Artifact::digest(&fitted.bytes).to_string());
    run.record.algorithm = Some(choice.model.clone());
    Ok(fitted)
}

/// How a choice is trained in this pipeline.
pub(super) fn train_options(
    config: &PipelineConfig,
    choice: &Choice,
) -> Result<TrainOptions, TrainerError> {
    let candidate = choice.candidate()?;
    let mut options = TrainOptions::new(candidate.learner);
    options.name.clone_from(&config.name);
    options.transform = candidate.transform;
    options.seed = config.seed;
    options.split = config.split.kind;
    options.calibration = config.calibrate.method.into();
    options.threshold = config.decide.rule("pipeline")?;
    options.uncertain = config.decide.uncertain;
    Ok(options)
}

/// The model of a run that goes on, where it is whole and the choice is the same.
fn kept(run: &StageRunner, choice: &Choice) -> Option<Fitted> {
    let place = run.folder.finished("model")?;
    let text = std::fs::read(place.join("training.json")).ok()?;
    let report: TrainingReport = serde_json::from_slice(&text).ok()?;
    let fitted = Fitted {
        bytes: std::fs::read(place.join("model.picket")).ok()?,
        measured: std::fs::read(place.join("measured.picket")).ok()?,
        train_f1: report.train_f1,
    };
    let is_whole = Artifact::digest(&fitted.bytes).to_string() == report.model_digest
        && Artifact::digest(&fitted.measured).to_string() == report.measured_digest;
    (is_whole && report.choice == *choice).then_some(fitted)
}

/// Forgets the tasks of a search that is done.
pub(super) fn forget_tasks(run: &StageRunner) {
    // They are of use to nobody, and in nobody's way.
    let _ = std::fs::remove_dir_all(run.folder.path().join(TASK_FOLDER));
}
