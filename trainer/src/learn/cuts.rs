//! The ways to cut an ordered feature in two.

use super::bin_test::BinTest;
use super::binning::{FeatureBins, MISSING};

/// Calls `consider` with the sum of the left side and the test of every cut of a numeric feature
/// whose histogram is `cells`. A cut lies in the middle of the bins that are empty in the node:
/// values no row of it has are divided between their neighbours. Missing values are tried on both
/// sides, and against all others.
#[inline]
pub(crate) fn each_cut(bins: &FeatureBins, cells: &[u64], mut consider: impl FnMut(u64, BinTest)) {
    let n_bins = bins.n_bins();
    let mut scan = |mut left: u64, missing_left: bool| {
        let mut ends = None;
        for (below, &cell) in cells[1..=n_bins].iter().enumerate() {
            if cell == 0 {
                continue;
            }
            let bin = below + 1;
            if let Some((_, highest)) = ends {
                let bin = usize::midpoint(highest, bin) as u8;
                consider(left, BinTest::AtMost { bin, missing_left });
            }
            left = left.wrapping_add(cell);
            ends = Some((ends.map_or(bin, |(lowest, _)| lowest), bin));
        }
        ends.map(|(lowest, highest)| (left, lowest, highest))
    };
    let missing = cells[usize::from(MISSING)];
    let present = scan(0, false);
    if missing == 0 {
        return;
    }
    scan(missing, true);
    // Against all others: above the highest value or, where that is +inf, below the lowest.
    let Some((present, lowest, highest)) = present else {
        return;
    };
    if highest <= bins.n_cuts() {
        let bin = bins.n_cuts() as u8;
        consider(
            present,
            BinTest::AtMost {
                bin,
                missing_left: false,
            },
        );
    } else if lowest > 1 {
        let bin = lowest as u8 - 1;
        consider(
            missing,
            BinTest::AtMost {
                bin,
                missing_left: true,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::matrix::Column;
    use ndarray::arr1;

    fn cuts(values: &[f32], cells: &[u64]) -> Vec<(u64, u8, bool)> {
        let bins = FeatureBins::fit(arr1(values).view(), Column::Numeric);
        let mut found = Vec::new();
        each_cut(&bins, cells, |left, test| match test {
            BinTest::AtMost { bin, missing_left } => found.push((left, bin, missing_left)),
            BinTest::Within { .. } => panic!("not numeric"),
        });
        found
    }

    #[test]
    fn empty_bins_are_divided() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(
            cuts(&values, &[0, 10, 0, 0, 0, 20, 30]),
            [(10, 3, false), (30, 5, false)]
        );
    }

    #[test]
    fn missing_values_are_tried_on_both_sides_and_alone() {
        let expected = [(10, 1, false), (17, 1, true), (30, 2, false)];
        assert_eq!(cuts(&[1.0, 2.0], &[7, 10, 20]), expected);
        let with_infinity = [1.0, f32::INFINITY];
        assert_eq!(cuts(&with_infinity, &[7, 10, 20]), expected[..2]);
        assert_eq!(cuts(&with_infinity, &[7, 10, 0]), [(10, 1, false)]);
        assert_eq!(cuts(&with_infinity, &[7, 0, 20]), [(7, 1, true)]);
        assert_eq!(cuts(&[f32::NAN], &[7]), []);
    }
}
