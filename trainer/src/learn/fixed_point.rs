//! Leaf values as whole multiples of a power of two.

use super::ensemble::Tree;

/// Sums of units up to this are exact in an `f64`, with a bit to spare.
const MAX_SUM: f64 = (1_u64 << 52) as f64;

/// The unit `2^-scale_log2`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FixedPoint {
    pub(crate) scale_log2: i32,
    scale: f64,
}

impl FixedPoint {
    pub(crate) fn new(scale_log2: i32) -> Self {
        Self {
            scale_log2,
            scale: 2f64.powi(scale_log2),
        }
    }

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
        Self::new(scale_log2)
    }

    /// The multiple of the unit next to `value` towards zero: so the votes of a forest, each at
    /// most `1 / n_trees`, never add up to more than 1.
    pub(crate) fn round(self, value: f64) -> f64 {
        self.units(value) as f64 / self.scale
    }

    pub(crate) fn units(self, value: f64) -> i64 {
        (value * self.scale) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::ensemble::Node;

    fn leaf(value: f64) -> Tree {
        Tree::new(vec![Node::Leaf { value, cover: 1.0 }])
    }

    #[test]
    fn the_unit_is_as_fine_as_the_limits_allow() {
        // A leaf of 1 in an i32: 2^30 units, for 2^31 is one too many.
        assert_eq!(FixedPoint::for_trees(&[leaf(-1.0)], 0.0).scale_log2, 30);
        // A base of 2^20 leaves room for 2^52 units in all.
        assert_eq!(
            FixedPoint::for_trees(&[leaf(0.0)], 2f64.powi(20)).scale_log2,
            32
        );
        assert_eq!(FixedPoint::for_trees(&[leaf(0.0)], 0.0).scale_log2, 40);
        assert_eq!(
            FixedPoint::for_trees(&[leaf(2f64.powi(40))], 0.0).scale_log2,
            -10
        );
    }

    #[test]
    fn rounding_goes_towards_zero() {
        let fixed = FixedPoint::new(2);
        assert_eq!(
            [0.74, -0.74, 0.75].map(|value| fixed.round(value)),
            [0.5, -0.5, 0.75]
        );
    }
}
