//! The best split of one feature by the second-order gain.

use super::gradient::{Packed, Scale};
use crate::learn::bin_test::BinTest;
use crate::learn::binning::{FeatureBins, add_bin};
use crate::learn::cuts::each_cut;

/// Gains below this come from rounding.
const LEAST_GAIN: f64 = 1e-6;
/// Features with at most this many categories in a node are split without smoothing.
const FEW_CATEGORIES: usize = 4;

/// What decides which splits are allowed and how good they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GainRule {
    pub(crate) l2: f64,
    /// Least gain of a split.
    pub(crate) gamma: f64,
    /// Least sum of hessians on either side.
    pub(crate) min_child_weight: f64,
    /// Added to the hessian of a category before categories are ordered by gradient over hessian.
    pub(crate) category_smoothing: f64,
    /// Added to `l2` in splits between many categories.
    pub(crate) category_l2: f64,
}

/// A split and its gain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GainSplit {
    pub(crate) gain: f64,
    pub(crate) test: BinTest,
}

/// A node's sums while its features are tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeSums {
    pub(crate) sum: Packed,
    pub(crate) scale: Scale,
}

impl GainRule {
    /// The value of a leaf, before shrinkage: `-G / (H + l2)` (Chen and Guestrin 2016, eq. 5).
    pub(crate) fn leaf(&self, node: NodeSums) -> f64 {
        let (gradient, hessian) = node.scale.unpack(node.sum);
        let divisor = hessian + self.l2;
        if divisor > 0.0 {
            -gradient / divisor
        } else {
            0.0
        }
    }

    /// The best split of a feature with histogram `cells`: the highest
    /// `1/2 [GL^2 / (HL + l2) + GR^2 / (HR + l2) - G^2 / (H + l2)] - gamma`
    /// (Chen and Guestrin 2016, eq. 7). Missing values are tried on both sides.
    pub(crate) fn best(
        &self,
        bins: &FeatureBins,
        cells: &[Packed],
        node: NodeSums,
    ) -> Option<GainSplit> {
        if bins.is_categorical() {
            return self.best_subset(&cells[..=bins.n_bins()], node);
        }
        let mut best = Best::new(self, node, self.l2);
        each_cut(bins, cells, |left, test| best.try_left(left, test));
        best.finish(self)
    }

    /// Categories in order of gradient over hessian, cut at the best place (Fisher 1958; as in
    /// Ke et al., `LightGBM`, 2017). Missing is one category more.
    fn best_subset(&self, cells: &[Packed], node: NodeSums) -> Option<GainSplit> {
        let mut present: Vec<(f64, u8, Packed)> = Vec::with_capacity(cells.len());
        for (bin, &cell) in cells.iter().enumerate().filter(|(_, cell)| **cell != 0) {
            let (gradient, hessian) = node.scale.unpack(cell);
            present.push((
                gradient / (hessian + self.category_smoothing),
                bin as u8,
                cell,
            ));
        }
        present.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let l2 = if present.len() > FEW_CATEGORIES {
            self.l2 + self.category_l2
        } else {
            self.l2
        };
        let mut best = Best::new(self, node, l2);
        let mut side = [0; 4];
        let mut left: Packed = 0;
        for &(_, bin, cell) in present.iter().take(present.len().saturating_sub(1)) {
            add_bin(&mut side, bin);
            left = left.wrapping_add(cell);
            best.try_left(left, BinTest::Within { left: side });
        }
        best.finish(self)
    }
}

/// The best split so far.
struct Best {
    scale: Scale,
    gradient: f64,
    hessian: f64,
    l2: f64,
    min_child_weight: f64,
    score: f64,
    test: Option<BinTest>,
}

impl Best {
    fn new(rule: &GainRule, node: NodeSums, l2: f64) -> Self {
        let (gradient, hessian) = node.scale.unpack(node.sum);
        let min_child_weight = rule.min_child_weight;
        Self {
            scale: node.scale,
            gradient,
            hessian,
            l2,
            min_child_weight,
            score: f64::MIN,
            test: None,
        }
    }

    #[inline]
    fn try_left(&mut self, left: Packed, test: BinTest) {
        let (gradient, hessian) = self.scale.unpack(left);
        let (gradient_right, hessian_right) = (self.gradient - gradient, self.hessian - hessian);
        if hessian < self.min_child_weight || hessian_right < self.min_child_weight {
            return;
        }
        let (left, right) = (hessian + self.l2, hessian_right + self.l2);
        // One division for both sides: a^2 / b + c^2 / d.
        let score =
            (gradient * gradient * right + gradient_right * gradient_right * left) / (left * right);
        // A side without any hessian gives NaN, which is not greater.
        if score > self.score {
            self.score = score;
            self.test = Some(test);
        }
    }

    fn finish(self, rule: &GainRule) -> Option<GainSplit> {
        // The categories' extra l2 weighs on the children alone, as a price for their freedom.
        let divisor = self.hessian + rule.l2;
        let before = if divisor > 0.0 {
            self.gradient * self.gradient / divisor
        } else {
            0.0
        };
        let gain = 0.5 * (self.score - before) - rule.gamma;
        self.test
            .filter(|_| gain > LEAST_GAIN)
            .map(|test| GainSplit { gain, test })
    }
}
