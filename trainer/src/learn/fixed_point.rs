//! Leaf values as whole multiples of a power of two.

use super::ensemble::Tree;

/// Sums of units up to this are exact in an `f64`, with a bit to spare.
const MAX_SUM: f64 = (1_u64 << 52) as f64;

/// The unit `2^-scale_log2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FixedPoint {
    pub(crate) scale_log2: i32,
}

impl FixedPoint {
    /// The finest unit with which every leaf fits in an `i32` and no sum of the base and one leaf
    /// from each tree exceeds `2^52` units.
    pub(crate) fn for_trees(trees: &[Tree], base: f64) -> Self {
        let mut largest = 0.0_f64;
        let mut sum = base.abs();
        for tree in trees {
            let of_tree = tree
                .leaf_values()
                .fold(0.0_f64, |largest, v| largest.max(v.abs()));
            largest = largest.max(of_tree);
            sum += of_tree;
        }
        let fits = |scale_log2: i32| {
            let scale = 2f64.powi(scale_log2);
            largest * scale <= f64::from(i32::MAX) && sum * scale <= MAX_SUM
        };
        // 2^-40 is far below what any leaf is known to; a finer unit would only cost bytes.
        let scale_log2 = (-1000..=40)
            .rev()
            .find(|&k| fits(k))
            .expect("leaf values are finite");
        Self { scale_log2 }
    }

    /// The multiple of the unit next to `value` towards zero: so the votes of a forest, each at
    /// most `1 / n_trees`, never add up to more than 1.
    pub(crate) fn round(self, value: f64) -> f64 {
        self.units(value) as f64 * 2f64.powi(-self.scale_log2)
    }

    pub(crate) fn units(self, value: f64) -> i64 {
        (value * 2f64.powi(self.scale_log2)) as i64
    }
}
