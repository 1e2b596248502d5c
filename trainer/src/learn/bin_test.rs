//! A split's test, asked of bins.

use super::binning::{FeatureBins, MISSING, add_bin, has_bin};
use super::ensemble::{Condition, Test};

/// Which bins go left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinTest {
    /// Numeric: the bins `1..=bin`, and the missing bin if `missing_left`.
    AtMost { bin: u8, missing_left: bool },
    /// Categorical: the bins in this set, the missing bin being one of them.
    Within { left: [u64; 4] },
}

impl BinTest {
    pub(crate) fn missing_left(&self) -> bool {
        match self {
            Self::AtMost { missing_left, .. } => *missing_left,
            Self::Within { left } => has_bin(left, MISSING),
        }
    }

    /// Whether a row with this bin goes left.
    #[inline]
    pub(crate) fn goes_left(&self, bin: u8) -> bool {
        match self {
            Self::AtMost {
                bin: last,
                missing_left,
            } => {
                // Bin 0 is the missing one: with `first` 1 it wraps to the far right.
                let first = u8::from(!missing_left);
                bin.wrapping_sub(first) <= last - first
            }
            Self::Within { left } => has_bin(left, bin),
        }
    }

    /// Sends missing values left or right in a node that saw none, and with them the categories
    /// it did not see: `absent` holds the bins without weight.
    pub(crate) fn send_absent(&mut self, absent: &[u64; 4], go_left: bool) {
        match self {
            Self::AtMost { missing_left, .. } => {
                if has_bin(absent, MISSING) {
                    *missing_left = go_left;
                }
            }
            Self::Within { left } => {
                if has_bin(absent, MISSING) && go_left {
                    add_bin(left, MISSING);
                }
                if has_bin(left, MISSING) {
                    for (left, absent) in left.iter_mut().zip(absent) {
                        *left |= absent;
                    }
                }
            }
        }
    }

    /// The same question asked of values.
    pub(crate) fn condition(&self, feature: usize, bins: &FeatureBins) -> Condition {
        let test = match self {
            Self::AtMost { bin, .. } => Test::Threshold(bins.threshold(*bin)),
            Self::Within { left } => Test::Categories(bins.categories(left)),
        };
        Condition {
            feature: feature as u32,
            missing_left: self.missing_left(),
            test,
        }
    }
}

/// The bins of a histogram row that hold nothing.
pub(crate) fn absent_bins(cells: &[u64]) -> [u64; 4] {
    let mut absent = [0; 4];
    for (bin, _) in cells.iter().enumerate().filter(|(_, cell)| **cell == 0) {
        add_bin(&mut absent, bin as u8);
    }
    absent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_takes_missing_by_its_flag_alone() {
        for missing_left in [false, true] {
            let test = BinTest::AtMost {
                bin: 2,
                missing_left,
            };
            assert_eq!(test.goes_left(MISSING), missing_left);
            assert!(test.goes_left(1) && test.goes_left(2));
            assert!(!test.goes_left(3) && !test.goes_left(255));
        }
        let last = BinTest::AtMost {
            bin: 255,
            missing_left: false,
        };
        assert!(last.goes_left(255) && !last.goes_left(MISSING));
    }

    #[test]
    fn absent_categories_follow_missing() {
        let mut absent = [0; 4];
        add_bin(&mut absent, MISSING);
        add_bin(&mut absent, 200);
        let mut left = [0; 4];
        add_bin(&mut left, 3);
        let mut test = BinTest::Within { left };
        test.send_absent(&absent, false);
        assert!(test.goes_left(3) && !test.goes_left(200) && !test.goes_left(MISSING));
        test.send_absent(&absent, true);
        assert!(test.goes_left(3) && test.goes_left(200) && test.goes_left(MISSING));
        assert!(!test.goes_left(4));
    }
}
