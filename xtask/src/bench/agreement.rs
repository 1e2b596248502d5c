//! Before anything is timed: every engine that holds the same trees gives the same answers.

use super::contest::Contest;
use super::driver::read_numbers;
use super::lab::Lab;
use anyhow::{Context, Result, bail};

/// What f32 loses for each tree that is added, as a share of the largest margin.
const F32_ULP: f64 = 1.0 / (1 << 24) as f64;

/// Compares all rows; gives a sentence to print where any were scored.
///
/// Picket has the same bits on every host and in every mode, and is within the peers' own f32
/// rounding of what the model says; so are the peers. Contributions add up to the margin.
/// An engine that gives no answer at all is out; one that gives a wrong answer stops the bench.
pub(crate) fn check(contest: &mut Contest, lab: &Lab) -> Result<Option<String>> {
    let shape = contest.shape.clone();
    let truth = Truth::new(
        read_numbers(&lab.folder.join(format!("{shape}.truth.f64")))?,
        &shape,
    );
    let through = lab.folder.join("output.f64");
    let mut ours: Option<Vec<f64>> = None;
    let mut explained: Option<Vec<f64>> = None;
    let mut furthest: f64 = 0.0;
    let mut failed = Vec::new();
    for contestant in &mut contest.contestants {
        let who = format!("{shape} {} {}", contestant.host, contestant.engine);
        let gives = contestant.driver.gives.clone();
        if gives == "own" {
            continue;
        }
        let is_ours = gives == "margin+score";
        for mode in contestant.driver.modes.clone() {
            if matches!(mode.as_str(), "load" | "start") {
                continue;
            }
            let output = match contestant.driver.output(&mode, &through) {
                Ok(output) => output,
                Err(error) => {
                    failed.push((contestant.host, contestant.engine, format!("{error:#}")));
                    break;
                }
            };
            let who = format!("{who}, {mode}");
            if mode.starts_with("explain") {
                truth
                    .contributions(&output, lab.width())
                    .context(who.clone())?;
                if is_ours {
                    same_bits(explained.get_or_insert_with(|| output.clone()), &output)
                        .context(who)?;
                }
                continue;
            }
            let answers = if is_ours {
                &output[..output.len() / 2]
            } else {
                &output[..]
            };
            let distance = truth
                .distance(answers, gives == "probability")
                .context(who.clone())?;
            furthest = furthest.max(distance);
            if is_ours {
                same_bits(ours.get_or_insert_with(|| output.clone()), &output).context(who)?;
            }
        }
    }
    for (host, engine, reason) in failed {
        contest.drop_out(host, engine, &reason);
    }
    if ours.is_none() && explained.is_none() {
        return Ok(None);
    }
    let n_peers = contest
        .contestants
        .iter()
        .filter(|it| ["truth", "probability"].contains(&it.driver.gives.as_str()))
        .count();
    Ok(Some(format!(
        "{shape}: {} rows: Picket gives the same bits on every host; Picket and {n_peers} peers with the \
         same trees are within {furthest:.1e} of the model (allowed {:.1e})",
        truth.values.len(),
        truth.tolerance
    )))
}

/// What the model says of each row, by the library that trained it.
struct Truth {
    values: Vec<f64>,
    /// Whether the values are log-odds, of which a probability is the sigmoid.
    is_log_odds: bool,
    tolerance: f64,
}

impl Truth {
    fn new(values: Vec<f64>, shape: &str) -> Self {
        let (n_trees, is_log_odds) = if shape == "gbdt" {
            (200.0, true)
        } else {
            (100.0, false)
        };
        let largest = values
            .iter()
            .fold(1.0_f64, |largest, value| largest.max(value.abs()));
        Self {
            tolerance: n_trees * F32_ULP * largest,
            values,
            is_log_odds,
        }
    }

    /// The largest distance of answers, which must be within the tolerance.
    fn distance(&self, answers: &[f64], are_probabilities: bool) -> Result<f64> {
        if answers.len() != self.values.len() {
            bail!(
                "expected {} answers, found {}",
                self.values.len(),
                answers.len()
            );
        }
        let mut furthest: f64 = 0.0;
        for (row, (answer, value)) in answers.iter().zip(&self.values).enumerate() {
            let expected = if are_probabilities && self.is_log_odds {
                1.0 / (1.0 + (-value).exp())
            } else {
                *value
            };
            let distance = (answer - expected).abs();
            if distance.is_nan() || distance > self.tolerance {
                bail!("row {row}: expected {expected}, found {answer}");
            }
            furthest = furthest.max(distance);
        }
        Ok(furthest)
    }

    /// Contributions and base of each explained row add up to what the model says of it.
    fn contributions(&self, output: &[f64], n_features: usize) -> Result<()> {
        let sums: Vec<f64> = output
            .chunks(n_features + 1)
            .map(|row| row.iter().sum())
            .collect();
        if sums.is_empty() || sums.len() > self.values.len() {
            bail!(
                "found {} explanations of {} rows",
                sums.len(),
                self.values.len()
            );
        }
        for (row, (sum, value)) in sums.iter().zip(&self.values).enumerate() {
            // Each of the contributions was rounded on its own.
            let allowed = self.tolerance * 4.0;
            let distance = (sum - value).abs();
            if distance.is_nan() || distance > allowed {
                bail!("row {row}: contributions add up to {sum}, the model says {value}");
            }
        }
        Ok(())
    }
}

fn same_bits(expected: &[f64], found: &[f64]) -> Result<()> {
    if expected.len() != found.len() {
        bail!("expected {} numbers, found {}", expected.len(), found.len());
    }
    let differ = |(a, b): (&f64, &f64)| a.to_bits() != b.to_bits();
    match expected.iter().zip(found).position(differ) {
        Some(at) => bail!(
            "number {at}: {} on the first host, {} here",
            expected[at],
            found[at]
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_leaf_is_found_and_rounding_is_not() {
        let truth = Truth::new(vec![-3.0, 2.0], "gbdt");
        assert!(truth.distance(&[-3.0, 2.000_01], false).is_ok());
        assert!(truth.distance(&[-3.0, 2.001], false).is_err());
        assert!(truth.distance(&[-3.0, f64::NAN], false).is_err());
        assert!(truth.distance(&[-3.0], false).is_err());
    }

    #[test]
    fn probabilities_are_compared_as_such() {
        let log_odds = Truth::new(vec![0.0], "gbdt");
        assert!(log_odds.distance(&[0.5], true).is_ok());
        assert!(log_odds.distance(&[0.5], false).is_err());
        let share = Truth::new(vec![0.25], "forest");
        assert!(share.distance(&[0.25], true).is_ok());
    }

    #[test]
    fn contributions_add_up() {
        let truth = Truth::new(vec![1.0, 0.0], "gbdt");
        assert!(truth.contributions(&[0.25, 0.5, 0.25], 2).is_ok());
        assert!(truth.contributions(&[0.25, 0.5, 0.0], 2).is_err());
        assert!(truth.contributions(&[], 2).is_err());
    }

    #[test]
    fn bits_are_compared_not_values() {
        assert!(same_bits(&[0.0, f64::NAN], &[0.0, f64::NAN]).is_ok());
        assert!(same_bits(&[0.0], &[-0.0]).is_err());
        assert!(same_bits(&[0.0], &[0.0, 0.0]).is_err());
    }
}
