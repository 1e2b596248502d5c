//! What a node's feature does to the product on its path, at every point of a quadrature rule.

use crate::gauss_legendre::GaussLegendre;
use picket_kernels::{MAX_PAIRS, Pair};

/// The most products of shares that are remembered, to give equal ones one factor.
const REMEMBERED: usize = 4096;

/// The factors at all points of one rule. `tree_shap.rs` says what they are.
#[derive(Debug)]
pub(crate) struct FactorTable {
    /// How many pairs of points a walk takes: 1 to [`MAX_PAIRS`].
    pub(crate) n_pairs: usize,
    /// One a walk: for each factor its slopes, then its weights.
    /// Shape of each: `(n_factors, 2, n_pairs)`.
    pub(crate) walks: Vec<Vec<Pair>>,
    rule: GaussLegendre,
    n_factors: u32,
    /// Products of shares by their bits, with their factors; a newer one takes an older one's place.
    remembered: Vec<(u64, u32)>,
}

/// The pairs of a walk and the number of walks for paths of `n_features` distinct features.
pub(crate) fn walks_for(n_features: usize) -> (usize, usize) {
    let n_pairs = n_features.div_ceil(4).max(1);
    let n_walks = n_pairs.div_ceil(MAX_PAIRS);
    (n_pairs.div_ceil(n_walks), n_walks)
}

impl FactorTable {
    /// A table with the first two factors, for a model of `n_nodes`.
    pub(crate) fn new(n_pairs: usize, n_walks: usize, n_nodes: usize) -> Self {
        let n_remembered = (n_nodes / 4).clamp(64, REMEMBERED).next_power_of_two();
        let mut table = Self {
            n_pairs,
            walks: vec![Vec::new(); n_walks],
            rule: GaussLegendre::new(2 * n_pairs * n_walks),
            n_factors: 0,
            remembered: vec![(u64::MAX, 0); n_remembered],
        };
        table.push(|_, _| (1.0, 0.0));
        table.push(|t, w| (1.0 - t, w));
        table
    }

    /// What the factors take.
    pub(crate) fn n_bytes(&self) -> usize {
        self.n_factors as usize * 2 * self.n_pairs * self.walks.len() * size_of::<Pair>()
    }

    /// The factor of a node that asks a feature again, after edges with this product of shares.
    pub(crate) fn again(&mut self, share: f64) -> u32 {
        let bits = share.to_bits();
        // Fibonacci hashing: the product's upper bits depend on all bits.
        let slot = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - self.remembered.len().ilog2());
        let (known, factor) = self.remembered[slot as usize];
        if known == bits {
            return factor;
        }
        let factor = self.push(|t, w| {
            let share_out = share * (1.0 - t);
            let inverse = 1.0 / (t + share_out);
            (share_out * inverse, w * share * inverse * inverse)
        });
        self.remembered[slot as usize] = (bits, factor);
        factor
    }

    /// Adds a factor, given by slope and weight for a point and its weight in the rule.
    fn push(&mut self, factor: impl Fn(f64, f64) -> (f64, f64)) -> u32 {
        let points = self.rule.points.as_chunks::<2>().0;
        let weights = self.rule.weights.as_chunks::<2>().0;
        let walks = points
            .chunks(self.n_pairs)
            .zip(weights.chunks(self.n_pairs));
        for (walk, (points, weights)) in self.walks.iter_mut().zip(walks) {
            let start = walk.len();
            walk.resize(start + 2 * self.n_pairs, Pair::splat(0.0));
            let (slopes, factor_weights) = walk[start..].split_at_mut(self.n_pairs);
            let rule = points.iter().zip(weights);
            for ((slope, weight), (t, w)) in slopes.iter_mut().zip(factor_weights).zip(rule) {
                let (first, second) = (factor(t[0], w[0]), factor(t[1], w[1]));
                *slope = Pair::new(first.0, second.0);
                *weight = Pair::new(first.1, second.1);
            }
        }
        self.n_factors += 1;
        self.n_factors - 1
    }
}
