//! First and second derivatives of the loss, as whole numbers.

use rayon::prelude::*;

use crate::learn::ensemble::logistic;
use crate::learn::table::Table;

/// Sums of `|g|` are scaled to at most this, so that every partial sum fits in an `i32`.
const MAX_GRADIENT: f64 = (1_u64 << 30) as f64;
/// Sums of `h` are scaled to at most this, so that every partial sum fits in a `u32`.
const MAX_HESSIAN: f64 = (1_u64 << 31) as f64;
/// Sums run over parts of this size, whatever the number of threads.
const CHUNK: usize = 4096;

/// A sum of gradients (upper half, signed) and of hessians (lower half) in one word.
///
/// Whole numbers make a histogram independent of the order in which rows are added, and the
/// subtraction of a child's histogram from its parent's exact.
pub(crate) type Packed = u64;

pub(crate) fn pack(gradient: i32, hessian: u32) -> Packed {
    (i64::from(gradient) << 32) as u64 | u64::from(hessian)
}

/// The units of packed sums, powers of two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    gradient: f64,
    hessian: f64,
}

impl Scale {
    /// The gradient and hessian that a packed sum stands for.
    #[inline]
    pub(crate) fn unpack(self, sum: Packed) -> (f64, f64) {
        let gradient = (sum.cast_signed() >> 32) as f64;
        let hessian = f64::from(sum as u32);
        (gradient * self.gradient, hessian * self.hessian)
    }
}

/// The derivatives of all groups at the present margins.
pub(crate) struct Gradients {
    exact: Vec<(f64, f64)>,
    pub(crate) packed: Vec<Packed>,
}

impl Gradients {
    pub(crate) fn new(n_groups: usize) -> Self {
        Self {
            exact: vec![(0.0, 0.0); n_groups],
            packed: vec![0; n_groups],
        }
    }

    /// Derives `-[y ln p + (1 - y) ln (1 - p)]` by the margin: `g = p - y` and `h = p (1 - p)`,
    /// summed over the rows of each group.
    pub(crate) fn update(&mut self, table: &Table, margins: &[f64], positive_weight: f64) -> Scale {
        let unit = table.unit();
        let sums: Vec<(f64, f64)> = self
            .exact
            .par_chunks_mut(CHUNK)
            .zip(table.classes.par_chunks(CHUNK))
            .zip(margins.par_chunks(CHUNK))
            .map(|((exact, classes), margins)| {
                let mut sum = (0.0, 0.0);
                for ((exact, classes), &margin) in exact.iter_mut().zip(classes).zip(margins) {
                    let probability = logistic(margin);
                    let rest = 1.0 - probability;
                    let negative = f64::from(classes.negative) * unit;
                    let positive = f64::from(classes.positive) * unit * positive_weight;
                    let gradient = negative * probability - positive * rest;
                    let hessian = (negative + positive) * probability * rest;
                    *exact = (gradient, hessian);
                    sum = (sum.0 + gradient.abs(), sum.1 + hessian);
                }
                sum
            })
            .collect();
        let (gradients, hessians) = sums
            .into_iter()
            .fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));

        let per_gradient = power_of_two_below(MAX_GRADIENT / gradients);
        let per_hessian = power_of_two_below(MAX_HESSIAN / hessians);
        self.packed
            .par_chunks_mut(CHUNK)
            .zip(self.exact.par_chunks(CHUNK))
            .for_each(|(packed, exact)| {
                for (packed, &(gradient, hessian)) in packed.iter_mut().zip(exact) {
                    let gradient = gradient * per_gradient;
                    let nearest = (gradient + 0.5_f64.copysign(gradient)) as i32;
                    *packed = pack(nearest, (hessian * per_hessian + 0.5) as u32);
                }
            });
        Scale {
            gradient: 1.0 / per_gradient,
            hessian: 1.0 / per_hessian,
        }
    }
}

/// The largest power of two at most `x`; 1 where `x` is not finite, when there is nothing to scale.
fn power_of_two_below(x: f64) -> f64 {
    if x.is_finite() {
        2f64.powi(x.log2().floor().min(1000.0) as i32)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_sums_are_sums() {
        let sum = pack(-5, 7)
            .wrapping_add(pack(3, u32::MAX - 20))
            .wrapping_sub(pack(-5, 7));
        let scale = Scale {
            gradient: 0.5,
            hessian: 1.0,
        };
        assert_eq!(scale.unpack(sum), (1.5, f64::from(u32::MAX - 20)));
    }

    #[test]
    fn powers_stay_below() {
        assert_eq!(power_of_two_below(1.0), 1.0);
        assert_eq!(power_of_two_below(1023.9), 512.0);
        assert_eq!(power_of_two_below(0.3), 0.25);
        assert_eq!(power_of_two_below(f64::INFINITY), 1.0);
    }
}
