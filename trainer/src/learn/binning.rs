//! Turns each feature into at most 255 ordered bins, and one for what is missing.

use ndarray::{ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use super::category_set::CategorySet;
use super::matrix::Column;

/// The bin of a missing value. Values have the bins `1..=n_bins`, so a test "bin at most b" sends
/// missing values left by itself.
pub(crate) const MISSING: u8 = 0;
/// How many bins values may have.
pub(crate) const MAX_BINS: usize = 255;
/// Quantiles of more rows than this are taken from an even sample of them.
const QUANTILE_ROWS: usize = 1 << 17;

/// How one feature's values become bins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FeatureBins {
    /// Bin `b` holds the values `x` with `cuts[b - 2] < x <= cuts[b - 1]`.
    Numeric {
        /// Upper ends of the bins. The last bin's is `f32::MAX`, or absent when that bin
        /// holds `+inf`, because a stored threshold must be finite.
        cuts: Vec<f32>,
        n_bins: usize,
    },
    /// `bin_of[code]` is the bin of a category.
    Categorical { bin_of: Vec<u8>, n_bins: usize },
}

impl FeatureBins {
    /// Reads the bins off one column of training data.
    pub(crate) fn fit(values: ArrayView1<'_, f32>, column: Column) -> Self {
        match column {
            Column::Numeric => Self::fit_numeric(values),
            Column::Categorical { n_categories } => Self::fit_categorical(values, n_categories),
        }
    }

    fn fit_numeric(values: ArrayView1<'_, f32>) -> Self {
        let groups = match few_distinct(values) {
            Some(distinct) => distinct.into_iter().map(|value| (value, value)).collect(),
            None => quantile_groups(values),
        };
        let mut cuts = Vec::with_capacity(groups.len());
        for pair in groups.windows(2) {
            cuts.extend(threshold_between(pair[0].1, pair[1].0));
        }
        let n_bins = cuts.len() + usize::from(!groups.is_empty());
        if groups.last().is_some_and(|last| last.1 < f32::INFINITY) {
            cuts.push(f32::MAX);
        }
        Self::Numeric { cuts, n_bins }
    }

    /// Past 255 categories the rarest share the last bin: they cannot be told apart, the others can.
    fn fit_categorical(values: ArrayView1<'_, f32>, n_categories: u32) -> Self {
        let n = n_categories as usize;
        if n <= MAX_BINS {
            return Self::Categorical {
                bin_of: (1..=n as u8).collect(),
                n_bins: n,
            };
        }
        let mut counts = vec![0_u32; n];
        for &value in values {
            if let Some(code) = category(value, n) {
                counts[code] += 1;
            }
        }
        let mut by_count: Vec<usize> = (0..n).collect();
        by_count.sort_by_key(|&code| (std::cmp::Reverse(counts[code]), code));
        let mut bin_of = vec![MAX_BINS as u8; n];
        for (rank, &code) in by_count.iter().take(MAX_BINS - 1).enumerate() {
            bin_of[code] = rank as u8 + 1;
        }
        Self::Categorical {
            bin_of,
            n_bins: MAX_BINS,
        }
    }

    /// How many bins values have; the missing bin is not counted.
    pub(crate) fn n_bins(&self) -> usize {
        match self {
            Self::Numeric { n_bins, .. } | Self::Categorical { n_bins, .. } => *n_bins,
        }
    }

    /// How many of the numeric bins can end the left side of a split.
    pub(crate) fn n_cuts(&self) -> usize {
        match self {
            Self::Numeric { cuts, .. } => cuts.len(),
            Self::Categorical { .. } => 0,
        }
    }

    pub(crate) fn is_categorical(&self) -> bool {
        matches!(self, Self::Categorical { .. })
    }

    /// The bin of one value.
    pub(crate) fn bin(&self, value: f32) -> u8 {
        match self {
            Self::Numeric { cuts, n_bins } => {
                if value.is_nan() || *n_bins == 0 {
                    return MISSING;
                }
                let below = cuts.partition_point(|&cut| cut < value);
                // Only +inf lies above f32::MAX; met in scoring alone, it joins the last bin.
                below.min(n_bins - 1) as u8 + 1
            }
            Self::Categorical { bin_of, .. } => {
                category(value, bin_of.len()).map_or(MISSING, |code| bin_of[code])
            }
        }
    }

    /// The threshold that sends bins up to `bin` left.
    ///
    /// # Panics
    /// When the feature is categorical, or the bin has no upper end.
    pub(crate) fn threshold(&self, bin: u8) -> f32 {
        match self {
            Self::Numeric { cuts, .. } => cuts[usize::from(bin) - 1],
            Self::Categorical { .. } => panic!("a categorical feature has no thresholds"),
        }
    }

    /// The categories whose bin is in `left`.
    ///
    /// # Panics
    /// When the feature is numeric.
    pub(crate) fn categories(&self, left: &[u64; 4]) -> CategorySet {
        let Self::Categorical { bin_of, .. } = self else {
            panic!("a numeric feature has no categories");
        };
        let codes = bin_of.iter().enumerate();
        CategorySet::from_codes(
            bin_of.len(),
            codes
                .filter(|(_, bin)| has_bin(left, **bin))
                .map(|(code, _)| code),
        )
    }
}

/// Whether a set of bins holds `bin`.
pub(crate) fn has_bin(set: &[u64; 4], bin: u8) -> bool {
    set[usize::from(bin >> 6)] >> (bin & 63) & 1 == 1
}

/// Adds `bin` to a set of bins.
pub(crate) fn add_bin(set: &mut [u64; 4], bin: u8) {
    set[usize::from(bin >> 6)] |= 1 << (bin & 63);
}

/// The bins of every column of `features`, `(n_rows, n_features)`.
pub(crate) fn fit_bins(features: ArrayView2<'_, f32>, columns: &[Column]) -> Vec<FeatureBins> {
    (0..columns.len())
        .into_par_iter()
        .map(|feature| FeatureBins::fit(features.index_axis(Axis(1), feature), columns[feature]))
        .collect()
}

/// The code in `0..n` that `value` spells, if it does.
pub(crate) fn category(value: f32, n: usize) -> Option<usize> {
    // NaN fails the first comparison, fractions the second.
    (value >= 0.0 && value.fract() == 0.0 && value < n as f32).then_some(value as usize)
}

/// A finite threshold `t` with `below <= t < above`, near the middle; none exists only between
/// `-inf` and the lowest finite number.
pub(crate) fn threshold_between(below: f32, above: f32) -> Option<f32> {
    debug_assert!(below < above);
    let lowest = below.max(f32::MIN);
    if lowest >= above {
        return None;
    }
    let middle = f64::midpoint(f64::from(lowest), f64::from(above.min(f32::MAX))) as f32;
    // Between neighbouring numbers the middle rounds to one of them, perhaps the upper.
    Some(if middle < above {
        middle.max(lowest)
    } else {
        lowest
    })
}

/// Orders finite and infinite numbers as their values do; -0 and 0 are one value.
fn key_of(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    }
}

fn value_of(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 {
        key & !(1 << 31)
    } else {
        !key
    })
}

/// The distinct values in order, unless there are more than bins.
fn few_distinct(values: ArrayView1<'_, f32>) -> Option<Vec<f32>> {
    const SLOTS: usize = 1024;
    let mut slots = [None::<u32>; SLOTS];
    let mut keys: Vec<u32> = Vec::with_capacity(MAX_BINS);
    for &value in values {
        if value.is_nan() {
            continue;
        }
        let key = key_of(value);
        let mut slot = (key.wrapping_mul(0x9E37_79B1) >> 22) as usize;
        loop {
            match slots[slot] {
                Some(found) if found == key => break,
                Some(_) => slot = (slot + 1) % SLOTS,
                None => {
                    if keys.len() == MAX_BINS {
                        return None;
                    }
                    slots[slot] = Some(key);
                    keys.push(key);
                    break;
                }
            }
        }
    }
    keys.sort_unstable();
    Some(keys.into_iter().map(value_of).collect())
}

/// The lowest and highest value of each of at most 255 bins of about equal counts. A value more
/// frequent than a bin should be gets a bin of its own.
fn quantile_groups(values: ArrayView1<'_, f32>) -> Vec<(f32, f32)> {
    let stride = values.len().div_ceil(QUANTILE_ROWS).max(1);
    let present = values
        .iter()
        .step_by(stride)
        .filter(|value| !value.is_nan());
    let mut keys: Vec<u32> = present.map(|&value| key_of(value)).collect();
    keys.sort_unstable();

    let mut groups = Vec::with_capacity(MAX_BINS);
    let mut rest = keys.len();
    let mut start = 0;
    let mut at = 0;
    while at < keys.len() {
        let run = keys[at..].partition_point(|&key| key == keys[at]);
        let bins_left = MAX_BINS - groups.len();
        let target = rest.div_ceil(bins_left);
        if at > start && run >= target && bins_left > 1 {
            // A frequent value ends the bin before it.
            groups.push((value_of(keys[start]), value_of(keys[at - 1])));
            rest -= at - start;
            start = at;
            continue;
        }
        at += run;
        if at - start >= target || at == keys.len() {
            groups.push((value_of(keys[start]), value_of(keys[at - 1])));
            rest -= at - start;
            start = at;
        }
    }
    groups
}

#[cfg(test)]
#[path = "binning_tests.rs"]
mod tests;
