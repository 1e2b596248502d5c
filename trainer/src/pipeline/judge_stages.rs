//! The stages that judge: evaluate and accept. Both look at the measured model, which never saw the test rows.

use std::path::Path;

use picket_schema::FeatureSchema;
use picket_schema::artifact::Artifact;
use picket_wasm_model::{Model, OwnedModel};
use serde::Serialize;

use crate::accept::{AcceptOptions, Acceptance, Contender, accept};
use crate::dataset::Dataset;
use crate::decide::Costs;
use crate::error::TrainerError;
use crate::evaluation::{Evaluation, GateReport, Scores, SliceReport, scored_groups, slice_by};
use crate::metrics::{Confusion, Curves};
use crate::pipeline::choice::Choice;
use crate::pipeline::config::PipelineConfig;
use crate::pipeline::context::{Accepted, Fitted, Measured, OtherSplit, Rows};
use crate::pipeline::learn_stages::train_options;
use crate::pipeline::record::MetricRecord;
use crate::pipeline::stage_runner::StageRunner;
use crate::split::{Split, SplitKind};
use crate::training;

/// Points of a curve that are kept.
const MAX_POINTS: usize = 500;

/// What stands in `evaluate/evaluation.json`.
#[derive(Serialize)]
struct EvaluationReport<'a> {
    positive_class: &'a str,
    threshold: f64,
    n_rows: usize,
    n_distinct_rows: usize,
    n_positive: usize,
    metrics: &'a [picket_schema::artifact::Metric],
    confusion: Option<Confusion>,
    gate: &'a GateReport,
    slices: &'a [SliceReport],
    other_split: Option<&'a OtherSplit>,
    curves: Option<Curves>,
}

/// Measures the model on rows that it never saw.
pub(super) fn evaluate(
    run: &mut StageRunner,
    config: &PipelineConfig,
    rows: &Rows,
    choice: &Choice,
    fitted: &Fitted,
) -> Result<Measured, TrainerError> {
    let (measured, _) = run.stage("evaluate", |run, stage| {
        let test = rows.data.select(&rows.split.test);
        let model = Model::load(&fitted.measured)?;
        let evaluation = Evaluation::of(&model, &test, config.seed)?;
        let f1 = evaluation.metric("f1").map_or(0.0, |metric| metric.value);
        let gate = config.evaluate.gate().check(fitted.train_f1, f1);
        let slices = config
            .evaluate
            .slices
            .iter()
            .map(|feature| slice(&model, &test, feature, config.seed))
            .collect::<Result<Vec<_>, TrainerError>>()?;
        let other_split = if config.evaluate.both_splits {
            other_split(run, config, rows, choice)?
        } else {
            None
        };
        let scored = scored_groups(&model, &test)?;
        let costs = config.decide.costs().unwrap_or(Costs {
            false_positive: 1.0,
            false_negative: 1.0,
        });
        stage.write_json(
            "evaluation.json",
            &EvaluationReport {
                positive_class: &rows.schema.label.positive.name,
                threshold: evaluation.threshold,
                n_rows: evaluation.n_rows,
                n_distinct_rows: evaluation.n_distinct_rows,
                n_positive: evaluation.n_positive,
                metrics: &evaluation.metrics,
                confusion: Some(Confusion::of(&scored, model.decision())),
                gate: &gate,
                slices: &slices,
                other_split: other_split.as_ref(),
                curves: Curves::of(&scored, costs).map(|curves| curves.thinned(MAX_POINTS)),
            },
        )?;
        Ok(Measured {
            evaluation,
            slices,
            other_split,
        })
    })?;
    let metrics = measured
        .evaluation
        .metrics
        .iter()
        .map(|metric| MetricRecord {
            name: metric.name.clone(),
            value: metric.value,
            low: metric.low,
            high: metric.high,
        });
    run.record.metrics = metrics.collect();
    run.write_record()?;
    Ok(measured)
}

/// Refuses slices by features that the schema does not have.
pub(super) fn check_slices(
    config: &PipelineConfig,
    schema: &FeatureSchema,
) -> Result<(), TrainerError> {
    let slices = config.evaluate.slices.iter();
    slices
        .map(|name| feature_idx(schema, name))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(())
}

fn feature_idx(schema: &FeatureSchema, name: &str) -> Result<usize, TrainerError> {
    let names = schema.features.iter().map(|feature| feature.name.as_str());
    let place = names.clone().position(|feature| feature == name);
    place.ok_or_else(|| TrainerError::Usage {
        option: format!("[evaluate] slices: {name:?}"),
        expected: format!(
            "one of the features {}",
            names.collect::<Vec<_>>().join(", ")
        ),
    })
}

fn slice(
    model: &Model<'_>,
    test: &Dataset,
    feature: &str,
    seed: u64,
) -> Result<SliceReport, TrainerError> {
    let feature_idx = feature_idx(test.schema(), feature)?;
    let scores = Scores::of(model, test)?.scores;
    let threshold = model.decision().threshold;
    Ok(slice_by(test, feature_idx, &scores, threshold, seed))
}

/// Measures the same choice on the other kind of split: what both say apart is memory.
fn other_split(
    run: &StageRunner,
    config: &PipelineConfig,
    rows: &Rows,
    choice: &Choice,
) -> Result<Option<OtherSplit>, TrainerError> {
    let kind = match config.split.kind {
        SplitKind::Grouped => SplitKind::Random,
        SplitKind::Random | SplitKind::Time => SplitKind::Grouped,
    };
    let Ok(split) = Split::new(&rows.data, &rows.groups, kind, config.seed) else {
        // Too few distinct rows for the other kind: the run does not need it.
        return Ok(None);
    };
    let options = train_options(config, choice)?;
    let measured = training::Measured::on(&rows.data, &split, &options, run.reporter)?;
    Ok(Some(OtherSplit {
        kind: kind.name(),
        memorised_share: split.memorised_share(&rows.groups),
        metrics: measured.evaluation.metrics,
    }))
}

/// Compares the measured model with the champion on the test rows.
pub(super) fn judge(
    run: &mut StageRunner,
    config: &PipelineConfig,
    rows: &Rows,
    fitted: &Fitted,
    champion: Option<&OwnedModel>,
) -> Result<Accepted, TrainerError> {
    let (accepted, _) = run.stage("accept", |_, stage| {
        let model = Model::load(&fitted.measured)?;
        let test = rows.data.select(&rows.split.test);
        let options = AcceptOptions {
            min_gain: config.accept.min_gain,
            gate: config.evaluate.gate(),
            train_f1: fitted.train_f1,
            seed: config.seed,
        };
        let challenger = Contender {
            model: &model,
            data: &test,
        };
        let mut acceptance: Acceptance = match champion {
            None => accept(challenger, None, &options)?,
            Some(champion) => {
                let data = as_read_by(champion, &test)?;
                let contender = Contender {
                    model: champion.model(),
                    data: &data,
                };
                accept(challenger, Some(contender), &options)?
            }
        };
        if let Some(champion) = champion {
            acceptance
                .warnings
                .extend(saw_test_rows(champion, &rows.data));
        }
        stage.write_json("acceptance.json", &acceptance)?;
        let champion = champion.map(|model| Artifact::digest(model.bytes()).to_string());
        Ok(Accepted {
            acceptance,
            champion,
        })
    })?;
    Ok(accepted)
}

/// The test rows for a champion, which must know the same features.
fn as_read_by(champion: &OwnedModel, test: &Dataset) -> Result<Dataset, TrainerError> {
    let (theirs, ours) = (champion.model().schema().digest(), test.schema().digest());
    if theirs == ours {
        return Ok(test.clone());
    }
    Err(TrainerError::Usage {
        option: "[accept] champion".to_owned(),
        expected: format!("a model of the schema {ours}; found {theirs}"),
    })
}

fn saw_test_rows(champion: &OwnedModel, data: &Dataset) -> Option<String> {
    let card = &champion.model().artifact().card;
    let refitted = card
        .parameters
        .get("refit")
        .is_some_and(|refit| refit == "true");
    (card.data_digest == data.digest() && refitted).then(|| {
        "The champion was fitted to all of these rows, the test rows too: the comparison flatters it.".to_owned()
    })
}

/// Reads the champion's file.
pub(super) fn read_champion(place: &Path) -> Result<OwnedModel, TrainerError> {
    let file = place.display().to_string();
    let bytes = std::fs::read(place).map_err(|source| TrainerError::Read {
        file: file.clone(),
        source,
    })?;
    OwnedModel::load(bytes).map_err(|source| TrainerError::Model { file, source })
}
