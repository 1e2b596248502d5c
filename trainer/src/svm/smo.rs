//! Sequential minimal optimisation (Platt, 1998) of the dual problem, the pair of multipliers chosen by second-order
//! information: Fan, Chen and Lin, "Working set selection using second order information for training support vector
//! machines", JMLR 6, 2005.

use super::SvmError;
use super::kernel_cache::KernelCache;
use super::kernel_rows::KernelRows;

/// The fit ends where the optimality conditions hold to this; LIBSVM's default.
const TOLERANCE: f64 = 1e-3;
/// What a curvature that is not positive is taken for.
const MIN_CURVATURE: f64 = 1e-12;
const MIN_STEPS_ALLOWED: usize = 200_000;
const STEPS_A_POINT: usize = 100;

/// A point to be told apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// 1 of the positive class, -1 of the negative.
    pub(super) sign: f64,
    /// The largest multiplier: what it costs to misplace it.
    pub(super) bound: f64,
}

/// The solution: the decision is the sum of the signed multipliers times the kernel, plus the bias.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Solution {
    /// Shape: `(n_points,)`.
    pub(super) signed_multipliers: Vec<f64>,
    pub(super) bias: f64,
}

/// The dual problem under way.
struct Smo {
    points: Vec<Point>,
    multipliers: Vec<f64>,
    /// The slope of the dual objective in each multiplier.
    gradients: Vec<f64>,
    diagonal: Vec<f64>,
}

/// Solves the problem.
pub(super) fn solve<K: KernelRows>(kernel: &K, points: Vec<Point>) -> Result<Solution, SvmError> {
    let n = points.len();
    let mut smo = Smo {
        multipliers: vec![0.0; n],
        gradients: vec![-1.0; n],
        diagonal: (0..n).map(|point| kernel.value(point, point)).collect(),
        points,
    };
    let mut cache = KernelCache::new(kernel);
    let most = n.saturating_mul(STEPS_A_POINT).max(MIN_STEPS_ALLOWED);
    for _ in 0..most {
        let Some((i, highest)) = smo.first() else {
            return Ok(smo.solution());
        };
        let slot_i = cache.keep(i);
        let Some(j) = smo.second(i, highest, cache.row(slot_i)) else {
            return Ok(smo.solution());
        };
        let slot_j = cache.keep(j);
        smo.move_pair(i, j, cache.row(slot_i), cache.row(slot_j));
    }
    Err(SvmError::NotConverged { n_steps: most })
}

impl Smo {
    /// Whether the multiplier may move so that its signed value grows.
    fn can_rise(&self, point: usize) -> bool {
        let Point { sign, bound } = self.points[point];
        if sign > 0.0 {
            self.multipliers[point] < bound
        } else {
            self.multipliers[point] > 0.0
        }
    }

    /// Whether its signed value may fall.
    fn can_fall(&self, point: usize) -> bool {
        let Point { sign, bound } = self.points[point];
        if sign > 0.0 {
            self.multipliers[point] > 0.0
        } else {
            self.multipliers[point] < bound
        }
    }

    /// The point whose signed multiplier gains most by rising, and how much.
    fn first(&self) -> Option<(usize, f64)> {
        let mut best = None;
        for point in 0..self.points.len() {
            if self.can_rise(point) {
                let gain = -self.points[point].sign * self.gradients[point];
                if best.is_none_or(|(_, highest)| gain > highest) {
                    best = Some((point, gain));
                }
            }
        }
        best
    }

    /// The partner with which the objective falls most; `None` where the optimality conditions hold.
    fn second(&self, i: usize, highest: f64, row: &[f64]) -> Option<usize> {
        let mut lowest = f64::INFINITY;
        let mut best: Option<(usize, f64)> = None;
        for (point, kernel) in row.iter().enumerate() {
            if !self.can_fall(point) {
                continue;
            }
            let gain = -self.points[point].sign * self.gradients[point];
            lowest = lowest.min(gain);
            let difference = highest - gain;
            if difference <= 0.0 {
                continue;
            }
            let curvature = self.diagonal[i] + self.diagonal[point] - 2.0 * *kernel;
            let decrease = difference * difference / curvature.max(MIN_CURVATURE);
            if best.is_none_or(|(_, most)| decrease > most) {
                best = Some((point, decrease));
            }
        }
        if highest - lowest < TOLERANCE {
            return None;
        }
        best.map(|(point, _)| point)
    }

    /// Raises the signed multiplier of `i` and lowers that of `j` by as much, to the lowest objective within
    /// the bounds.
    fn move_pair(&mut self, i: usize, j: usize, row_i: &[f64], row_j: &[f64]) {
        let (of_i, of_j) = (self.points[i], self.points[j]);
        let curvature = self.diagonal[i] + self.diagonal[j] - 2.0 * row_i[j];
        let slope = of_j.sign * self.gradients[j] - of_i.sign * self.gradients[i];
        let room_up = if of_i.sign > 0.0 {
            of_i.bound - self.multipliers[i]
        } else {
            self.multipliers[i]
        };
        let room_down = if of_j.sign > 0.0 {
            self.multipliers[j]
        } else {
            of_j.bound - self.multipliers[j]
        };
        let room = room_up.min(room_down);
        let step = (slope / curvature.max(MIN_CURVATURE)).min(room);
        let moved = |multiplier: f64, point: Point, by: f64, is_at_end: bool| {
            let moved = multiplier + point.sign * by;
            // What reaches an end stands there exactly.
            match (is_at_end, point.sign * by > 0.0) {
                (true, true) => point.bound,
                (true, false) => 0.0,
                (false, _) => moved.clamp(0.0, point.bound),
            }
        };
        let before = (self.multipliers[i], self.multipliers[j]);
        self.multipliers[i] = moved(before.0, of_i, step, step >= room_up);
        self.multipliers[j] = moved(before.1, of_j, -step, step >= room_down);
        let delta_i = of_i.sign * (self.multipliers[i] - before.0);
        let delta_j = of_j.sign * (self.multipliers[j] - before.1);
        let rows = row_i.iter().zip(row_j).zip(&self.points);
        for (gradient, ((k_i, k_j), point)) in self.gradients.iter_mut().zip(rows) {
            *gradient += point.sign * (delta_i * k_i + delta_j * k_j);
        }
    }

    /// The bias is what the points between the bounds ask for, on average; without any, the middle of what the
    /// others allow.
    fn solution(&self) -> Solution {
        let (mut sum, mut n_free) = (0.0, 0_usize);
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        for point in 0..self.points.len() {
            let wanted = -self.points[point].sign * self.gradients[point];
            match (self.can_rise(point), self.can_fall(point)) {
                (true, true) => {
                    sum += wanted;
                    n_free += 1;
                }
                (true, false) => low = low.max(wanted),
                (false, true) => high = high.min(wanted),
                (false, false) => {}
            }
        }
        let bias = if n_free > 0 {
            sum / n_free as f64
        } else {
            f64::midpoint(low, high)
        };
        let pairs = self.points.iter().zip(&self.multipliers);
        Solution {
            signed_multipliers: pairs.map(|(point, m)| point.sign * m).collect(),
            bias: if bias.is_finite() { bias } else { 0.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points on a line, with the product for kernel.
    struct Line(Vec<f64>);

    impl KernelRows for Line {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn value(&self, a: usize, b: usize) -> f64 {
            self.0[a] * self.0[b]
        }
    }

    fn points(signs: &[f64], bounds: &[f64]) -> Vec<Point> {
        let pairs = signs.iter().zip(bounds);
        pairs
            .map(|(sign, bound)| Point {
                sign: *sign,
                bound: *bound,
            })
            .collect()
    }

    #[test]
    fn the_widest_margin_lies_between_the_nearest_two() {
        let kernel = Line(vec![-3.0, -1.0, 2.0, 5.0]);
        let solution = solve(&kernel, points(&[-1.0, -1.0, 1.0, 1.0], &[100.0; 4])).unwrap();
        // The border is at 0.5 and the margin 1.5 wide: w = 2/3, b = -1/3.
        let w: f64 = solution
            .signed_multipliers
            .iter()
            .zip(&kernel.0)
            .map(|(a, x)| a * x)
            .sum();
        assert!((w - 2.0 / 3.0).abs() < 1e-4 && (solution.bias + 1.0 / 3.0).abs() < 1e-4);
        assert_eq!(
            (
                solution.signed_multipliers[0],
                solution.signed_multipliers[3]
            ),
            (0.0, 0.0)
        );
    }

    #[test]
    fn a_bound_as_many_times_as_large_is_as_many_points() {
        let x = [-2.0, -1.0, 0.5, 1.0, 2.0, -0.5];
        let signs = [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0];
        let counts = [1_usize, 3, 2, 1, 2, 1];
        let bounds: Vec<f64> = counts.iter().map(|n| 0.3 * *n as f64).collect();
        let once = solve(&Line(x.to_vec()), points(&signs, &bounds)).unwrap();
        let copies = |values: &[f64]| -> Vec<f64> {
            let pairs = values.iter().zip(counts);
            pairs
                .flat_map(|(x, n)| std::iter::repeat_n(*x, n))
                .collect()
        };
        let copied = Line(copies(&x));
        let all = solve(&copied, points(&copies(&signs), &[0.3; 10])).unwrap();
        let w = |solution: &Solution, x: &[f64]| -> f64 {
            solution
                .signed_multipliers
                .iter()
                .zip(x)
                .map(|(a, x)| a * x)
                .sum()
        };
        assert!((w(&once, &x) - w(&all, &copied.0)).abs() < 1e-3);
        assert!((once.bias - all.bias).abs() < 1e-3);
    }
}
