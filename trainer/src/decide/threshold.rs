//! The threshold: from which score on a row is taken for positive.
//!
//! The default is 0.5, the point where a calibrated score says that both classes are equally likely.
//! Choosing the threshold with the highest F1 on unseen training rows gains nothing over it: on ten
//! grouped splits of the phishing data the test F1 was 0.9519 ± 0.0068 against 0.9526 ± 0.0069 for
//! boosting, 0.9511 against 0.9511 for a forest and 0.9193 against 0.9188 for logistic regression,
//! while the chosen thresholds themselves wandered by 0.04 to 0.10. It is there for data whose
//! classes are far from balanced, where F1 is what counts.

use super::binomial::binomial_cdf;
use super::cuts::Cuts;
use super::{CONFIDENCE, DecideError};
use crate::metrics::ScoredGroups;

/// What wrong verdicts cost, in any unit. Only the ratio matters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Of a negative row taken for positive.
    pub false_positive: f64,
    /// Of a positive row taken for negative.
    pub false_negative: f64,
}

/// How the threshold follows from costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CostMethod {
    /// `false_positive / (false_positive + false_negative)`: where a calibrated score says that both
    /// verdicts cost the same (Elkan, "The foundations of cost-sensitive learning", IJCAI 2001). Needs
    /// no rows, so it does not follow their chances.
    #[default]
    ClosedForm,
    /// The threshold with the lowest cost on the rows: for scores that are not calibrated.
    Lowest,
}

/// When a false-positive rate is taken for kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RateCheck {
    /// The share of the negative rows at or above the threshold is at most the rate.
    #[default]
    Share,
    /// The upper end of the one-sided exact 95 % interval (Clopper and Pearson, 1934) is at most the
    /// rate. Distinct rows are counted, since copies of a row are no further evidence.
    UpperBound,
}

/// How the decision threshold is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ThresholdRule {
    /// This score.
    Fixed(f64),
    /// Where F-beta is highest: recall counts `beta` times as much as precision (van Rijsbergen, 1979).
    FBeta(f64),
    /// By what wrong verdicts cost.
    Cost(Costs, CostMethod),
    /// The lowest threshold with at most this false-positive rate: as much recall as the rate allows.
    MaxFalsePositiveRate(f64, RateCheck),
}

impl Costs {
    /// `false_positive / (false_positive + false_negative)`.
    #[must_use]
    pub fn closed_form(self) -> f64 {
        self.false_positive / (self.false_positive + self.false_negative)
    }
}

impl ThresholdRule {
    /// The threshold for scores of rows that the model did not learn from.
    ///
    /// # Errors
    /// A [`DecideError`] for a parameter out of range or a rate that no threshold keeps.
    pub fn choose(self, scored: &ScoredGroups) -> Result<f64, DecideError> {
        self.check()?;
        Ok(match self {
            Self::Fixed(threshold) => threshold,
            Self::FBeta(beta) => {
                let cuts = Cuts::of(scored);
                let weight = beta * beta;
                cuts.best(0.5, |cut| {
                    let taken = cut.true_positives + cut.false_positives;
                    (1.0 + weight) * cut.true_positives / (taken + weight * cuts.n_positive)
                })
            }
            Self::Cost(costs, CostMethod::ClosedForm) => costs.closed_form(),
            Self::Cost(costs, CostMethod::Lowest) => {
                let cuts = Cuts::of(scored);
                cuts.best(costs.closed_form(), |cut| {
                    let missed = cuts.n_positive - cut.true_positives;
                    -(costs.false_positive * cut.false_positives + costs.false_negative * missed)
                })
            }
            Self::MaxFalsePositiveRate(rate, check) => at_most(&Cuts::of(scored), rate, check)?,
        })
    }

    /// The rule in words.
    #[must_use]
    pub fn in_words(self) -> String {
        match self {
            Self::Fixed(threshold) => threshold.to_string(),
            Self::FBeta(1.0) => "highest F1".to_owned(),
            Self::FBeta(beta) => format!("highest F-beta, beta {beta}"),
            Self::Cost(costs, method) => {
                let Costs {
                    false_positive,
                    false_negative,
                } = costs;
                let how = match method {
                    CostMethod::ClosedForm => "closed form for calibrated scores",
                    CostMethod::Lowest => "lowest cost",
                };
                format!(
                    "{how}; a false positive costs {false_positive}, a false negative {false_negative}"
                )
            }
            Self::MaxFalsePositiveRate(rate, RateCheck::Share) => {
                format!("false-positive rate at most {rate}")
            }
            Self::MaxFalsePositiveRate(rate, RateCheck::UpperBound) => format!(
                "false-positive rate at most {rate} by the one-sided 95 % Clopper-Pearson bound over distinct rows"
            ),
        }
    }

    /// Whether the rule looks at the rows' labels.
    #[must_use]
    pub fn reads_rows(self) -> bool {
        !matches!(self, Self::Fixed(_) | Self::Cost(_, CostMethod::ClosedForm))
    }

    /// Whether the parameters are in range.
    fn check(self) -> Result<(), DecideError> {
        let within = |what, found: f64, is_right: bool, expected| {
            if is_right && found.is_finite() {
                return Ok(());
            }
            Err(DecideError::Parameter {
                what,
                found,
                expected,
            })
        };
        let is_share = |x: f64| (0.0..=1.0).contains(&x);
        match self {
            Self::Fixed(x) => within("threshold", x, is_share(x), "a number from 0 to 1"),
            Self::FBeta(beta) => within("beta", beta, beta > 0.0, "a number above 0"),
            Self::Cost(costs, _) => {
                for (what, x) in [
                    ("cost of a false positive", costs.false_positive),
                    ("cost of a false negative", costs.false_negative),
                ] {
                    within(what, x, x > 0.0 && x <= 1e12, "a number above 0 up to 1e12")?;
                }
                Ok(())
            }
            Self::MaxFalsePositiveRate(rate, RateCheck::Share) => within(
                "false-positive rate",
                rate,
                is_share(rate),
                "a number from 0 to 1",
            ),
            Self::MaxFalsePositiveRate(rate, RateCheck::UpperBound) => within(
                "false-positive rate",
                rate,
                rate > 0.0 && rate < 1.0,
                "a number above 0 and below 1",
            ),
        }
    }
}

/// The lowest threshold that keeps the rate. False positives only grow as it falls.
fn at_most(cuts: &Cuts, rate: f64, check: RateCheck) -> Result<f64, DecideError> {
    let n_groups = cuts.n_negative_groups;
    if check == RateCheck::UpperBound {
        // With no false positive at all the bound is 1 - (1 - confidence)^(1/n).
        let needed = (libm::log(1.0 - CONFIDENCE) / libm::log1p(-rate)).ceil();
        if (n_groups as f64) < needed {
            return Err(DecideError::TooFewNegatives {
                rate,
                found: n_groups,
                expected: needed as usize,
            });
        }
    }
    let kept = cuts.all.iter().take_while(|cut| match check {
        RateCheck::Share => cut.false_positives <= rate * cuts.n_negative,
        // The upper bound is at most the rate where so few are this unlikely under the rate.
        RateCheck::UpperBound => {
            let k = cut.n_negative_groups as u64;
            k < n_groups as u64 && binomial_cdf(k, n_groups as u64, rate) <= 1.0 - CONFIDENCE
        }
    });
    kept.last().map(|cut| cut.threshold).ok_or_else(|| {
        let found = cuts.all.first().map_or(0.0, |cut| cut.false_positives);
        DecideError::NoThreshold {
            rate,
            found: found / cuts.n_negative.max(1.0),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::clopper_pearson_upper;
    use crate::metrics::ScoredGroup;

    fn scored(rows: &[(f64, u32, u32)]) -> ScoredGroups {
        let group = |(score, n_negative, n_positive): &(f64, u32, u32)| ScoredGroup {
            score: *score,
            n_negative: *n_negative,
            n_positive: *n_positive,
        };
        ScoredGroups::from_groups(rows.iter().map(group).collect())
    }

    #[test]
    fn takes_the_middle_of_the_best_gap() {
        let rows = scored(&[
            (0.9, 0, 1),
            (0.8, 0, 1),
            (0.3, 0, 1),
            (0.2, 1, 0),
            (0.1, 1, 0),
        ]);
        assert_eq!(ThresholdRule::FBeta(1.0).choose(&rows), Ok(0.25));
        assert_eq!(ThresholdRule::Fixed(0.4).choose(&rows), Ok(0.4));
    }

    #[test]
    fn beta_moves_the_threshold_toward_recall_or_precision() {
        let rows = scored(&[(0.9, 0, 6), (0.6, 3, 3), (0.3, 6, 3), (0.1, 20, 0)]);
        let at = |beta: f64| ThresholdRule::FBeta(beta).choose(&rows).unwrap();
        let middle = f64::midpoint(0.6, 0.3);
        assert_eq!((at(0.2), at(1.0), at(5.0)), (0.75, middle, 0.2));
    }

    #[test]
    fn costs_have_a_closed_form_and_a_lowest_sum() {
        let rows = scored(&[(0.95, 5, 95), (0.5, 50, 50), (0.05, 95, 5)]);
        let costs = |false_positive, false_negative| Costs {
            false_positive,
            false_negative,
        };
        let closed = |costs| ThresholdRule::Cost(costs, CostMethod::ClosedForm).choose(&rows);
        assert_eq!(closed(costs(1.0, 10.0)), Ok(1.0 / 11.0));
        let lowest = |costs| {
            ThresholdRule::Cost(costs, CostMethod::Lowest)
                .choose(&rows)
                .unwrap()
        };
        // These scores are calibrated, so both draw the line between the same groups.
        assert_eq!(lowest(costs(1.0, 10.0)), 0.275);
        assert_eq!(lowest(costs(10.0, 1.0)), 0.725);
        assert_eq!(lowest(costs(1.0, 1e9)), 0.025);
        assert_eq!(lowest(costs(1e9, 1.0)), 0.975);
        let wrong = ThresholdRule::Cost(costs(0.0, 1.0), CostMethod::Lowest).choose(&rows);
        assert!(
            matches!(wrong, Err(DecideError::Parameter { .. })),
            "{wrong:?}"
        );
    }

    #[test]
    fn a_rate_is_kept_on_rows_or_by_its_bound() {
        let groups: Vec<(f64, u32, u32)> = (0..1000)
            .map(|i| (f64::from(i) / 1000.0, 1, 0))
            .chain([(0.9995, 0, 10)])
            .collect();
        let rows = scored(&groups);
        let at = |rate, check| ThresholdRule::MaxFalsePositiveRate(rate, check).choose(&rows);
        assert!((at(0.01, RateCheck::Share).unwrap() - 0.9895).abs() < 1e-9);
        let strict = at(0.01, RateCheck::UpperBound).unwrap();
        let n_above = groups.iter().filter(|g| g.1 == 1 && g.0 >= strict).count() as u64;
        assert!(clopper_pearson_upper(n_above, 1000, CONFIDENCE) <= 0.01);
        assert!(clopper_pearson_upper(n_above + 1, 1000, CONFIDENCE) > 0.01);
        assert_eq!(
            at(0.001, RateCheck::UpperBound),
            Err(DecideError::TooFewNegatives {
                rate: 0.001,
                found: 1000,
                expected: 2995
            })
        );
    }

    #[test]
    fn copies_are_no_evidence_for_a_bound() {
        let few = scored(&[(0.2, 300, 0), (0.8, 0, 5)]);
        let rule = ThresholdRule::MaxFalsePositiveRate(0.05, RateCheck::UpperBound);
        assert!(matches!(
            rule.choose(&few),
            Err(DecideError::TooFewNegatives { found: 1, .. })
        ));
        let certain = scored(&[(1.0, 5, 5), (0.5, 5, 5)]);
        assert_eq!(
            ThresholdRule::MaxFalsePositiveRate(0.1, RateCheck::Share).choose(&certain),
            Err(DecideError::NoThreshold {
                rate: 0.1,
                found: 0.5
            })
        );
    }
}
