//! The stages that tell people: report and publish.

use picket_wasm_model::Model;
use serde::Serialize;

use crate::accept::Outcome;
use crate::error::TrainerError;
use crate::pipeline::config::{PipelineConfig, PublishSection};
use crate::pipeline::context::{Accepted, Fitted, Measured, Rows, Searched};
use crate::pipeline::stage_runner::StageRunner;
use crate::publish::{Package, PublishError, ReleaseManifest, Releases, open_store};
use crate::report::{self, Report, Table};
use crate::search::CandidateState;
use crate::signing::{SignedStore, read_keys};

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
        let section = &config.publish;
        let is_published =
            told.accepted.acceptance.outcome == Outcome::Accept && section.to.is_some();
        if is_published && section.sign_with.is_empty() {
            page.summary.notes.push(UNSIGNED.to_owned());
        }
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

/// What the page says of a release that a pipeline publishes unsigned, as its settings allow.
const UNSIGNED: &str = "The release is published without a signature, as the pipeline says (allow-unsigned). No edge that \
                        follows releases takes it before it is signed: trainer sign --to.";

/// How many days a signed release is valid.
const VALID_DAYS: u64 = 90;

/// Holds the settings alone against the rule that what is published is signed, or said not to be.
///
/// # Errors
/// [`PublishError::UnsignedPublish`].
pub(crate) fn check_signing(section: &PublishSection) -> Result<(), PublishError> {
    match &section.to {
        Some(to) if section.sign_with.is_empty() && !section.allow_unsigned => {
            let store = to.clone();
            Err(PublishError::UnsignedPublish { store })
        }
        _ => Ok(()),
    }
}

/// Holds the settings against the place that is published to, before hours of search.
///
/// # Errors
/// As [`check_signing`]; where a key cannot be read; [`PublishError::UnsignedAfterSigned`] where releases are signed there and one without a signature
/// would be promoted, whatever the settings allow.
pub(super) fn check_publishing(section: &PublishSection) -> Result<(), TrainerError> {
    check_signing(section)?;
    let Some(to) = section.to.as_deref() else {
        return Ok(());
    };
    read_keys(&section.sign_with)?;
    if section.promote && section.sign_with.is_empty() {
        let store = open_store(to)?;
        if Releases::new(store.as_ref()).are_signed()? {
            let store = store.address();
            return Err(PublishError::UnsignedAfterSigned { store }.into());
        }
    }
    Ok(())
}

/// What stands in `publish/release.json`.
#[derive(Serialize)]
struct Published<'a> {
    to: &'a str,
    is_champion: bool,
    is_signed: bool,
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
        let section = &told.config.publish;
        let keys = read_keys(&section.sign_with)?;
        let keys: Vec<_> = keys.iter().collect();
        let releases = Releases::new(store.as_ref()).signed_by(&keys);
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let package = Package {
            artifact: told.fitted.bytes.clone(),
            run_id: text(&run.record.run_id),
            user: text(&run.record.user),
            host: text(&run.record.host),
        };
        // A run that was killed after it published goes on with its release.
        let known = releases.of_run(&package)?;
        let manifest = match known {
            Some(manifest) => manifest,
            None => releases.publish(&package)?,
        };
        if !section.sign_with.is_empty() {
            let days = section
                .valid_days
                .map_or(VALID_DAYS, |days| days.get().into());
            // Before it is promoted: an edge that follows the channel finds it signed.
            SignedStore::open(to)?.sign(manifest.release, &keys, days, text(&run.record.run_id))?;
        }
        let is_champion = section.promote;
        if is_champion {
            // Others may have signed there since the run began.
            if keys.is_empty() && releases.are_signed()? {
                let store = store.address();
                return Err(PublishError::UnsignedAfterSigned { store }.into());
            }
            releases.promote(manifest.release)?;
        }
        stage.write_json(
            "release.json",
            &Published {
                to,
                is_champion,
                is_signed: !keys.is_empty(),
                manifest: &manifest,
            },
        )
    })?;
    Ok(())
}
