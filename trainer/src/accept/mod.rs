//! Whether a new model, the challenger, takes the place of the present one, the champion.
//!
//! Both score the same labelled rows, through the scorer that the edge runs. The challenger is accepted where it
//! keeps the gate's rules and its gain in F1 is larger than `min_gain` with 95 % confidence: the lower bound of a
//! paired bootstrap over groups of equal rows. It is rejected where it breaks a rule or the upper bound says that
//! the gain is not larger; else there is not enough evidence, and more rows would help.
//!
//! McNemar's test and the gains in Brier score and ROC-AUC are told beside it. They decide nothing:
//! three chances to win would not be 95 % any more.

mod mcnemar;
mod paired_bootstrap;

use std::collections::BTreeMap;
use std::fmt::Write;

use picket_wasm_model::{Model, RowError};
use serde::Serialize;

pub use mcnemar::McNemar;
pub use paired_bootstrap::Difference;

use crate::dataset::Dataset;
use crate::evaluation::{Gate, GateReport, Scores, is_training_data};
use crate::row_groups::RowGroups;
use paired_bootstrap::{PairedGroup, differences};

/// The metrics that two models are compared in. The first decides.
const COMPARED: [&str; 3] = ["f1", "roc_auc", "brier"];

/// What an acceptance asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AcceptOptions {
    /// By how much F1 must grow, with 95 % confidence. Below 0 the challenger may be that much worse.
    pub min_gain: f64,
    /// What every challenger must achieve.
    pub gate: Gate,
    /// The challenger's F1 on the rows that it learned from, where it is known.
    pub train_f1: Option<f64>,
    /// Draws the samples of the intervals.
    pub seed: u64,
}

impl Default for AcceptOptions {
    fn default() -> Self {
        Self {
            min_gain: 0.0,
            gate: Gate::default(),
            train_f1: None,
            seed: 0,
        }
    }
}

/// What is to be done with the challenger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It takes the champion's place.
    Accept,
    /// It does not.
    Reject,
    /// The rows are too few to tell.
    NotEnoughEvidence,
}

/// What came out, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Acceptance {
    /// What is to be done.
    pub outcome: Outcome,
    /// Why, in words and numbers.
    pub reason: String,
    /// Whether the challenger keeps the gate's rules.
    pub gate: GateReport,
    /// By how much F1 had to grow.
    pub min_gain: f64,
    /// Challenger against champion; empty without a champion.
    pub differences: Vec<Difference>,
    /// Over distinct rows, the challenger first; none without a champion.
    pub mcnemar: Option<McNemar>,
    /// How many rows were scored.
    pub n_rows: usize,
    /// How many of them are distinct.
    pub n_distinct_rows: usize,
    /// What takes from the result's worth, such as rows that a model was trained on.
    pub warnings: Vec<String>,
}

/// A model and the rows as its schema reads them.
#[derive(Clone, Copy, Debug)]
pub struct Contender<'m> {
    /// The model.
    pub model: &'m Model<'m>,
    /// The labelled rows.
    pub data: &'m Dataset,
}

/// Why two models cannot be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The two read other rows.
    #[error(
        "challenger and champion must read the same rows: found {challenger} and {champion} {what}"
    )]
    OtherRows {
        /// `rows` or `positive rows`.
        what: &'static str,
        /// How many the challenger reads.
        challenger: usize,
        /// How many the champion reads.
        champion: usize,
    },
    /// A row does not fit a model.
    #[error(transparent)]
    Row(#[from] RowError),
}

impl Contender<'_> {
    fn scores(&self) -> Result<Vec<f64>, RowError> {
        Ok(Scores::of(self.model, self.data)?.scores)
    }

    fn threshold(&self) -> f64 {
        self.model.decision().threshold
    }

    fn warning(&self, role: &str) -> Option<String> {
        is_training_data(self.model.artifact(), self.data).then(|| {
            format!("The {role} was trained from these very rows: they flatter it. Take rows that neither model has seen.")
        })
    }
}

/// Compares a challenger with the champion on the same rows in the same order; without a champion the gate decides.
///
/// # Errors
/// [`AcceptError`] where the two read other rows, or rows do not fit a model.
pub fn accept(
    challenger: Contender<'_>,
    champion: Option<Contender<'_>>,
    options: &AcceptOptions,
) -> Result<Acceptance, AcceptError> {
    let pairs = PairedRows::of(challenger, champion)?;
    let f1 = pairs.challenger_f1(challenger.threshold());
    let gate = options.gate.check(options.train_f1, f1);
    let mut acceptance = Acceptance {
        outcome: Outcome::Reject,
        reason: String::new(),
        gate,
        min_gain: options.min_gain,
        differences: Vec::new(),
        mcnemar: None,
        n_rows: challenger.data.n_rows(),
        n_distinct_rows: pairs.groups.len(),
        warnings: challenger.warning("challenger").into_iter().collect(),
    };
    if let Some(champion) = champion {
        let thresholds = [challenger.threshold(), champion.threshold()];
        acceptance.differences =
            differences(&pairs.groups, thresholds, &COMPARED, options.seed).unwrap_or_default();
        acceptance.mcnemar = Some(pairs.mcnemar(thresholds));
        acceptance.warnings.extend(champion.warning("champion"));
    }
    acceptance.decide(champion.is_some());
    Ok(acceptance)
}

impl Acceptance {
    fn decide(&mut self, has_champion: bool) {
        let broken = self.gate.findings.iter().filter(|finding| !finding.holds);
        let broken: Vec<&str> = broken.map(|finding| finding.sentence.as_str()).collect();
        if !broken.is_empty() {
            self.outcome = Outcome::Reject;
            self.reason = format!("The challenger breaks the gate. {}", broken.join(" "));
            return;
        }
        if !has_champion {
            let found: Vec<&str> = self
                .gate
                .findings
                .iter()
                .map(|f| f.sentence.as_str())
                .collect();
            self.outcome = Outcome::Accept;
            self.reason = format!(
                "There is no champion, and the challenger keeps the gate. {}",
                found.join(" ")
            );
            return;
        }
        let (n_rows, n_distinct) = (self.n_rows, self.n_distinct_rows);
        let rows = format!("{n_rows} rows, {n_distinct} distinct");
        let Some(f1) = self.differences.iter().find(|d| d.metric == COMPARED[0]) else {
            self.outcome = Outcome::NotEnoughEvidence;
            self.reason = format!("All of the {rows}, are of one class: nothing can be compared.");
            return;
        };
        let min_gain = self.min_gain;
        let (outcome, verdict) = if f1.low > min_gain {
            (Outcome::Accept, "is larger than")
        } else if f1.high <= min_gain {
            (Outcome::Reject, "is not larger than")
        } else {
            (Outcome::NotEnoughEvidence, "may be, or not be, larger than")
        };
        self.outcome = outcome;
        self.reason = format!(
            "F1 is {:.4} for the challenger and {:.4} for the champion on {rows}. The gain of {:+.4} (95 % interval {:+.4} to {:+.4}) {verdict} the {min_gain} asked for.",
            f1.challenger, f1.champion, f1.gain, f1.low, f1.high
        );
        if let Some(test) = &self.mcnemar {
            let p = if test.p_value < 0.001 {
                "p < 0.001".to_owned()
            } else {
                format!("p = {:.3}", test.p_value)
            };
            // Writing to a string cannot fail.
            let _ = write!(
                self.reason,
                " Only the challenger is right on {} distinct rows, only the champion on {} (McNemar {p}).",
                test.only_first, test.only_second
            );
        }
        for difference in self
            .differences
            .iter()
            .filter(|d| d.metric != COMPARED[0] && d.high < 0.0)
        {
            // Writing to a string cannot fail.
            let _ = write!(
                self.reason,
                " Beware: {} is worse, {:.4} against {:.4}.",
                difference.metric, difference.challenger, difference.champion
            );
        }
    }
}

/// The rows under both models, equal ones together.
struct PairedRows {
    groups: Vec<PairedGroup>,
}

impl PairedRows {
    fn of(challenger: Contender<'_>, champion: Option<Contender<'_>>) -> Result<Self, AcceptError> {
        let other = champion.unwrap_or(challenger);
        check_same_rows(challenger.data, other.data)?;
        let scores = [challenger.scores()?, other.scores()?];
        let ids = [RowGroups::of(challenger.data), RowGroups::of(other.data)];
        // Two schemas may read other columns: equal are the rows that are equal to both.
        let mut groups: BTreeMap<(usize, usize), PairedGroup> = BTreeMap::new();
        for (row_idx, label) in challenger.data.labels().iter().enumerate() {
            let key = (
                ids[0].group_of_row()[row_idx],
                ids[1].group_of_row()[row_idx],
            );
            let group = groups.entry(key).or_insert(PairedGroup {
                challenger: scores[0][row_idx],
                champion: scores[1][row_idx],
                n_negative: 0,
                n_positive: 0,
            });
            group.n_positive += u32::from(*label);
            group.n_negative += u32::from(!*label);
        }
        Ok(Self {
            groups: groups.into_values().collect(),
        })
    }

    /// 0 where no row is positive or taken for it.
    fn challenger_f1(&self, threshold: f64) -> f64 {
        let (mut hits, mut taken, mut positives) = (0.0, 0.0, 0.0);
        for group in &self.groups {
            let n_positive = f64::from(group.n_positive);
            positives += n_positive;
            if group.challenger >= threshold {
                hits += n_positive;
                taken += n_positive + f64::from(group.n_negative);
            }
        }
        if hits > 0.0 {
            2.0 * hits / (taken + positives)
        } else {
            0.0
        }
    }

    /// A group of equal rows is one pair: the model with more of its rows right has it.
    fn mcnemar(&self, thresholds: [f64; 2]) -> McNemar {
        let (mut only_challenger, mut only_champion) = (0, 0);
        for group in &self.groups {
            let challenger = group.challenger >= thresholds[0];
            let champion = group.champion >= thresholds[1];
            if challenger == champion || group.n_positive == group.n_negative {
                continue;
            }
            if challenger == (group.n_positive > group.n_negative) {
                only_challenger += 1;
            } else {
                only_champion += 1;
            }
        }
        McNemar::of(only_challenger, only_champion)
    }
}

fn check_same_rows(challenger: &Dataset, champion: &Dataset) -> Result<(), AcceptError> {
    let n_positive = |data: &Dataset| data.labels().iter().filter(|label| **label).count();
    for (what, found) in [
        ("rows", [challenger.n_rows(), champion.n_rows()]),
        (
            "positive rows",
            [n_positive(challenger), n_positive(champion)],
        ),
    ] {
        if found[0] != found[1] {
            return Err(AcceptError::OtherRows {
                what,
                challenger: found[0],
                champion: found[1],
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acceptance(low: f64, high: f64, min_gain: f64, f1: f64) -> Acceptance {
        let gain = f64::midpoint(low, high);
        let difference = |metric, low, high| Difference {
            metric,
            challenger: f1,
            champion: f1 - gain,
            gain,
            low,
            high,
        };
        let mut acceptance = Acceptance {
            outcome: Outcome::Reject,
            reason: String::new(),
            gate: Gate::default().check(None, f1),
            min_gain,
            differences: vec![
                difference("f1", low, high),
                difference("brier", -0.02, -0.01),
            ],
            mcnemar: Some(McNemar::of(9, 3)),
            n_rows: 100,
            n_distinct_rows: 90,
            warnings: Vec::new(),
        };
        acceptance.decide(true);
        acceptance
    }

    #[test]
    fn the_interval_decides_and_the_reason_has_the_numbers() {
        for (low, high, min_gain, outcome) in [
            (0.01, 0.03, 0.0, Outcome::Accept),
            (0.01, 0.03, 0.02, Outcome::NotEnoughEvidence),
            (0.01, 0.03, 0.05, Outcome::Reject),
            (-0.01, 0.01, 0.0, Outcome::NotEnoughEvidence),
            (-0.03, -0.01, 0.0, Outcome::Reject),
            (0.0, 0.0, 0.0, Outcome::Reject),
            (-0.004, 0.001, -0.005, Outcome::Accept),
        ] {
            let acceptance = acceptance(low, high, min_gain, 0.9);
            assert_eq!(acceptance.outcome, outcome, "{}", acceptance.reason);
            for part in [
                "F1 is 0.9000",
                "100 rows, 90 distinct",
                "McNemar p = 0.146",
                "brier is worse",
            ] {
                assert!(
                    acceptance.reason.contains(part),
                    "{part}: {}",
                    acceptance.reason
                );
            }
        }
    }

    #[test]
    fn a_broken_gate_is_a_rejection_whatever_the_gain() {
        let acceptance = acceptance(0.2, 0.3, 0.0, 0.5);
        assert_eq!(acceptance.outcome, Outcome::Reject);
        assert!(
            acceptance.reason.contains("below the expected 0.6"),
            "{}",
            acceptance.reason
        );
    }
}
