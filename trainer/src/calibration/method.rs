//! Which calibration, and how one is chosen by what it says of rows it was not fitted to.

use std::collections::BTreeMap;

use picket_schema::Margin;
use picket_schema::artifact::{Calibration, Isotonic};
use picket_wasm_model::calibrated;

use super::{fit_isotonic, fit_platt};
use crate::random::Random;

/// How many parts the rows are in when methods are compared.
const N_FOLDS: usize = 5;
/// The stream of the folds.
const FOLD_STREAM: u64 = 0xCA11;

/// How margins become scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CalibrationMethod {
    /// A sigmoid: two parameters, fit for few rows.
    #[default]
    Platt,
    /// A function that does not fall: any shape, but it takes a thousand rows or more.
    Isotonic,
    /// The margin as the learner means it: log-odds, or a probability.
    None,
    /// Platt or isotonic, whichever has the lower Brier score on rows that it was not fitted to.
    Auto,
}

/// Rows to calibrate on.
#[derive(Clone, Copy, Debug)]
pub struct CalibrationRows<'a> {
    /// Margins of rows that the model did not learn from. Shape: `(n_rows,)`.
    pub margins: &'a [f64],
    /// Whether each row is of the positive class. Shape: `(n_rows,)`.
    pub labels: &'a [bool],
    /// A number for each row, the same for equal rows: these stay in one part. Shape: `(n_rows,)`.
    pub groups: &'a [usize],
    /// Whether the margins are probabilities rather than log-odds: what [`CalibrationMethod::None`] takes them for.
    pub are_probabilities: bool,
}

/// A fitted calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedCalibration {
    /// The calibration.
    pub calibration: Calibration<'static>,
    /// What it is, in words, such as `isotonic`.
    pub name: String,
    /// Cross-fitted Brier scores by method, where methods were compared.
    pub brier: BTreeMap<&'static str, f64>,
}

impl CalibrationMethod {
    /// The name, as in `trainer train --calibration NAME`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Platt => "platt",
            Self::Isotonic => "isotonic",
            Self::None => "none",
            Self::Auto => "auto",
        }
    }

    /// Fits the calibration. `seed` draws the parts of a comparison.
    ///
    /// # Panics
    /// When the shapes of `rows` differ.
    #[must_use]
    pub fn fit(self, rows: &CalibrationRows<'_>, seed: u64) -> FittedCalibration {
        if self != Self::Auto {
            let name = match self {
                Self::Platt => "Platt",
                other => other.name(),
            };
            return FittedCalibration {
                calibration: self.fit_to(rows, |_| true),
                name: name.to_owned(),
                brier: BTreeMap::new(),
            };
        }
        let of = |method: Self| cross_fitted_brier(method, rows, seed);
        let (platt, isotonic) = (of(Self::Platt), of(Self::Isotonic));
        // Of equals the one with fewer parameters.
        let best = if isotonic < platt {
            Self::Isotonic
        } else {
            Self::Platt
        };
        let fitted = best.fit(rows, seed);
        FittedCalibration {
            name: format!(
                "{} (cross-fitted Brier score {platt:.5} by Platt, {isotonic:.5} isotonic)",
                fitted.name
            ),
            brier: BTreeMap::from([("platt", platt), ("isotonic", isotonic)]),
            ..fitted
        }
    }

    fn fit_to(
        self,
        rows: &CalibrationRows<'_>,
        is_taken: impl Fn(usize) -> bool,
    ) -> Calibration<'static> {
        if self == Self::None {
            return if rows.are_probabilities {
                Calibration::Isotonic(Isotonic::from_knots(&[(0.0, 0.0), (1.0, 1.0)]))
            } else {
                Calibration::IDENTITY
            };
        }
        let taken = (0..rows.margins.len()).filter(|row| is_taken(*row));
        let (margins, labels): (Vec<f64>, Vec<bool>) = taken
            .map(|row| (rows.margins[row], rows.labels[row]))
            .unzip();
        if self == Self::Isotonic {
            let weights = vec![1.0; margins.len()];
            Calibration::Isotonic(fit_isotonic(&margins, &labels, &weights))
        } else {
            Calibration::Platt(fit_platt(&margins, &labels))
        }
    }
}

/// The Brier score of rows scored by a calibration that was fitted to the rows of other groups.
fn cross_fitted_brier(method: CalibrationMethod, rows: &CalibrationRows<'_>, seed: u64) -> f64 {
    let n_groups = rows.groups.iter().max().map_or(0, |last| last + 1);
    let mut random = Random::stream(seed, FOLD_STREAM);
    let mut fold_of_group: Vec<usize> = (0..n_groups).map(|group| group % N_FOLDS).collect();
    random.shuffle(&mut fold_of_group);
    let fold_of = |row: usize| fold_of_group[rows.groups[row]];
    let mut sum = 0.0;
    for fold in 0..N_FOLDS {
        let calibration = method.fit_to(rows, |row| fold_of(row) != fold);
        for row in (0..rows.margins.len()).filter(|row| fold_of(*row) == fold) {
            let score = calibrated(&calibration, Margin(rows.margins[row])).0;
            let error = score - f64::from(u8::from(rows.labels[row]));
            sum += error * error;
        }
    }
    sum / rows.margins.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use picket_wasm_model::sigmoid;

    /// Margins and labels where the probability of the positive class is `share(margin)`.
    fn drawn(n_rows: usize, share: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<bool>, Vec<usize>) {
        let mut random = Random::stream(9, 0);
        let margins: Vec<f64> = (0..n_rows).map(|_| 8.0 * random.unit() - 4.0).collect();
        let labels = margins.iter().map(|m| random.unit() < share(*m)).collect();
        (margins, labels, (0..n_rows).collect())
    }

    fn chosen(share: impl Fn(f64) -> f64) -> FittedCalibration {
        let (margins, labels, groups) = drawn(4000, share);
        let rows = CalibrationRows {
            margins: &margins,
            labels: &labels,
            groups: &groups,
            are_probabilities: false,
        };
        CalibrationMethod::Auto.fit(&rows, 1)
    }

    #[test]
    fn the_shape_of_the_data_chooses() {
        let bent = chosen(|m| {
            if m < 0.0 {
                0.3
            } else {
                0.35 + 0.6 * sigmoid(4.0 * m - 12.0)
            }
        });
        assert!(
            matches!(bent.calibration, Calibration::Isotonic(_)),
            "{bent:?}"
        );
        assert!(
            bent.name.starts_with("isotonic (cross-fitted"),
            "{}",
            bent.name
        );
        let straight = chosen(|m| sigmoid(1.2 * m));
        assert!(
            matches!(straight.calibration, Calibration::Platt(_)),
            "{straight:?}"
        );
        assert!(straight.brier["platt"] <= straight.brier["isotonic"]);
    }

    #[test]
    fn copies_of_rows_do_not_make_isotonic_look_good() {
        // Labels by chance, each row 20 times: a calibration that saw a copy knows the label.
        let mut random = Random::stream(2, 0);
        let (mut margins, mut labels, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for group in 0..150 {
            let (margin, label) = (random.unit(), random.unit() < 0.5);
            for _ in 0..20 {
                margins.push(margin);
                labels.push(label);
                groups.push(group);
            }
        }
        let rows = CalibrationRows {
            margins: &margins,
            labels: &labels,
            groups: &groups,
            are_probabilities: false,
        };
        let fitted = CalibrationMethod::Auto.fit(&rows, 4);
        assert!(
            fitted.brier.values().all(|brier| *brier > 0.24),
            "{fitted:?}"
        );
    }

    #[test]
    fn none_takes_margins_for_what_they_are() {
        let (margins, labels, groups) = drawn(10, |_| 0.5);
        for (are_probabilities, margin, score) in [(true, 0.3, 0.3), (false, 0.0, 0.5)] {
            let rows = CalibrationRows {
                margins: &margins,
                labels: &labels,
                groups: &groups,
                are_probabilities,
            };
            let fitted = CalibrationMethod::None.fit(&rows, 0);
            assert_eq!(calibrated(&fitted.calibration, Margin(margin)).0, score);
        }
    }
}
