//! Blends of the best candidates. Their members' margins of unseen rows are known from the search, so a blend is
//! measured without a fit.

use picket_schema::artifact::Platt;

use crate::calibration::fit_platt;
use crate::dataset::Dataset;
use crate::elastic_net::{self, Penalty};
use crate::learner::{Learner, StackingSettings, VotingSettings};
use crate::search::{Candidate, FoldPlan, SearchMetric, SearchOutcome};

/// How many members a blend has at most.
const MAX_MEMBERS: usize = 5;

/// A blend that was not fitted, and its margins of unseen rows.
pub(super) struct UnfittedBlend {
    pub(super) candidate: Candidate,
    /// The numbers of its members.
    pub(super) members: Vec<usize>,
    /// Shape: `(n_rows,)`, NaN where a row was in no fold.
    pub(super) margins: Vec<f64>,
}

/// One candidate's log-odds of rows that it did not learn from.
struct Voice {
    candidate_idx: usize,
    /// Shape: `(n_rows,)`.
    log_odds: Vec<f64>,
}

/// Votes of the best two, three, … kinds of models, and a stacking of all of them. Members share the best
/// candidate's transform, for a blend has one.
pub(super) fn blends(
    data: &Dataset,
    plan: &FoldPlan,
    outcome: &SearchOutcome,
    metric: SearchMetric,
    n_folds: usize,
) -> Vec<UnfittedBlend> {
    let transform = outcome.candidates[outcome.best].transform;
    let mut voices: Vec<Voice> = outcome
        .best_by_model
        .values()
        .filter(|(idx, _)| outcome.candidates[*idx].transform == transform)
        .filter(|(idx, _)| {
            let learner = &outcome.candidates[*idx].learner;
            !matches!(learner, Learner::Voting(_) | Learner::Stacking(_))
        })
        .map(|(idx, margins)| Voice {
            candidate_idx: *idx,
            log_odds: log_odds(margins, data.labels()),
        })
        .collect();
    voices.sort_by(|a, b| {
        let (a, b) = (
            &outcome.records[a.candidate_idx],
            &outcome.records[b.candidate_idx],
        );
        if a.is_better_than(b, metric) {
            std::cmp::Ordering::Less
        } else {
            std::cmp::Ordering::Greater
        }
    });
    voices.truncate(MAX_MEMBERS);
    let mut blends: Vec<UnfittedBlend> = (2..=voices.len().min(3))
        .map(|n| vote(outcome, &voices[..n], n_folds))
        .collect();
    if voices.len() > 1 {
        blends.push(stack(data, plan, outcome, &voices, n_folds));
    }
    blends
}

/// Margins through Platt's sigmoid, before the sigmoid.
fn log_odds(margins: &[f64], labels: &[bool]) -> Vec<f64> {
    let known = margins
        .iter()
        .zip(labels)
        .filter(|(margin, _)| !margin.is_nan());
    let (known, labels): (Vec<f64>, Vec<bool>) =
        known.map(|(margin, label)| (*margin, *label)).unzip();
    let Platt { slope, intercept } = fit_platt(&known, &labels);
    margins
        .iter()
        .map(|margin| slope * margin + intercept)
        .collect()
}

fn learners(outcome: &SearchOutcome, voices: &[Voice]) -> Vec<Learner> {
    let of = |voice: &Voice| outcome.candidates[voice.candidate_idx].learner.clone();
    voices.iter().map(of).collect()
}

fn unfitted(
    outcome: &SearchOutcome,
    voices: &[Voice],
    learner: Learner,
    margins: Vec<f64>,
) -> UnfittedBlend {
    UnfittedBlend {
        candidate: Candidate {
            transform: outcome.candidates[outcome.best].transform,
            learner,
        },
        members: voices.iter().map(|voice| voice.candidate_idx).collect(),
        margins,
    }
}

fn vote(outcome: &SearchOutcome, voices: &[Voice], n_folds: usize) -> UnfittedBlend {
    let n_rows = voices[0].log_odds.len();
    let mean = |row_idx: usize| {
        let sum: f64 = voices.iter().map(|voice| voice.log_odds[row_idx]).sum();
        sum / voices.len() as f64
    };
    let margins = (0..n_rows).map(mean).collect();
    let learner = Learner::Voting(VotingSettings {
        members: learners(outcome, voices),
        n_folds,
        ..VotingSettings::default()
    });
    unfitted(outcome, voices, learner, margins)
}

/// The weights that score a fold come from the other folds.
fn stack(
    data: &Dataset,
    plan: &FoldPlan,
    outcome: &SearchOutcome,
    voices: &[Voice],
    n_folds: usize,
) -> UnfittedBlend {
    let settings = StackingSettings {
        members: learners(outcome, voices),
        n_folds,
        ..StackingSettings::default()
    };
    let penalty = || Penalty {
        l1: 0.0,
        l2: settings.l2,
        non_negative: settings.non_negative,
    };
    let mut margins = vec![f64::NAN; data.n_rows()];
    for fold in 0..plan.folds.len() {
        let others = plan
            .folds
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != fold);
        let rest: Vec<usize> = others
            .flat_map(|(_, other)| other.held_out.iter().copied())
            .collect();
        let labels: Vec<bool> = rest.iter().map(|row_idx| data.labels()[*row_idx]).collect();
        let columns: Vec<Vec<f64>> = voices
            .iter()
            .map(|voice| {
                rest.iter()
                    .map(|row_idx| voice.log_odds[*row_idx])
                    .collect()
            })
            .collect();
        let regression = elastic_net::fit(&columns, &labels, penalty());
        for row_idx in &plan.folds[fold].held_out {
            let weighed = voices.iter().zip(&regression.weights);
            let sum: f64 = weighed
                .map(|(voice, weight)| weight * voice.log_odds[*row_idx])
                .sum();
            margins[*row_idx] = regression.intercept + sum;
        }
    }
    unfitted(outcome, voices, Learner::Stacking(settings), margins)
}
