//! Voting and stacking: several learners, and one margin that weighs theirs.
//!
//! Members differ in what their margins mean: log-odds, shares, distances. So each member is fitted to folds of the
//! rows, and Platt's sigmoid, fitted to its margins of rows that it did not see, makes log-odds of them. These are linear
//! in the margin, and so is the blend: it folds into one bias and one weight a member, the `blend` table of an artifact, and
//! explanations stay exact sums of the members'.
//!
//! *Voting* is the weighted mean of the members' log-odds: a logarithmic opinion pool (Genest and Zidek, "Combining
//! probability distributions: a critique and an annotated bibliography", Statistical Science 1, 1986). *Stacking* learns the weights: a
//! logistic regression on the log-odds of unseen rows (Wolpert, "Stacked generalization", Neural Networks 5, 1992), weights
//! not below zero unless that is allowed (Breiman, "Stacked regressions", Machine Learning 24, 1996).

use picket_schema::artifact::{Blend, Member, ModelTable};
use picket_schema::limits;
use serde::{Deserialize, Serialize};

use super::{
    BaggedSettings, BoostingSettings, Fitted, Learned, Learner, OutOfBagScores, PartsError,
};
use crate::calibration::fit_platt;
use crate::cross_fit::{column_margins, of_folds};
use crate::dataset::Dataset;
use crate::elastic_net::{self, Penalty, Regression};
use crate::error::TrainerError;
use crate::importance;
use crate::learn::Progress;

/// Parameters of voting.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct VotingSettings {
    /// Who votes.
    pub members: Vec<Learner>,
    /// How much each member's vote counts; empty where all count the same.
    pub weights: Vec<f64>,
    /// How many folds the members' log-odds come from.
    pub n_folds: usize,
}

/// Parameters of stacking.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StackingSettings {
    /// Whose answers are weighed.
    pub members: Vec<Learner>,
    /// The L2 penalty on the weights, beside the summed loss.
    pub l2: f64,
    /// Whether weights below zero are refused.
    pub non_negative: bool,
    /// How many folds the members' log-odds come from.
    pub n_folds: usize,
}

impl Default for VotingSettings {
    fn default() -> Self {
        Self {
            members: default_members(),
            weights: Vec::new(),
            n_folds: 5,
        }
    }
}

impl Default for StackingSettings {
    fn default() -> Self {
        Self {
            members: default_members(),
            l2: 1.0,
            non_negative: true,
            n_folds: 5,
        }
    }
}

fn default_members() -> Vec<Learner> {
    vec![
        Learner::Boosting(BoostingSettings::default()),
        Learner::ExtraTrees(BaggedSettings::default()),
        Learner::Forest(BaggedSettings::default()),
    ]
}

/// How members are weighed.
enum Weighing<'s> {
    /// By these shares; all the same where empty.
    Fixed(&'s [f64]),
    /// By a regression.
    Learned(Penalty),
}

/// A blend to be fitted.
pub(super) struct Blending<'s> {
    kind: &'static str,
    members: &'s [Learner],
    n_folds: usize,
    weighing: Weighing<'s>,
}

impl<'s> From<&'s VotingSettings> for Blending<'s> {
    fn from(settings: &'s VotingSettings) -> Self {
        Self {
            kind: "voting",
            members: &settings.members,
            n_folds: settings.n_folds,
            weighing: Weighing::Fixed(&settings.weights),
        }
    }
}

impl<'s> From<&'s StackingSettings> for Blending<'s> {
    fn from(settings: &'s StackingSettings) -> Self {
        Self {
            kind: "stacking",
            members: &settings.members,
            n_folds: settings.n_folds,
            weighing: Weighing::Learned(Penalty {
                l1: 0.0,
                l2: settings.l2,
                non_negative: settings.non_negative,
            }),
        }
    }
}

/// One member's answers on rows that it did not see.
struct Unseen {
    /// Shape: `(n_rows,)`.
    margins: Vec<f64>,
    /// Platt's: from margins to log-odds.
    slope: f64,
    intercept: f64,
}

impl Blending<'_> {
    /// How many steps of progress a fit makes.
    pub(super) fn n_steps(&self) -> usize {
        let steps = |member: &Learner| member.n_trees().max(1);
        let once: usize = self.members.iter().map(steps).sum();
        once.saturating_mul(self.n_folds.saturating_add(1))
    }

    /// Refuses what cannot be blended.
    pub(super) fn check(&self) -> Result<(), PartsError> {
        let wrong = |parameter: &str, found: String, expected: String| {
            Err(PartsError::ParameterValue {
                kind: self.kind,
                parameter: parameter.to_owned(),
                found,
                expected,
            })
        };
        let (n_members, most) = (self.members.len(), limits::MAX_BLEND_MEMBERS);
        if n_members == 0 || n_members > most {
            return wrong(
                "members",
                format!("{n_members} learners"),
                format!("1 to {most}"),
            );
        }
        let is_blend =
            |member: &&Learner| matches!(member, Learner::Voting(_) | Learner::Stacking(_));
        if let Some(member) = self.members.iter().find(is_blend) {
            let expected = "no voting and no stacking among the members".to_owned();
            return wrong("members", member.name().to_owned(), expected);
        }
        if !(2..=100).contains(&self.n_folds) {
            return wrong("n_folds", self.n_folds.to_string(), "2 to 100".to_owned());
        }
        match self.weighing {
            Weighing::Fixed([]) => Ok(()),
            Weighing::Fixed(weights) => {
                let is_weight = |weight: &f64| (0.0..=1e6).contains(weight);
                let is_right = weights.len() == n_members
                    && weights.iter().all(is_weight)
                    && weights.iter().any(|weight| *weight > 1e-6);
                if is_right {
                    return Ok(());
                }
                let expected = format!("{n_members} numbers from 0 to 1e6, not all 0");
                wrong("weights", format!("{weights:?}"), expected)
            }
            Weighing::Learned(Penalty { l2, .. }) if (1e-9..=1e9).contains(&l2) => Ok(()),
            Weighing::Learned(Penalty { l2, .. }) => {
                wrong("l2", l2.to_string(), "a number from 1e-9 to 1e9".to_owned())
            }
        }
    }

    /// Fits the members to folds, weighs them, and fits them once more to all rows.
    pub(super) fn fit(
        &self,
        data: &Dataset,
        seed: u64,
        progress: &dyn Progress,
    ) -> Result<Learned, TrainerError> {
        self.check()?;
        let (mut done, total) = (0, self.n_steps());
        let mut unseen = Vec::with_capacity(self.members.len());
        for member in self.members {
            let steps = member.n_trees().max(1);
            let start = done;
            let margins = of_folds(data, self.n_folds, seed, |fold, rest, held_out| {
                let before = start + fold * steps;
                let told = |grown: usize, _: usize| progress.tree_grown(before + grown, total);
                let learned = member.learn(rest, seed, OutOfBagScores::Unwanted, &told)?;
                column_margins(learned.export(rest.columns())?.table, held_out)
            })?;
            done += steps * self.n_folds;
            let platt = fit_platt(&margins, data.labels());
            unseen.push(Unseen {
                margins,
                slope: platt.slope,
                intercept: platt.intercept,
            });
        }
        let Regression { intercept, weights } = self.weigh(&unseen, data.labels());
        let mut blend = Blend {
            bias: intercept,
            members: Vec::new(),
        };
        let mut margins = vec![0.0; data.n_rows()];
        let mut importances = vec![0.0; data.columns().len()];
        for ((member, unseen), weight) in self.members.iter().zip(&unseen).zip(&weights) {
            blend.bias += weight * unseen.intercept;
            let steps = member.n_trees().max(1);
            let start = done;
            done += steps;
            // What has no weight says nothing; one member stays, for a blend has one.
            let is_needed = blend.members.is_empty() && done == total;
            if *weight == 0.0 && !is_needed {
                continue;
            }
            let told = |grown: usize, _: usize| progress.tree_grown(start + grown, total);
            let Fitted {
                table,
                importances: of_member,
                ..
            } = member
                .learn(data, seed, OutOfBagScores::Unwanted, &told)?
                .export(data.columns())?;
            let weight = weight * unseen.slope;
            for (sum, margin) in margins.iter_mut().zip(&unseen.margins) {
                *sum += weight * margin;
            }
            let spread = weight.abs() * standard_deviation(&unseen.margins);
            for (sum, share) in importances.iter_mut().zip(of_member) {
                *sum += spread * share;
            }
            blend.members.push(Member {
                weight,
                model: table,
            });
        }
        let bias = blend.bias;
        Ok(Learned::Table {
            table: ModelTable::Blend(blend),
            importances: importance::shares(importances),
            unseen: Some(
                margins
                    .into_iter()
                    .map(|margin| Some(bias + margin))
                    .collect(),
            ),
        })
    }

    /// The weights of the members' log-odds.
    fn weigh(&self, unseen: &[Unseen], labels: &[bool]) -> Regression {
        match self.weighing {
            Weighing::Fixed(weights) => {
                let weights = if weights.is_empty() {
                    vec![1.0; unseen.len()]
                } else {
                    weights.to_vec()
                };
                let sum: f64 = weights.iter().sum();
                Regression {
                    intercept: 0.0,
                    weights: weights.iter().map(|weight| weight / sum).collect(),
                }
            }
            Weighing::Learned(penalty) => {
                let log_odds = |unseen: &Unseen| -> Vec<f64> {
                    let margins = unseen.margins.iter();
                    margins
                        .map(|margin| unseen.slope * margin + unseen.intercept)
                        .collect()
                };
                let columns: Vec<Vec<f64>> = unseen.iter().map(log_odds).collect();
                elastic_net::fit(&columns, labels, penalty)
            }
        }
    }
}

fn standard_deviation(numbers: &[f64]) -> f64 {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let squares = numbers.iter().map(|x| (x - mean) * (x - mean));
    (squares.sum::<f64>() / n).sqrt()
}
