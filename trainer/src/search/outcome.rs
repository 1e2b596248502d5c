//! What a search found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::search::{Candidate, SearchMetric};

/// How far a candidate came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
pub enum CandidateState {
    /// All folds, all rows.
    Complete,
    /// Left behind by successive halving: measured on a share of the rows only.
    Halved,
    /// It could not learn from these rows; why.
    Failed(String),
    /// The time was up before it.
    NotRun,
}

/// A candidate on one fold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldRecord {
    /// How many rows it learned from.
    pub n_train: usize,
    /// How many rows it was measured on.
    pub n_held_out: usize,
    /// Seconds to fit and score.
    pub seconds: f64,
    /// The size of the model's file.
    pub n_bytes: u64,
    /// The metrics by name.
    pub metrics: BTreeMap<String, f64>,
}

/// A candidate and how it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateRecord {
    /// Its number, from zero, in the order of the search space.
    pub candidate_idx: usize,
    /// The kind of model.
    pub model: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// How far it came.
    #[serde(flatten)]
    pub state: CandidateState,
    /// The share of the distinct training rows that it learned from last.
    pub share: f64,
    /// The folds of that share.
    pub folds: Vec<FoldRecord>,
    /// The mean of the ranking metric over the folds; absent where it was not measured.
    pub mean: Option<f64>,
    /// Its standard deviation over the folds.
    pub sd: Option<f64>,
}

impl CandidateRecord {
    pub(crate) fn new(candidate_idx: usize, candidate: &Candidate) -> Self {
        Self {
            candidate_idx,
            model: candidate.model().to_owned(),
            parameters: candidate.parameters(),
            state: CandidateState::NotRun,
            share: 0.0,
            folds: Vec::new(),
            mean: None,
            sd: None,
        }
    }

    /// Seconds over all folds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.folds.iter().map(|fold| fold.seconds).sum()
    }

    /// One line of a table of candidates.
    #[must_use]
    pub fn in_words(&self, metric: SearchMetric) -> String {
        let parameters = self
            .parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let parameters: Vec<String> = parameters.collect();
        let result = match (&self.state, self.mean, self.sd) {
            (CandidateState::Failed(reason), ..) => format!("failed: {reason}"),
            (_, Some(mean), Some(sd)) => format!("{} {mean:.4} ± {sd:.4}", metric.name()),
            _ => "not measured".to_owned(),
        };
        format!(
            "{:>4}  {:<12} {result}  {:>6.1} s  {}",
            self.candidate_idx,
            self.model,
            self.seconds(),
            parameters.join(" ")
        )
    }

    /// Takes the folds' values and their mean and deviation.
    pub(crate) fn measured(&mut self, folds: Vec<FoldRecord>, metric: SearchMetric) {
        let values: Vec<f64> = folds
            .iter()
            .filter_map(|fold| fold.metrics.get(metric.name()).copied())
            .collect();
        let n = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values
            .iter()
            .map(|value| (value - mean) * (value - mean))
            .sum();
        self.mean = Some(mean);
        self.sd = Some((squares / (n - 1.0).max(1.0)).sqrt());
        self.folds = folds;
    }

    /// Whether this one did better than another: by mean, then by size, then by number.
    #[must_use]
    pub fn is_better_than(&self, other: &Self, metric: SearchMetric) -> bool {
        let key = |record: &Self| {
            let merit = record
                .mean
                .map_or(f64::NEG_INFINITY, |mean| metric.merit(mean));
            let size: u64 = record.folds.iter().map(|fold| fold.n_bytes).sum();
            (merit, size, record.candidate_idx)
        };
        let (a, b) = (key(self), key(other));
        b.0.total_cmp(&a.0)
            .then(a.1.cmp(&b.1))
            .then(a.2.cmp(&b.2))
            .is_lt()
    }
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchOutcome {
    /// What was tried, in the order of the search space.
    pub candidates: Vec<Candidate>,
    /// All candidates, in the order of the search space.
    pub records: Vec<CandidateRecord>,
    /// The number of the best one.
    pub best: usize,
    /// For each kind of model the number of its best candidate and that one's margins of rows it did
    /// not learn from, shape `(n_rows,)`.
    pub best_by_model: BTreeMap<String, (usize, Vec<f64>)>,
}

impl SearchOutcome {
    /// The records, best first; those that were not measured last.
    #[must_use]
    pub fn ranked(&self, metric: SearchMetric) -> Vec<&CandidateRecord> {
        let mut ranked: Vec<&CandidateRecord> = self.records.iter().collect();
        ranked.sort_by(|a, b| {
            let complete = |record: &CandidateRecord| record.state != CandidateState::Complete;
            complete(a).cmp(&complete(b)).then_with(|| {
                if a.is_better_than(b, metric) {
                    std::cmp::Ordering::Less
                } else {
                    std::cmp::Ordering::Greater
                }
            })
        });
        ranked
    }
}
