//! The stage that tells a tracking server.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::accept::Outcome;
use crate::error::TrainerError;
use crate::pipeline::stage_runner::StageRunner;
use crate::pipeline::tell_stages::Told;
use crate::search::{CandidateRecord, SearchMetric};
use crate::track::{
    ArtifactFile, DatasetInput, Registration, RunStatus, Tracked, TrackedRun, TrackingServer, track,
};

/// Files of a run that the server keeps, and their names there.
const ARTIFACTS: [(&str, &str); 5] = [
    ("model/model.picket", "model/model.picket"),
    ("report/report.html", "report.html"),
    ("evaluate/evaluation.json", "evaluation.json"),
    ("search/candidates.json", "candidates.json"),
    ("ingest/validation.json", "validation.json"),
];

/// Writes down what a tracking server is to know, and tells it where there is one. What the server does is no error.
pub(super) fn tell_server(
    run: &mut StageRunner,
    told: &Told<'_>,
) -> Result<Option<Tracked>, TrainerError> {
    let record = tracked_run(run, told);
    run.stage("track", |_, stage| {
        record.write(&stage.place("mlflow.json"))
    })?;
    let uri = told.config.track.uri.as_deref();
    // The address may stand in the pipeline's file; what lets in never does.
    let server = TrackingServer::from_variables(&|name| {
        let of_file = uri
            .filter(|_| name == "MLFLOW_TRACKING_URI")
            .map(str::to_owned);
        of_file.or_else(|| std::env::var(name).ok())
    })?;
    server
        .map(|server| track(run.folder.path(), &server))
        .transpose()
}

fn tracked_run(run: &StageRunner, told: &Told<'_>) -> TrackedRun {
    let record = &run.record;
    let (config, outcome) = (told.config, &told.searched.outcome);
    let now = ms_of(SystemTime::now()).unwrap_or(0);
    let started = humantime::parse_rfc3339(&record.started)
        .ok()
        .and_then(ms_of);
    let best = &outcome.records[outcome.best];
    let mut tracked = TrackedRun::default();
    tracked.run_id.clone_from(&record.run_id);
    tracked.name.clone_from(&record.run_id);
    tracked.experiment = config
        .track
        .experiment
        .clone()
        .unwrap_or_else(|| record.name.clone());
    tracked.started_ms = started.unwrap_or(now);
    tracked.ended_ms = now;
    tracked.status = RunStatus::Finished;
    tracked.params = params(told, best);
    add_metrics(&mut tracked, told, best, now);
    tracked.tags = tags(run, told);
    tracked.datasets = vec![dataset(run, told)];
    let files = ARTIFACTS
        .iter()
        .filter(|(path, _)| run.folder.path().join(path).is_file());
    tracked.artifacts = files
        .map(|(path, name)| ArtifactFile {
            path: (*path).to_owned(),
            name: (*name).to_owned(),
        })
        .collect();
    let acceptance = &told.accepted.acceptance;
    let is_accepted = acceptance.outcome == Outcome::Accept;
    tracked.registration = Some(Registration {
        model: config
            .track
            .model
            .clone()
            .unwrap_or_else(|| record.name.clone()),
        artifact: "model/model.picket".to_owned(),
        description: acceptance.reason.clone(),
        aliases: vec![
            if is_accepted {
                "champion"
            } else {
                "challenger"
            }
            .to_owned(),
        ],
    });
    tracked
}

fn params(told: &Told<'_>, best: &CandidateRecord) -> Vec<(String, String)> {
    let config = told.config;
    let mut params: Vec<(String, String)> = best.parameters.clone().into_iter().collect();
    params.extend([
        ("model".to_owned(), best.model.clone()),
        ("seed".to_owned(), config.seed.to_string()),
        ("split".to_owned(), config.split.kind.name().to_owned()),
        (
            "search_metric".to_owned(),
            config.search.metric.name().to_owned(),
        ),
        (
            "n_candidates".to_owned(),
            told.searched.outcome.records.len().to_string(),
        ),
    ]);
    params
}

fn add_metrics(tracked: &mut TrackedRun, told: &Told<'_>, best: &CandidateRecord, now: u64) {
    for figure in &told.measured.evaluation.metrics {
        tracked.add_metric(&figure.name, figure.value, now, 0);
        tracked.add_metric(&format!("{}_low", figure.name), figure.low, now, 0);
        tracked.add_metric(&format!("{}_high", figure.name), figure.high, now, 0);
    }
    for (fold, of_fold) in (0_i64..).zip(&best.folds) {
        for metric in SearchMetric::ALL {
            if let Some(value) = of_fold.metrics.get(metric.name()) {
                tracked.add_metric(&format!("fold_{}", metric.name()), *value, now, fold);
            }
        }
    }
}

fn tags(run: &StageRunner, told: &Told<'_>) -> Vec<(String, String)> {
    let (record, accepted) = (&run.record, told.accepted);
    let verdict = record
        .outcome
        .as_ref()
        .map(|outcome| outcome.verdict.clone());
    [
        ("picket.outcome", verdict),
        ("picket.reason", Some(accepted.acceptance.reason.clone())),
        ("picket.model_digest", record.model_digest.clone()),
        ("picket.schema_digest", record.schema_digest.clone()),
        ("picket.data_digest", record.data_digest.clone()),
        ("picket.champion", accepted.champion.clone()),
        ("picket.code_version", Some(record.code_version.clone())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

fn dataset(run: &StageRunner, told: &Told<'_>) -> DatasetInput {
    let digest = run.record.data_digest.clone().unwrap_or_default();
    DatasetInput {
        name: told.rows.schema.name.clone(),
        // The server takes 36 characters.
        digest: digest.replace("sha256:", "").chars().take(32).collect(),
        source_type: "local".to_owned(),
        source: told.rows.source.clone(),
        schema: String::new(),
        profile: format!("{{\"n_rows\":{}}}", told.rows.data.n_rows()),
        context: "training".to_owned(),
    }
}

fn ms_of(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}
