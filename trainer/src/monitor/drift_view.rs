//! Drift from aggregates: the histograms of the field against the one that a model carries of its training rows.

use std::collections::BTreeMap;

use picket_schema::artifact::{Artifact, Reference};
use picket_schema::limits::SCORE_BINS;
use picket_schema::record::{AggregateRecord, ModelName};

use super::known_models::KnownModels;
use super::live_view::{ColumnDriftView, DriftPoint, ModelDrift};
use super::options::MonitorOptions;
use crate::drift::{CountComparison, DriftSeverity, bin_labels, compare_counts, q_values};

/// How many features `top` names.
const N_TOP: usize = 5;

/// Counts of a span or window: by feature, and last the scores.
type Counts = Vec<Vec<u64>>;

#[derive(Clone, Debug, Default)]
struct ModelCounts {
    n_rows: u64,
    n_unusable: u64,
    windows: BTreeMap<u64, Counts>,
}

/// The aggregates of all models.
#[derive(Clone, Debug, Default)]
pub(super) struct DriftTally(BTreeMap<ModelName, ModelCounts>);

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|it| f32::from_le_bytes(*it)).collect()
}

fn counts(bytes: &[u8]) -> Vec<u64> {
    let (words, _) = bytes.as_chunks::<4>();
    let count = |it: &[u8; 4]| u64::from(u32::from_le_bytes(*it));
    words.iter().map(count).collect()
}

/// Whether an aggregate has the bins of a model's reference.
fn fits(record: &AggregateRecord, artifact: &Artifact<'_>) -> bool {
    let features = &artifact.schema.features;
    let references = &artifact.reference.features;
    record.features.len() == features.len()
        && references.len() == features.len()
        && record.features.iter().zip(features).zip(references).all(
            |((found, feature), reference)| {
                found.name == feature.name && found.edges == floats(&reference.edges)
            },
        )
}

impl DriftTally {
    pub(super) fn add(
        &mut self,
        record: &AggregateRecord,
        known: &KnownModels,
        options: &MonitorOptions,
    ) {
        let Some(known) = known.get(&record.model.digest) else {
            return;
        };
        let model = self.0.entry(record.model.clone()).or_default();
        if !fits(record, known.model.model().artifact()) {
            model.n_unusable += 1;
            return;
        }
        model.n_rows = model.n_rows.saturating_add(record.n_rows);
        let features = record.features.iter().map(|it| &it.counts);
        let columns: Vec<&Vec<u64>> = features.chain([&record.scores]).collect();
        let window = options.window_of(record.time_ms);
        let sums = model.windows.entry(window).or_insert_with(|| {
            let empty = |it: &&Vec<u64>| vec![0; it.len()];
            columns.iter().map(empty).collect()
        });
        for (sum, more) in sums.iter_mut().zip(columns) {
            for (sum, count) in sum.iter_mut().zip(more) {
                *sum = sum.saturating_add(*count);
            }
        }
    }

    pub(super) fn views(&self, known: &KnownModels, options: &MonitorOptions) -> Vec<ModelDrift> {
        let views = self.0.iter().filter_map(|(name, model)| {
            let artifact = known.get(&name.digest)?.model.model().artifact();
            Some(view(name, model, artifact, options))
        });
        views.collect()
    }
}

/// The reference's counts by feature, and last of the scores, where there are any.
fn reference_counts(reference: &Reference<'_>) -> (Counts, bool) {
    let features = reference.features.iter().map(|it| counts(&it.counts));
    let mut all: Counts = features.collect();
    let scores = counts(&reference.scores);
    let has_scores = scores.len() == SCORE_BINS && scores.iter().any(|it| *it > 0);
    all.push(scores);
    (all, has_scores)
}

fn compare(reference: &Counts, live: &Counts, has_scores: bool) -> Vec<(CountComparison, f64)> {
    let as_floats = |counts: &[u64]| counts.iter().map(|it| *it as f64).collect::<Vec<_>>();
    let n_columns = reference.len() - usize::from(!has_scores);
    let columns = reference.iter().zip(live).take(n_columns);
    let compared: Vec<CountComparison> = columns
        .map(|(before, now)| compare_counts(&as_floats(before), &as_floats(now)))
        .collect();
    let p_values: Vec<f64> = compared.iter().map(|it| it.p_value).collect();
    compared.into_iter().zip(q_values(&p_values)).collect()
}

fn view(
    name: &ModelName,
    model: &ModelCounts,
    artifact: &Artifact<'_>,
    options: &MonitorOptions,
) -> ModelDrift {
    let (reference, has_scores) = reference_counts(&artifact.reference);
    let has_drifted =
        |psi: f64, q_value: f64| q_value < options.drift.alpha && psi >= options.min_psi;
    let mut whole: Counts = reference.iter().map(|it| vec![0; it.len()]).collect();
    let mut histories: Vec<Vec<DriftPoint>> = vec![Vec::new(); reference.len()];
    for (start_ms, live) in &model.windows {
        for (sum, more) in whole.iter_mut().flatten().zip(live.iter().flatten()) {
            *sum = sum.saturating_add(*more);
        }
        // Every row has a score: their sum is the number of rows.
        let n_rows = live.last().map_or(0, |it| it.iter().sum());
        let compared = compare(&reference, live, has_scores);
        for (history, (found, q_value)) in histories.iter_mut().zip(compared) {
            history.push(DriftPoint {
                start_ms: *start_ms,
                n_rows,
                psi: found.psi,
                q_value,
                has_drifted: has_drifted(found.psi, q_value),
            });
        }
    }
    let features = &artifact.schema.features;
    let mut columns: Vec<ColumnDriftView> = compare(&reference, &whole, has_scores)
        .into_iter()
        .zip(histories)
        .enumerate()
        .map(|(idx, ((found, q_value), history))| {
            let feature = features.get(idx);
            let edges = artifact.reference.features.get(idx);
            let bins = match edges {
                Some(edges) => bin_labels(feature, &floats(&edges.edges)),
                None => score_labels(),
            };
            let has_drifted = has_drifted(found.psi, q_value);
            ColumnDriftView {
                column: feature.map_or_else(|| "score".to_owned(), |it| it.name.clone()),
                statistic: found.statistic,
                p_value: found.p_value,
                q_value,
                psi: found.psi,
                has_drifted,
                severity: DriftSeverity::of(has_drifted, found.psi),
                bins,
                reference: reference[idx].clone(),
                live: whole[idx].clone(),
                history,
            }
        })
        .collect();
    let scores = if has_scores { columns.pop() } else { None };
    let mut drifted: Vec<&ColumnDriftView> = columns.iter().filter(|it| it.has_drifted).collect();
    drifted.sort_by(|a, b| b.psi.total_cmp(&a.psi));
    let n_reference = reference.first().map_or(0, |it| it.iter().sum::<u64>());
    ModelDrift {
        model: name.clone(),
        n_live: model.n_rows,
        n_reference,
        n_unusable: model.n_unusable,
        alpha: options.drift.alpha,
        min_psi: options.min_psi,
        n_drifted: drifted.len() as u64,
        top: drifted
            .iter()
            .take(N_TOP)
            .map(|it| it.column.clone())
            .collect(),
        scores,
        features: columns,
    }
}

fn score_labels() -> Vec<String> {
    let width = 1.0 / SCORE_BINS as f64;
    let bin = |idx: usize| {
        format!(
            "{:.2} to {:.2}",
            idx as f64 * width,
            (idx + 1) as f64 * width
        )
    };
    (0..SCORE_BINS).map(bin).collect()
}
