//! Gauss-Legendre quadrature on `[0, 1]`: with `n` points it integrates polynomials of degree up to
//! `2 n - 1` without error.

/// Newton's method doubles the right digits at each step; the first guess has at least three.
const NEWTON_STEPS: usize = 5;

/// Where to evaluate, and how much each value counts.
#[derive(Debug)]
pub(crate) struct GaussLegendre {
    /// Ascending, inside `(0, 1)`. Shape: `(n,)`.
    pub(crate) points: Vec<f64>,
    /// They add up to 1. Shape: `(n,)`.
    pub(crate) weights: Vec<f64>,
}

impl GaussLegendre {
    /// The rule with `n_points`, found by plain arithmetic alone: the same bits on every host.
    pub(crate) fn new(n_points: usize) -> Self {
        let mut points = vec![0.5; n_points];
        let mut weights = vec![1.0; n_points];
        for root in 0..n_points.div_ceil(2) {
            // The roots on (-1, 1) lie close to these cosines and are symmetric about 0.
            let angle = (root as f64 + 0.75) / (n_points as f64 + 0.5) * core::f64::consts::PI;
            let mut x = rough_cosine(angle);
            for _ in 0..NEWTON_STEPS {
                let (value, slope) = legendre(n_points, x);
                x -= value / slope;
            }
            let (_, slope) = legendre(n_points, x);
            // On [0, 1] a point is (1 + x) / 2 and a weight half of 2 / ((1 - x^2) slope^2).
            let weight = 1.0 / ((1.0 - x) * (1.0 + x) * slope * slope);
            let mirrored = n_points - 1 - root;
            points[root] = 0.5 - 0.5 * x;
            points[mirrored] = 0.5 + 0.5 * x;
            weights[root] = weight;
            weights[mirrored] = weight;
        }
        Self { points, weights }
    }
}

/// The Legendre polynomial of degree `n` at `x` inside `(-1, 1)`, and its slope.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        let next = ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k;
        (before, value) = (value, next);
    }
    let slope = n as f64 * (before - x * value) / ((1.0 - x) * (1.0 + x));
    (value, slope)
}

/// The cosine of an angle from 0 to a little over a right one, to four digits.
fn rough_cosine(angle: f64) -> f64 {
    let y = angle * angle;
    1.0 - y / 2.0 * (1.0 - y / 12.0 * (1.0 - y / 30.0 * (1.0 - y / 56.0)))
}

#[cfg(test)]
mod tests {
    use super::GaussLegendre;

    #[test]
    fn powers_up_to_the_stated_degree_are_integrated_exactly() {
        for n_points in 1..=130 {
            let rule = GaussLegendre::new(n_points);
            assert!(rule.points.is_sorted() && rule.points[0] > 0.0);
            assert!(rule.points[n_points - 1] < 1.0);
            for degree in (0..).take(2 * n_points) {
                let terms = rule.points.iter().zip(&rule.weights);
                let sum: f64 = terms.map(|(t, w)| w * t.powi(degree)).sum();
                let error = sum - 1.0 / (f64::from(degree) + 1.0);
                assert!(
                    error.abs() < 2e-15,
                    "{n_points} points, t^{degree}: {error}"
                );
            }
        }
    }

    #[test]
    fn one_degree_more_is_not() {
        for (n_points, degree) in (1..=8).zip((2..).step_by(2)) {
            let rule = GaussLegendre::new(n_points);
            let terms = rule.points.iter().zip(&rule.weights);
            let sum: f64 = terms.map(|(t, w)| w * t.powi(degree)).sum();
            assert!((sum - 1.0 / (f64::from(degree) + 1.0)).abs() > 1e-12);
        }
    }

    #[test]
    fn small_rules_are_the_closed_forms() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 3e-16, "{a} is not {b}");
        let rule = GaussLegendre::new(2);
        close(rule.points[0], 0.5 - 0.5 / 3.0_f64.sqrt());
        close(rule.weights[0], 0.5);
        let rule = GaussLegendre::new(3);
        close(rule.points[0], 0.5 - 0.5 * 0.6_f64.sqrt());
        close(rule.points[1], 0.5);
        close(rule.weights[0], 5.0 / 18.0);
        close(rule.weights[1], 8.0 / 18.0);
    }
}
