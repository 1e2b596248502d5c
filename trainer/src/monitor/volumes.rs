//! How much was scored: from single answers where a node sends such, else from its aggregates.

use std::collections::BTreeMap;

use picket_schema::Verdict;
use picket_schema::limits::SCORE_BINS;
use picket_schema::record::{AggregateRecord, ModelName, PredictionRecord, VerdictCounts};

use super::options::MonitorOptions;

/// What one node scored with one model.
#[derive(Clone, Debug)]
pub(super) struct Volume {
    pub(super) first_ms: u64,
    pub(super) last_ms: u64,
    pub(super) n_rows: u64,
    pub(super) verdicts: VerdictCounts,
    pub(super) scores: Vec<u64>,
    pub(super) bins: BTreeMap<u64, VerdictCounts>,
}

impl Default for Volume {
    fn default() -> Self {
        Self {
            first_ms: u64::MAX,
            last_ms: 0,
            n_rows: 0,
            verdicts: VerdictCounts::default(),
            scores: vec![0; SCORE_BINS],
            bins: BTreeMap::new(),
        }
    }
}

/// By node and model.
type Volumes = BTreeMap<(String, ModelName), Volume>;

/// What nodes scored, by either kind of record.
#[derive(Clone, Debug, Default)]
pub(super) struct VolumeTally {
    answers: Volumes,
    aggregates: Volumes,
}

pub(super) fn add(sum: &mut VerdictCounts, more: &VerdictCounts) {
    sum.positive = sum.positive.saturating_add(more.positive);
    sum.negative = sum.negative.saturating_add(more.negative);
    sum.uncertain = sum.uncertain.saturating_add(more.uncertain);
}

fn one(verdict: Verdict) -> VerdictCounts {
    VerdictCounts {
        positive: u64::from(verdict == Verdict::Positive),
        negative: u64::from(verdict == Verdict::Negative),
        uncertain: u64::from(verdict == Verdict::Uncertain),
    }
}

impl VolumeTally {
    pub(super) fn add_answer(
        &mut self,
        node: &str,
        record: &PredictionRecord,
        options: &MonitorOptions,
    ) {
        let key = (node.to_owned(), record.model.clone());
        let volume = self.answers.entry(key).or_default();
        volume.first_ms = volume.first_ms.min(record.time_ms);
        volume.last_ms = volume.last_ms.max(record.time_ms);
        volume.n_rows += 1;
        let verdict = one(record.verdict);
        add(&mut volume.verdicts, &verdict);
        let bin = (record.score * SCORE_BINS as f64) as usize;
        volume.scores[bin.min(SCORE_BINS - 1)] += 1;
        add(
            volume
                .bins
                .entry(options.bin_of(record.time_ms))
                .or_default(),
            &verdict,
        );
    }

    pub(super) fn add_aggregate(
        &mut self,
        node: &str,
        record: &AggregateRecord,
        options: &MonitorOptions,
    ) {
        let key = (node.to_owned(), record.model.clone());
        let volume = self.aggregates.entry(key).or_default();
        volume.first_ms = volume.first_ms.min(record.time_ms);
        let last_ms = record
            .time_ms
            .saturating_add(record.span_ms.saturating_sub(1));
        volume.last_ms = volume.last_ms.max(last_ms.min(options.to_ms));
        volume.n_rows = volume.n_rows.saturating_add(record.n_rows);
        add(&mut volume.verdicts, &record.verdicts);
        for (sum, count) in volume.scores.iter_mut().zip(&record.scores) {
            *sum = sum.saturating_add(*count);
        }
        add(
            volume
                .bins
                .entry(options.bin_of(record.time_ms))
                .or_default(),
            &record.verdicts,
        );
    }

    /// By node and model. Single answers count where there are any: aggregates tell of the same rows again.
    pub(super) fn volumes(self) -> Volumes {
        let mut all = self.aggregates;
        all.extend(self.answers);
        all
    }
}
