//! Leaf values as whole multiples of a power of two.

use super::ensemble::{Link, Tree};

/// Sums of units up to this are exact in an `f64`, with a bit to spare.
const MAX_SUM: f64 = (1_u64 << 52) as f64;

/// What rounding the leaves may take from a margin in log-odds: less than 0.001 of a probability.
const MAX_ROUNDING: f64 = 1.0 / 256.0;

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

    /// The finest unit with which every leaf fits in as many bytes as the link asks for, and no sum
    /// of the base and one leaf from each tree exceeds `2^52` units.
    ///
    /// Votes have few distinct values, so a leaf of 4 bytes costs nothing: they are stored once. Leaves
    /// in log-odds are all distinct: they take the fewest bytes with which all roundings together
    /// stay below [`MAX_ROUNDING`].
    pub(crate) fn for_trees(trees: &[Tree], base: f64, link: Link) -> Self {
        let mut largest = 0.0_f64;
        let mut sum = base.abs();
        for tree in trees {
            let of_tree = tree
                .leaf_values()
                .fold(0.0_f64, |largest, v| largest.max(v.abs()));
            largest = largest.max(of_tree);
            sum += of_tree;
        }
        let finest = |n_bytes: u32| {
            let max_leaf = 2f64.powi(8 * n_bytes.cast_signed() - 1) - 1.0;
            let fits = |scale_log2: i32| {
                let scale = 2f64.powi(scale_log2);
                largest * scale <= max_leaf && sum * scale <= MAX_SUM
            };
            // 2^-40 is far below what any leaf is known to; a finer unit would only cost bytes.
            (-1000..=40)
                .rev()
                .find(|&k| fits(k))
                .expect("leaf values are finite")
        };
        let widths = match link {
            Link::Identity => 4..4,
            Link::Logistic => 2..4,
        };
        let enough = |scale_log2: &i32| trees.len() as f64 * 2f64.powi(-scale_log2) <= MAX_ROUNDING;
        Self::new(widths.map(finest).find(enough).unwrap_or_else(|| finest(4)))
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
        let unit = |trees: &[Tree], base, link| FixedPoint::for_trees(trees, base, link).scale_log2;
        // A leaf of 1 in an i32: 2^30 units, for 2^31 is one too many.
        assert_eq!(unit(&[leaf(-1.0)], 0.0, Link::Identity), 30);
        // A base of 2^20 leaves room for 2^52 units in all.
        assert_eq!(unit(&[leaf(0.0)], 2f64.powi(20), Link::Identity), 32);
        assert_eq!(unit(&[leaf(0.0)], 0.0, Link::Identity), 40);
        let large = [leaf(2f64.powi(40))];
        assert_eq!(unit(&large, 0.0, Link::Identity), -10);
    }

    #[test]
    fn log_odds_take_the_fewest_bytes_that_round_little() {
        let unit = |n_trees: usize, value| {
            let trees = vec![leaf(value); n_trees];
            FixedPoint::for_trees(&trees, 0.0, Link::Logistic).scale_log2
        };
        // 0.25 in two bytes: 2^16 units. 256 trees then round by at most 2^-8.
        assert_eq!(unit(256, 0.25), 16);
        assert_eq!(unit(257, 0.25), 24);
        assert_eq!(unit(1, 16_384.0), 8);
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
