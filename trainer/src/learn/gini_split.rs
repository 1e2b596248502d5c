//! The best split of one feature by Gini impurity.

use super::bin_test::BinTest;
use super::binning::{FeatureBins, MISSING, add_bin};
use super::cuts::each_cut;
use super::table::Classes;
use crate::random::Random;

/// What decides which splits are allowed and how good they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GiniRule {
    /// Least weight on either side, in units; at least 1.
    pub(crate) min_leaf: u64,
    /// What a positive row's weight is multiplied by.
    pub(crate) positive_weight: f64,
}

/// A split and its score: the sum of [`GiniRule::score`] over both sides, to be maximised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GiniSplit {
    pub(crate) score: f64,
    pub(crate) test: BinTest,
}

impl GiniRule {
    /// `sum of w_c^2 / sum of w_c` over the classes `c`. The Gini impurity of a node of weight `w`
    /// times `w` is `w - score` (Breiman et al., Classification and Regression Trees, 1984,
    /// section 4.3), so the best split has the highest sum of scores.
    #[inline]
    pub(crate) fn score(&self, classes: Classes) -> f64 {
        let negative = f64::from(classes.negative);
        let positive = f64::from(classes.positive) * self.positive_weight;
        let sum = negative + positive;
        (negative * negative + positive * positive) / sum
    }

    /// The share of the positive class.
    pub(crate) fn fraction(&self, classes: Classes) -> f64 {
        let positive = f64::from(classes.positive) * self.positive_weight;
        positive / (f64::from(classes.negative) + positive)
    }

    #[inline]
    fn score_sides(&self, left: u64, node: u64) -> Option<f64> {
        let (left, right) = (
            Classes::from_packed(left),
            Classes::from_packed(node - left),
        );
        (left.total() >= self.min_leaf && right.total() >= self.min_leaf)
            .then(|| self.score(left) + self.score(right))
    }

    /// The best split of a feature with histogram `cells` (`cells[bin]` is a packed [`Classes`]),
    /// which sum to `node`. Missing values are tried on both sides.
    pub(crate) fn best(&self, bins: &FeatureBins, cells: &[u64], node: u64) -> Option<GiniSplit> {
        if bins.is_categorical() {
            return self.best_subset(cells, node);
        }
        let mut best: Option<GiniSplit> = None;
        each_cut(bins, cells, |left, test| {
            self.improve(&mut best, left, node, test);
        });
        best
    }

    #[inline]
    fn improve(&self, best: &mut Option<GiniSplit>, left: u64, node: u64, test: BinTest) {
        if let Some(score) = self.score_sides(left, node)
            && best.is_none_or(|best| score > best.score)
        {
            *best = Some(GiniSplit { score, test });
        }
    }

    /// For two classes the best of all subsets is a prefix of the categories in order of their
    /// positive share (Breiman et al. 1984, theorem 4.5). Missing is one category more.
    fn best_subset(&self, cells: &[u64], node: u64) -> Option<GiniSplit> {
        let mut present: Vec<(f64, u8, u64)> = cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| **cell != 0)
            .map(|(bin, &cell)| (self.fraction(Classes::from_packed(cell)), bin as u8, cell))
            .collect();
        present.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut best: Option<GiniSplit> = None;
        let mut side = [0; 4];
        let mut left = 0;
        for &(_, bin, cell) in present.iter().take(present.len().saturating_sub(1)) {
            add_bin(&mut side, bin);
            left += cell;
            self.improve(&mut best, left, node, BinTest::Within { left: side });
        }
        best
    }

    /// One split at random: for a numeric feature a cut drawn evenly from those between its lowest
    /// and highest bin in the node, for a categorical one a random subset of its categories there
    /// (Geurts, Ernst and Wehenkel, Extremely randomized trees, 2006). Missing values take the
    /// better side.
    pub(crate) fn random(
        &self,
        bins: &FeatureBins,
        cells: &[u64],
        node: u64,
        random: &mut Random,
    ) -> Option<GiniSplit> {
        if bins.is_categorical() {
            return self.random_subset(cells, node, random);
        }
        let missing = cells[usize::from(MISSING)];
        let lowest = 1 + cells[1..].iter().position(|&cell| cell != 0)?;
        let highest = cells.iter().rposition(|&cell| cell != 0)?;
        let cut = if lowest < highest {
            lowest + random.below(highest - lowest)
        } else if missing != 0 && highest <= bins.n_cuts() {
            highest
        } else {
            return None;
        };
        let left: u64 = cells[lowest..=cut].iter().sum();
        let split = |left, missing_left| {
            let test = BinTest::AtMost {
                bin: cut as u8,
                missing_left,
            };
            self.score_sides(left, node)
                .map(|score| GiniSplit { score, test })
        };
        let missing_right = split(left, false);
        let missing_left = if missing == 0 {
            None
        } else {
            split(left + missing, true)
        };
        match (missing_right, missing_left) {
            (Some(right), Some(left)) if left.score > right.score => Some(left),
            (None, left) => left,
            (right, _) => right,
        }
    }

    fn random_subset(&self, cells: &[u64], node: u64, random: &mut Random) -> Option<GiniSplit> {
        let present: Vec<usize> = (0..cells.len()).filter(|&bin| cells[bin] != 0).collect();
        if present.len() < 2 {
            return None;
        }
        let mut side = [0; 4];
        let mut left = 0;
        // One category stays right and another goes left, so that neither side is empty.
        let stays = random.below(present.len());
        let goes = (stays + 1 + random.below(present.len() - 1)) % present.len();
        let mut bits = 0;
        for (at, &bin) in present.iter().enumerate() {
            if at % 64 == 0 {
                bits = random.bits();
            }
            if at == goes || at != stays && bits >> (at % 64) & 1 == 1 {
                add_bin(&mut side, bin as u8);
                left += cells[bin];
            }
        }
        let test = BinTest::Within { left: side };
        self.score_sides(left, node)
            .map(|score| GiniSplit { score, test })
    }
}
