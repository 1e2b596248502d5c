//! The unit of the fixed-point leaves, as coarse as the peer's own rounding allows.
//!
//! A sum of `n` terms in 32 bits, each partial sum at most `P`, is off by at most `n * 2^-24 * P`: every addition
//! rounds to the nearest, by half a unit in the last place. Leaves rounded to units of `2^-k` are off by at most
//! `n * 2^-(k+1)` in all. The leaves get the fewest bits at which the second is no larger than the first, and then the
//! finest unit that those bits hold. A peer that adds in 64 bits is carried to the same accuracy: its leaves come
//! from gradients of 32 bits.

use picket_schema::limits::{MAX_BASE, MAX_SCALE_LOG2};

use super::error::ImportError;
use super::peer::{Arithmetic, PeerModel};

/// Half a unit in the last place of 1, in 32 bits.
const ROUNDING_F32: f64 = 1.0 / 16_777_216.0;
/// The same in 64 bits.
const ROUNDING_F64: f64 = 1.0 / 9_007_199_254_740_992.0;
/// No leaf is known more finely than this; a finer unit would only cost bits.
const FINEST: i32 = 40;

/// How a peer's leaves and base become whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LeafScale {
    /// A leaf times this is what it adds to the margin.
    factor: f64,
    /// What the margin is where every leaf is 0.
    pub(crate) base: f64,
    pub(crate) scale_log2: u8,
    /// Bits that a leaf's value takes at most.
    pub(crate) width: u32,
    /// What rounding to units can change in a margin.
    pub(crate) quantisation_bound: f64,
    /// What the peer's own rounding can change in a margin, added in the file's order.
    pub(crate) peer_bound: f64,
}

impl LeafScale {
    /// Chooses the unit. `sign` is -1 where the margin is that of the peer's other class, `base` its constant.
    pub(crate) fn new(model: &PeerModel, sign: f64, base: f64) -> Result<Self, ImportError> {
        let factor = sign / model.divisor;
        let mut largest = 0.0_f64;
        // The lowest and the highest sum so far, and the largest magnitude that any had.
        let (mut low, mut high) = (0.0, 0.0);
        let mut partial = base.abs();
        let mut products = 0.0;
        for tree in &model.trees {
            let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
            for (_, value, _) in tree.iter_leaves() {
                let value = value * tree.weight * factor;
                (least, most) = (least.min(value), most.max(value));
            }
            largest = largest.max(least.abs()).max(most.abs());
            if tree.weight != 1.0 {
                products += least.abs().max(most.abs());
            }
            (low, high) = (low + least, high + most);
            // With and without the base: peers add it first or last.
            for sum in [low, high, low + base, high + base] {
                partial = partial.max(sum.abs());
            }
        }
        if !largest.is_finite() || !partial.is_finite() {
            return Err(ImportError::LeafRange { found: largest });
        }
        let n_terms = model.trees.len() as f64 + 1.0;
        let allowed = n_terms * ROUNDING_F32 * partial + products * ROUNDING_F32;
        let bound_at = |scale_log2: i32| n_terms * 0.5 * 2_f64.powi(-scale_log2);
        let (mut width, mut scale_log2) = (8, finest(largest, base, 8));
        while width < 32 && scale_log2.is_none_or(|k| bound_at(k) > allowed) {
            width += 1;
            scale_log2 = finest(largest, base, width);
        }
        let scale_log2 = scale_log2.ok_or(ImportError::LeafRange { found: largest })?;
        let rounding = match model.arithmetic {
            Arithmetic::F32 => ROUNDING_F32,
            Arithmetic::F64 => ROUNDING_F64,
        };
        // A division is one rounding more, and so is a product.
        let n_roundings = n_terms + 1.0;
        Ok(Self {
            factor,
            base,
            scale_log2: scale_log2 as u8,
            width,
            quantisation_bound: bound_at(scale_log2),
            peer_bound: n_roundings * rounding * partial + products * rounding,
        })
    }

    /// A leaf in units.
    pub(crate) fn units(&self, value: f64, weight: f64) -> i32 {
        // Within 32 bits by the choice of the unit; a float's cast saturates anyway.
        (value * weight * self.factor * self.scale()).round_ties_even() as i32
    }

    /// The base in units.
    pub(crate) fn base_units(&self) -> i64 {
        (self.base * self.scale()).round_ties_even() as i64
    }

    fn scale(&self) -> f64 {
        2_f64.powi(i32::from(self.scale_log2))
    }
}

/// The finest unit with which the largest leaf fits into so many bits, and the base into its field.
fn finest(largest: f64, base: f64, width: u32) -> Option<i32> {
    let max_leaf = 2_f64.powi(width.cast_signed() - 1) - 1.0;
    let max = FINEST.min(i32::from(MAX_SCALE_LOG2));
    (0..=max).rev().find(|k| {
        let scale = 2_f64.powi(*k);
        (largest * scale).round_ties_even() <= max_leaf && base.abs() * scale <= MAX_BASE as f64
    })
}
