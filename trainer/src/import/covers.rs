//! Training weights of leaves as small whole numbers. Only their ratios within a tree matter.

use super::peer::PeerTree;

/// The largest cover written: two bytes.
const MAX_COVER: f64 = 65_535.0;

/// What a tree's covers are multiplied by: nothing where they are whole numbers of two bytes, else what brings the
/// largest leaf to 65,535. Rounding then changes a leaf's share by at most 1 in 131,070 of that leaf's.
pub(crate) fn cover_factor(tree: &PeerTree) -> f64 {
    let mut largest = 0.0_f64;
    let mut are_whole = true;
    for (_, _, cover) in tree.iter_leaves() {
        largest = largest.max(cover);
        are_whole &= cover.fract() == 0.0;
    }
    if (are_whole && largest <= MAX_COVER) || largest <= 0.0 {
        1.0
    } else {
        MAX_COVER / largest
    }
}

/// A cover as it is written: at least 1, as the format asks.
pub(crate) fn cover_units(cover: f64, factor: f64) -> u32 {
    (cover * factor).round().clamp(1.0, MAX_COVER) as u32
}
