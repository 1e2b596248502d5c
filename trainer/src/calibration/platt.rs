//! Platt's sigmoid.

use picket_schema::artifact::Platt;

/// The smallest slope an artifact may have. A model whose margins say nothing, or the opposite of
/// the truth, gets it: its score is then the share of positive rows, whatever the row.
const MIN_SLOPE: f64 = 1e-12;
const MAX_ITERATIONS: usize = 100;
/// Steps below this no longer help.
const MIN_STEP: f64 = 1e-10;
/// Added to the diagonal of the Hessian, so that it can always be inverted.
const RIDGE: f64 = 1e-12;

/// Fits Platt's sigmoid to margins of rows that the model did not learn from.
///
/// Targets and prior are Platt's ("Probabilistic outputs for support vector machines", 1999); the
/// solver is Newton's method with backtracking by Lin, Lin and Weng ("A note on Platt's
/// probabilistic outputs for support vector machines", Machine Learning 68, 2007), which they show
/// to converge where Platt's own does not. `margins` and `labels` have shape `(n_rows,)`.
#[must_use]
pub fn fit_platt(margins: &[f64], labels: &[bool]) -> Platt {
    let n_positive = labels.iter().filter(|label| **label).count() as f64;
    let n_negative = labels.len() as f64 - n_positive;
    // Platt's targets stay off 0 and 1: the maximum a posteriori with one row more of each class.
    let high = (n_positive + 1.0) / (n_positive + 2.0);
    let low = 1.0 / (n_negative + 2.0);
    let targets: Vec<f64> = labels
        .iter()
        .map(|label| if *label { high } else { low })
        .collect();
    let prior = libm::log((n_positive + 1.0) / (n_negative + 1.0));

    // The paper's A and B are the negatives of slope and intercept here.
    let (mut slope, mut intercept) = (0.0, prior);
    let mut loss = loss_of(margins, &targets, slope, intercept);
    for _ in 0..MAX_ITERATIONS {
        let Newton { gradient, step } = newton_step(margins, &targets, slope, intercept);
        if gradient.0.abs() < 1e-9 && gradient.1.abs() < 1e-9 {
            break;
        }
        let descent = gradient.0 * step.0 + gradient.1 * step.1;
        let mut size = 1.0;
        loop {
            let (new_slope, new_intercept) = (slope + size * step.0, intercept + size * step.1);
            let new_loss = loss_of(margins, &targets, new_slope, new_intercept);
            if new_loss < loss + 1e-4 * size * descent {
                (slope, intercept, loss) = (new_slope, new_intercept, new_loss);
                break;
            }
            size /= 2.0;
            if size < MIN_STEP {
                return bounded(slope, intercept, prior);
            }
        }
    }
    bounded(slope, intercept, prior)
}

/// A slope that keeps the order of margins, as the format asks.
fn bounded(slope: f64, intercept: f64, prior: f64) -> Platt {
    if slope.is_finite() && intercept.is_finite() && slope >= MIN_SLOPE {
        Platt { slope, intercept }
    } else {
        Platt {
            slope: MIN_SLOPE,
            intercept: prior,
        }
    }
}

/// The cross entropy with the targets, without overflow.
fn loss_of(margins: &[f64], targets: &[f64], slope: f64, intercept: f64) -> f64 {
    margins
        .iter()
        .zip(targets)
        .map(|(margin, target)| {
            let z = slope * margin + intercept;
            let sparse = if z >= 0.0 {
                (1.0 - target) * z
            } else {
                -target * z
            };
            sparse + libm::log1p(libm::exp(-z.abs()))
        })
        .sum()
}

struct Newton {
    gradient: (f64, f64),
    step: (f64, f64),
}

fn newton_step(margins: &[f64], targets: &[f64], slope: f64, intercept: f64) -> Newton {
    let (mut h11, mut h22, mut h21) = (RIDGE, RIDGE, 0.0);
    let (mut g1, mut g2) = (0.0, 0.0);
    for (margin, target) in margins.iter().zip(targets) {
        let p = picket_wasm_model::sigmoid(slope * margin + intercept);
        let curvature = p * (1.0 - p);
        h11 += margin * margin * curvature;
        h22 += curvature;
        h21 += margin * curvature;
        g1 += margin * (p - target);
        g2 += p - target;
    }
    let determinant = h11 * h22 - h21 * h21;
    let step = (
        -(h22 * g1 - h21 * g2) / determinant,
        -(h11 * g2 - h21 * g1) / determinant,
    );
    Newton {
        gradient: (g1, g2),
        step,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picket_wasm_model::sigmoid;

    #[test]
    fn finds_the_sigmoid_that_made_the_labels() {
        let mut random = crate::random::Random::stream(3, 0);
        let margins: Vec<f64> = (0..20_000).map(|_| 8.0 * random.unit() - 4.0).collect();
        let labels: Vec<bool> = margins
            .iter()
            .map(|m| random.unit() < sigmoid(1.7 * m - 0.6))
            .collect();
        let fitted = fit_platt(&margins, &labels);
        assert!((fitted.slope - 1.7).abs() < 0.06, "{fitted:?}");
        assert!((fitted.intercept + 0.6).abs() < 0.06, "{fitted:?}");
    }

    #[test]
    fn separable_margins_stay_finite() {
        let margins = [-2.0, -1.0, 1.0, 2.0];
        let fitted = fit_platt(&margins, &[false, false, true, true]);
        let score = sigmoid(fitted.slope * 2.0 + fitted.intercept);
        assert!(
            fitted.slope > 0.1 && score > 0.6 && score < 0.9,
            "{fitted:?} {score}"
        );
    }

    #[test]
    fn a_model_that_ranks_backwards_says_the_prior() {
        let margins: Vec<f64> = (0..100).map(f64::from).collect();
        let labels: Vec<bool> = (0..100).map(|i| i < 25).collect();
        let fitted = fit_platt(&margins, &labels);
        let score = sigmoid(fitted.slope * 50.0 + fitted.intercept);
        assert!((score - 26.0 / 102.0).abs() < 1e-9, "{fitted:?} {score}");
    }

    #[test]
    fn constant_margins_say_the_prior() {
        let fitted = fit_platt(
            &[0.0; 10],
            &[
                true, true, true, false, false, false, false, false, false, false,
            ],
        );
        let score = sigmoid(fitted.intercept);
        assert!((score - 4.0 / 12.0).abs() < 0.02, "{fitted:?} {score}");
    }
}
