//! Tail probabilities.

/// Terms are left out where they no longer change the sum.
const TINY: f64 = 1e-17;

/// More steps than any argument that occurs takes.
const MAX_STEPS: usize = 10_000;

/// The chance that a chi-squared variable with `dof` degrees of freedom is at least `x`: the
/// regularised upper incomplete gamma function Q(dof/2, x/2).
///
/// The series is used below the mean and the continued fraction above it (Abramowitz and Stegun,
/// 6.5.29 and 6.5.31).
#[must_use]
pub fn chi_squared_sf(x: f64, dof: f64) -> f64 {
    if dof <= 0.0 || x <= 0.0 {
        return 1.0;
    }
    let (a, x) = (0.5 * dof, 0.5 * x);
    let scale = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    let p = if x < a + 1.0 {
        1.0 - scale * lower_series(a, x)
    } else {
        scale * upper_fraction(a, x)
    };
    p.clamp(0.0, 1.0)
}

/// The sum over n of x^n / (a (a+1) … (a+n)).
fn lower_series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    for n in 1..MAX_STEPS {
        term *= x / (a + n as f64);
        sum += term;
        if term < sum * TINY {
            break;
        }
    }
    sum
}

/// The continued fraction 1/(x+1-a- 1(1-a)/(x+3-a- …)), by Lentz's algorithm.
fn upper_fraction(a: f64, x: f64) -> f64 {
    let floor = f64::MIN_POSITIVE / f64::EPSILON;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / floor;
    let mut d = 1.0 / b;
    let mut value = d;
    for n in 1..MAX_STEPS {
        let n = n as f64;
        let an = -n * (n - a);
        b += 2.0;
        d = an * d + b;
        if d.abs() < floor {
            d = floor;
        }
        c = b + an / c;
        if c.abs() < floor {
            c = floor;
        }
        d = 1.0 / d;
        let step = d * c;
        value *= step;
        if (step - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

/// The chance that Kolmogorov's statistic √n·D exceeds `x` in the limit of many rows, as
/// `scipy.special.kolmogorov`.
#[must_use]
pub fn kolmogorov_sf(x: f64) -> f64 {
    use std::f64::consts::PI;
    if x <= 0.04 {
        // 1 - 10^-330 and nearer.
        return 1.0;
    }
    if x < 0.82 {
        // The series of Jacobi's theta function converges fast for small arguments.
        let exponent =
            |k: f64| libm::exp(-(PI * PI) * (2.0 * k - 1.0) * (2.0 * k - 1.0) / (8.0 * x * x));
        let sum: f64 = (1..=4).map(|k| exponent(f64::from(k))).sum();
        return (1.0 - libm::sqrt(2.0 * PI) / x * sum).clamp(0.0, 1.0);
    }
    let term = |k: f64| libm::exp(-2.0 * k * k * x * x);
    let sum = term(1.0) - term(2.0) + term(3.0) - term(4.0) + term(5.0);
    (2.0 * sum).clamp(0.0, 1.0)
}

/// The chance that an F variable with `d1` and `d2` degrees of freedom is at least `x`: the
/// regularised incomplete beta function at d2/(d2 + d1·x) (Abramowitz and Stegun, 26.6.2).
#[must_use]
pub fn f_sf(x: f64, d1: f64, d2: f64) -> f64 {
    if x <= 0.0 || d1 <= 0.0 || d2 <= 0.0 {
        return 1.0;
    }
    let at = d2 / (d2 + d1 * x);
    // What is left to 1, without cancellation.
    let rest = d1 * x / (d2 + d1 * x);
    incomplete_beta(0.5 * d2, 0.5 * d1, at, rest).clamp(0.0, 1.0)
}

/// The regularised incomplete beta function of `x`; `y` is 1 - x.
fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let scale = libm::exp(
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b)
            + a * libm::log(x)
            + b * libm::log(y),
    );
    // The fraction converges fast below the mean; the other side is its mirror.
    if x < (a + 1.0) / (a + b + 2.0) {
        scale * beta_fraction(a, b, x) / a
    } else {
        1.0 - scale * beta_fraction(b, a, y) / b
    }
}

/// The continued fraction of Abramowitz and Stegun, 26.5.8, by Lentz's algorithm.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let floor = f64::MIN_POSITIVE / f64::EPSILON;
    let off_zero = |value: f64| if value.abs() < floor { floor } else { value };
    let (mut c, mut d) = (1.0, 1.0 / off_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = d;
    for n in 1..MAX_STEPS {
        let n = n as f64;
        let even = n * (b - n) * x / ((a + 2.0 * n - 1.0) * (a + 2.0 * n));
        d = 1.0 / off_zero(1.0 + even * d);
        c = off_zero(1.0 + even / c);
        value *= d * c;
        let odd = -(a + n) * (a + b + n) * x / ((a + 2.0 * n) * (a + 2.0 * n + 1.0));
        d = 1.0 / off_zero(1.0 + odd * d);
        c = off_zero(1.0 + odd / c);
        let step = d * c;
        value *= step;
        if (step - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}
