//! The stages that tell: report and track.

use std::time::{SystemTime, UNIX_EPOCH};

use picket_wasm_model::Model;
use serde::Serialize;

use crate::accept::Outcome;
use crate::error::TrainerError;
use crate::pipeline::config::PipelineConfig;
use crate::pipeline::context::{Accepted, Fitted, Measured, Rows, Searched};
use crate::pipeline::stage_runner::StageRunner;
use crate::publish::{Package, ReleaseManifest, Releases, open_store};
use crate::report::{self, Report, Table};
use crate::search::{CandidateState, SearchMetric};
use crate::track::{
    ArtifactFile, DatasetInput, Registration, RunStatus, Tracked, TrackedRun, TrackingServer, track,
};

/// Everything a run knows when it is judged.
pub(super) struct Told<'a> {
    pub(super) config: &'a PipelineConfig,
    pub(super) rows: &'a Rows,
    pub(super) searched: &'a Searched,
    pub(super) fitted: &'a Fitted,
    pub(super) measured: &'a Measured,
    pub(super) accepted: &'a Accepted,
}

/// Writes the page.
pub(super) fn report(run: &mut StageRunner, told: &Told<'_>) -> Result<(), TrainerError> {
    run.stage("report", |_, stage| {
        let Told {
            config,
            rows,
            fitted,
            ..
        } = told;
        let model = Model::load(&fitted.measured)?;
        let test = rows.data.select(&rows.split.test);
        let costs = config.decide.costs().map_or([1.0, 1.0], |costs| {
            [costs.false_positive, costs.false_negative]
        });
        let mut page = Report::of_model(
            &model,
            &fitted.measured,
            &test,
            &rows.source,
            costs,
            config.seed,
        )?;
        // What is shipped is the model that was fitted to all rows.
        let shipped = Model::load(&fitted.bytes)?;
        page.lineage = report::lineage(shipped.artifact(), &fitted.bytes);
        page.summary
            .notes
            .clone_from(&shipped.artifact().card.notes);
        page.summary
            .notes
            .extend(told.accepted.acceptance.warnings.iter().cloned());
        page.summary.outcome = Some(report::Outcome {
            decision: match told.accepted.acceptance.outcome {
                Outcome::Accept => report::Decision::Accepted,
                Outcome::Reject => report::Decision::Rejected,
                Outcome::NotEnoughEvidence => report::Decision::NotEnoughEvidence,
            },
            reason: told.accepted.acceptance.reason.clone(),
        });
        page.profile = Some(report::Profile::of(&rows.data));
        page.findings = Some(rows.findings.clone());
        page.drift.clone_from(&rows.drift);
        page.candidates = Some(candidates(told));
        page.tables = tables(told);
        stage.write("report.html", page.to_html().as_bytes())
    })?;
    Ok(())
}

fn candidates(told: &Told<'_>) -> report::Candidates {
    let metric = told.config.search.metric;
    let outcome = &told.searched.outcome;
    let shown = outcome
        .ranked(metric)
        .into_iter()
        .map(|record| report::Candidate {
            learner: record.model.clone(),
            parameters: record.parameters.clone().into_iter().collect(),
            folds: record
                .folds
                .iter()
                .filter_map(|fold| fold.metrics.get(metric.name()).copied())
                .collect(),
            seconds: record.seconds(),
            is_chosen: record.candidate_idx == outcome.best,
            stopped: match &record.state {
                CandidateState::Complete => None,
                CandidateState::Halved => Some(format!(
                    "left behind at {:.0} % of the rows",
                    100.0 * record.share
                )),
                CandidateState::Failed(reason) => Some(reason.clone()),
                CandidateState::NotRun => Some("the time was up".to_owned()),
            },
        });
    report::Candidates {
        metric: metric.name().to_owned(),
        higher_is_better: !metric.is_loss(),
        candidates: shown.collect(),
    }
}

/// The other split, and the slices.
fn tables(told: &Told<'_>) -> Vec<Table> {
    let mut tables = Vec::new();
    let of_metric = |metric: &picket_schema::artifact::Metric| {
        format!(
            "{:.4} ({:.4} to {:.4})",
            metric.value, metric.low, metric.high
        )
    };
    if let Some(other) = &told.measured.other_split {
        let ours = &told.measured.evaluation.metrics;
        let rows = ours.iter().filter_map(|metric| {
            let theirs = other
                .metrics
                .iter()
                .find(|theirs| theirs.name == metric.name)?;
            Some(vec![
                metric.name.clone(),
                of_metric(metric),
                of_metric(theirs),
            ])
        });
        let kind = told.config.split.kind.name();
        tables.push(Table {
            title: "Both splits".to_owned(),
            note: format!(
                "The same learner on a {} split, where {:.1} % of the test rows stand in the training part too. What it gains there is memory.",
                other.kind,
                100.0 * told.rows.memorised_share.max(other.memorised_share),
            ),
            header: vec!["metric".to_owned(), format!("{kind} split"), format!("{} split", other.kind)],
            rows: rows.collect(),
        });
    }
    for slices in &told.measured.slices {
        let rows = slices.slices.iter().map(|slice| {
            let f1 = slice.metrics.iter().find(|metric| metric.name == "f1");
            let mut row = vec![
                slice.name.clone(),
                slice.n_rows.to_string(),
                slice.n_positive.to_string(),
                f1.map_or_else(|| "one class only".to_owned(), of_metric),
            ];
            row.push(if slice.is_small { "few rows" } else { "" }.to_owned());
            row
        });
        tables.push(Table {
            title: format!("By {}", slices.feature),
            note: "Test rows, told apart by their value.".to_owned(),
            header: ["value", "rows", "positive", "F1", ""]
                .map(str::to_owned)
                .to_vec(),
            rows: rows.collect(),
        });
    }
    tables
}

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
    let Told {
        config,
        rows,
        searched,
        accepted,
        ..
    } = told;
    let (metric, outcome) = (config.search.metric, &searched.outcome);
    let name = run.record.name.clone();
    let now = now_ms();
    let started = humantime::parse_rfc3339(&run.record.started)
        .ok()
        .and_then(ms_of)
        .unwrap_or(now);
    let mut tracked = TrackedRun::default();
    tracked.run_id.clone_from(&run.record.run_id);
    tracked.name.clone_from(&run.record.run_id);
    tracked.experiment = config
        .track
        .experiment
        .clone()
        .unwrap_or_else(|| name.clone());
    tracked.started_ms = started;
    tracked.ended_ms = now;
    tracked.status = RunStatus::Finished;
    let best = &outcome.records[outcome.best];
    tracked.params = best.parameters.clone().into_iter().collect();
    tracked.params.extend([
        ("model".to_owned(), best.model.clone()),
        ("seed".to_owned(), config.seed.to_string()),
        ("split".to_owned(), config.split.kind.name().to_owned()),
        ("search_metric".to_owned(), metric.name().to_owned()),
        ("n_candidates".to_owned(), outcome.records.len().to_string()),
    ]);
    for figure in &told.measured.evaluation.metrics {
        tracked.add_metric(&figure.name, figure.value, now, 0);
        tracked.add_metric(&format!("{}_low", figure.name), figure.low, now, 0);
        tracked.add_metric(&format!("{}_high", figure.name), figure.high, now, 0);
    }
    for (fold, of_fold) in best.folds.iter().enumerate() {
        for metric in SearchMetric::ALL {
            if let Some(value) = of_fold.metrics.get(metric.name()) {
                tracked.add_metric(&format!("fold_{}", metric.name()), *value, now, fold as i64);
            }
        }
    }
    tracked.tags = [
        (
            "picket.outcome",
            run.record
                .outcome
                .as_ref()
                .map(|outcome| outcome.verdict.clone()),
        ),
        ("picket.reason", Some(accepted.acceptance.reason.clone())),
        ("picket.model_digest", run.record.model_digest.clone()),
        ("picket.schema_digest", run.record.schema_digest.clone()),
        ("picket.data_digest", run.record.data_digest.clone()),
        ("picket.champion", accepted.champion.clone()),
        ("picket.code_version", Some(run.record.code_version.clone())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect();
    tracked.datasets = vec![DatasetInput {
        name: rows.schema.name.clone(),
        // The server takes 36 characters.
        digest: run
            .record
            .data_digest
            .clone()
            .unwrap_or_default()
            .replace("sha256:", "")
            .chars()
            .take(32)
            .collect(),
        source_type: "local".to_owned(),
        source: rows.source.clone(),
        schema: String::new(),
        profile: format!("{{\"n_rows\":{}}}", rows.data.n_rows()),
        context: "training".to_owned(),
    }];
    tracked.artifacts = [
        ("model/model.picket", "model/model.picket"),
        ("report/report.html", "report.html"),
        ("evaluate/evaluation.json", "evaluation.json"),
        ("search/candidates.json", "candidates.json"),
        ("ingest/validation.json", "validation.json"),
    ]
    .into_iter()
    .filter(|(path, _)| run.folder.path().join(path).is_file())
    .map(|(path, name)| ArtifactFile {
        path: path.to_owned(),
        name: name.to_owned(),
    })
    .collect();
    let is_accepted = accepted.acceptance.outcome == Outcome::Accept;
    tracked.registration = Some(Registration {
        model: config.track.model.clone().unwrap_or(name),
        artifact: "model/model.picket".to_owned(),
        description: accepted.acceptance.reason.clone(),
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

/// What stands in `publish/release.json`.
#[derive(Serialize)]
struct Published<'a> {
    to: &'a str,
    is_champion: bool,
    manifest: &'a ReleaseManifest,
}

/// Publishes an accepted model where the pipeline says so. A run that goes on does not publish again.
pub(super) fn publish(run: &mut StageRunner, told: &Told<'_>) -> Result<(), TrainerError> {
    let Some(to) = told.config.publish.to.as_deref() else {
        return Ok(());
    };
    if told.accepted.acceptance.outcome != Outcome::Accept
        || run.folder.finished("publish").is_some()
    {
        return Ok(());
    }
    run.stage("publish", |run, stage| {
        let store = open_store(to)?;
        let releases = Releases::new(store.as_ref());
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let manifest = releases.publish(&Package {
            artifact: told.fitted.bytes.clone(),
            run_id: text(&run.record.run_id),
            user: text(&run.record.user),
            host: text(&run.record.host),
        })?;
        let is_champion = told.config.publish.promote;
        if is_champion {
            releases.promote(manifest.release)?;
        }
        stage.write_json(
            "release.json",
            &Published {
                to,
                is_champion,
                manifest: &manifest,
            },
        )
    })?;
    Ok(())
}

fn now_ms() -> u64 {
    ms_of(SystemTime::now()).unwrap_or(0)
}

fn ms_of(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}
