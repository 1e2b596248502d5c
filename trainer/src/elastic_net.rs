//! Logistic regression with an L1 and an L2 penalty: coordinate descent inside Newton's method.
//!
//! Friedman, Hastie and Tibshirani, "Regularization paths for generalized linear models via coordinate
//! descent", Journal of Statistical Software 33, 2010, with the line search of Yuan, Ho and Lin, "An improved
//! GLMNET for L1-regularized logistic regression", JMLR 13, 2012, which makes it converge from everywhere. linfa's
//! solver is for smooth penalties only.

use picket_wasm_model::sigmoid;

const MAX_NEWTON_STEPS: usize = 200;
const MAX_PASSES: usize = 2000;
/// The fit ends where no weight moves more than this, relative to the largest.
const TOLERANCE: f64 = 1e-9;
/// Curvatures below this are taken for it: a row that is quite certain still counts.
const MIN_CURVATURE: f64 = 1e-10;
/// The share of the promised decrease that a step must bring.
const SUFFICIENT: f64 = 1e-4;
const MIN_STEP: f64 = 1e-10;
/// Steps below this are taken without looking.
const SMALL: f64 = 1e-5;

/// The penalties, beside the sum of the rows' log losses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Penalty {
    /// On the sum of the weights' magnitudes.
    pub(crate) l1: f64,
    /// On half the sum of their squares.
    pub(crate) l2: f64,
    /// Whether weights below zero are refused.
    pub(crate) non_negative: bool,
}

/// A fitted regression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Regression {
    pub(crate) intercept: f64,
    /// Shape: `(n_columns,)`.
    pub(crate) weights: Vec<f64>,
}

impl Penalty {
    fn of(&self, weights: &[f64]) -> f64 {
        let one = |w: &f64| self.l1 * w.abs() + 0.5 * self.l2 * w * w;
        weights.iter().map(one).sum()
    }

    /// Where the penalised parabola with its unpenalised minimum at `at` and this curvature is lowest.
    fn shrink(&self, at: f64, curvature: f64) -> f64 {
        let by = self.l1 / curvature;
        let shrunk = (at.abs() - by).max(0.0).copysign(at);
        if self.non_negative {
            shrunk.max(0.0)
        } else {
            shrunk
        }
    }
}

/// Fits to `columns`, shape `(n_columns, n_rows)`; the intercept is not penalised. The same numbers give the
/// same bits.
pub(crate) fn fit(columns: &[Vec<f64>], labels: &[bool], penalty: Penalty) -> Regression {
    let n_rows = labels.len();
    let mut fitted = Regression {
        intercept: 0.0,
        weights: vec![0.0; columns.len()],
    };
    let mut margins = vec![0.0; n_rows];
    let mut loss = log_loss(&margins, labels);
    for _ in 0..MAX_NEWTON_STEPS {
        let newton = Newton::new(&margins, labels);
        let step = newton.step(columns, &fitted.weights, penalty);
        let before = penalty.of(&fitted.weights);
        let moved = |size: f64| -> Vec<f64> {
            let pairs = fitted.weights.iter().zip(&step.weights);
            pairs.map(|(w, d)| w + size * d).collect()
        };
        let slope: f64 = newton
            .gradients
            .iter()
            .zip(&step.margins)
            .map(|(g, m)| g * m)
            .sum();
        let promised = slope + penalty.of(&moved(1.0)) - before;
        let furthest = step
            .weights
            .iter()
            .fold(step.intercept.abs(), |a, d| a.max(d.abs()));
        let mut size = 1.0;
        let found = loop {
            let weights = moved(size);
            let pairs = margins.iter().zip(&step.margins);
            let new_margins: Vec<f64> = pairs.map(|(m, d)| m + size * d).collect();
            let new_loss = log_loss(&new_margins, labels);
            let change = new_loss + penalty.of(&weights) - loss - before;
            // So close to the end rounding hides what a step brings; Newton's method needs no care there.
            if change <= SUFFICIENT * size * promised || furthest < SMALL {
                break Some((weights, new_margins, new_loss));
            }
            size /= 2.0;
            if size < MIN_STEP {
                break None;
            }
        };
        // Rounding leaves nothing to gain.
        let Some((weights, new_margins, new_loss)) = found else {
            break;
        };
        fitted.intercept += size * step.intercept;
        (fitted.weights, margins, loss) = (weights, new_margins, new_loss);
        let largest = fitted.weights.iter().fold(1.0_f64, |a, w| a.max(w.abs()));
        if furthest <= TOLERANCE * largest {
            break;
        }
    }
    fitted
}

fn log_loss(margins: &[f64], labels: &[bool]) -> f64 {
    let one = |(margin, label): (&f64, &bool)| {
        let against = if *label { -margin } else { *margin };
        against.max(0.0) + libm::log1p(libm::exp(-against.abs()))
    };
    margins.iter().zip(labels).map(one).sum()
}

/// The quadratic model of the loss at some margins.
struct Newton {
    gradients: Vec<f64>,
    curvatures: Vec<f64>,
}

/// Where the penalised model is lowest, as a difference.
struct Step {
    intercept: f64,
    weights: Vec<f64>,
    /// What the step adds to each margin.
    margins: Vec<f64>,
}

impl Newton {
    fn new(margins: &[f64], labels: &[bool]) -> Self {
        let scores: Vec<f64> = margins.iter().map(|margin| sigmoid(*margin)).collect();
        let target = |label: bool| f64::from(u8::from(label));
        let pairs = scores.iter().zip(labels);
        Self {
            gradients: pairs.map(|(p, label)| p - target(*label)).collect(),
            curvatures: scores
                .iter()
                .map(|p| (p * (1.0 - p)).max(MIN_CURVATURE))
                .collect(),
        }
    }

    /// Cyclic coordinate descent.
    fn step(&self, columns: &[Vec<f64>], weights: &[f64], penalty: Penalty) -> Step {
        let square = |column: &Vec<f64>| -> f64 {
            let pairs = column.iter().zip(&self.curvatures);
            pairs.map(|(x, h)| h * x * x).sum()
        };
        let squares: Vec<f64> = columns.iter().map(square).collect();
        let total: f64 = self.curvatures.iter().sum();
        let mut step = Step {
            intercept: 0.0,
            weights: vec![0.0; columns.len()],
            margins: vec![0.0; self.gradients.len()],
        };
        for _ in 0..MAX_PASSES {
            let mut furthest = 0.0_f64;
            let slope: f64 = self.slopes(&step.margins).sum();
            let delta = -slope / total;
            step.intercept += delta;
            step.margins.iter_mut().for_each(|margin| *margin += delta);
            furthest = furthest.max(delta.abs());
            for (index, column) in columns.iter().enumerate() {
                let curvature = squares[index] + penalty.l2;
                if curvature <= 0.0 {
                    continue;
                }
                let slope: f64 = self
                    .slopes(&step.margins)
                    .zip(column)
                    .map(|(s, x)| s * x)
                    .sum();
                let at = weights[index] + step.weights[index];
                let lowest = at - (slope + penalty.l2 * at) / curvature;
                let delta = penalty.shrink(lowest, curvature) - at;
                if delta != 0.0 {
                    step.weights[index] += delta;
                    for (margin, x) in step.margins.iter_mut().zip(column) {
                        *margin += delta * x;
                    }
                    furthest = furthest.max(delta.abs());
                }
            }
            if furthest < 0.1 * TOLERANCE {
                break;
            }
        }
        step
    }

    /// The slope of each row's loss after a step.
    fn slopes<'s>(&'s self, moved: &'s [f64]) -> impl Iterator<Item = f64> + 's {
        let pairs = self.gradients.iter().zip(&self.curvatures);
        pairs.zip(moved).map(|((g, h), m)| g + h * m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row three times: a slope of 0 asks for the intercept alone.
    fn rows() -> (Vec<Vec<f64>>, Vec<bool>) {
        let x = [-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0].repeat(3);
        let noise = x.iter().enumerate().map(|(i, _)| (i * 7 % 5) as f64 - 2.0);
        let labels = x.iter().enumerate().map(|(i, x)| *x > 0.0 || i % 7 == 0);
        let labels = labels.collect();
        (vec![noise.collect(), x], labels)
    }

    #[test]
    fn the_slope_is_zero_at_the_fit() {
        let (columns, labels) = rows();
        for (l1, l2) in [(0.0, 1.0), (1.0, 0.0), (0.5, 0.5)] {
            let penalty = Penalty {
                l1,
                l2,
                non_negative: false,
            };
            let fitted = fit(&columns, &labels, penalty);
            let margin = |row: usize| {
                let pairs = columns.iter().zip(&fitted.weights);
                fitted.intercept + pairs.map(|(column, w)| w * column[row]).sum::<f64>()
            };
            let residual = |row: usize| sigmoid(margin(row)) - f64::from(u8::from(labels[row]));
            let n_rows = labels.len();
            let of_intercept: f64 = (0..n_rows).map(residual).sum();
            assert!(of_intercept.abs() < 1e-6, "{of_intercept}");
            for (column, w) in columns.iter().zip(&fitted.weights) {
                let slope: f64 = (0..n_rows).map(|row| residual(row) * column[row]).sum();
                // The subgradient of the magnitude at 0 is anything between -1 and 1.
                if *w == 0.0 {
                    assert!(slope.abs() <= l1 + 1e-6);
                } else {
                    assert!((slope + l2 * w + l1 * w.signum()).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn a_large_penalty_leaves_no_weight() {
        let (columns, labels) = rows();
        let penalty = Penalty {
            l1: 1e3,
            l2: 0.0,
            non_negative: false,
        };
        let fitted = fit(&columns, &labels, penalty);
        assert_eq!(fitted.weights, [0.0, 0.0]);
        let share = labels.iter().filter(|label| **label).count() as f64 / labels.len() as f64;
        assert!((sigmoid(fitted.intercept) - share).abs() < 1e-9);
    }

    #[test]
    fn weights_stay_above_zero_where_asked() {
        let (mut columns, labels) = rows();
        columns[1].iter_mut().for_each(|x| *x = -*x);
        let penalty = Penalty {
            l1: 0.0,
            l2: 1.0,
            non_negative: true,
        };
        let fitted = fit(&columns, &labels, penalty);
        assert_eq!(fitted.weights[1], 0.0);
        assert!(fitted.weights[0] >= 0.0);
    }

    #[test]
    fn separable_rows_end() {
        let columns = [vec![-1.0, -2.0, 1.0, 2.0]];
        let labels = [false, false, true, true];
        let penalty = Penalty {
            l1: 1e-3,
            l2: 0.0,
            non_negative: false,
        };
        let fitted = fit(&columns, &labels, penalty);
        assert!(fitted.weights[0] > 3.0 && fitted.weights[0].is_finite());
    }
}
