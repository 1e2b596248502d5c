//! The values of one column with their classes, and how well the column alone tells the classes
//! apart.

use crate::dataset::Dataset;

/// How many bins the values of a column with many are put in.
const N_BINS: usize = 64;

/// A bin or value of fewer rows says little by its own rate.
const MIN_ROWS: u64 = 20;

/// How often a value stands in rows, and in positive ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) n: u64,
    pub(super) n_positive: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.n += other.n;
        self.n_positive += other.n_positive;
    }

    fn n_negative(self) -> u64 {
        self.n - self.n_positive
    }
}

/// The values of one column.
#[derive(Clone, Debug)]
pub(super) struct ColumnValues {
    /// Distinct values, ascending, and their tallies.
    pub(super) distinct: Vec<(f32, Tally)>,
    /// Rows without a value.
    pub(super) missing: Tally,
}

impl ColumnValues {
    pub(super) fn of(data: &Dataset, feature_idx: usize) -> Self {
        let column = data.features().column(feature_idx);
        let mut missing = Tally::default();
        let mut values: Vec<(f32, bool)> = Vec::with_capacity(data.n_rows());
        for (value, label) in column.iter().zip(data.labels()) {
            if value.is_nan() {
                missing.add(Tally {
                    n: 1,
                    n_positive: u64::from(*label),
                });
            } else {
                values.push((*value, *label));
            }
        }
        values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut distinct: Vec<(f32, Tally)> = Vec::new();
        for (value, label) in values {
            let tally = Tally {
                n: 1,
                n_positive: u64::from(label),
            };
            match distinct.last_mut() {
                Some((last, sum)) if *last == value => sum.add(tally),
                _ => distinct.push((value, tally)),
            }
        }
        Self { distinct, missing }
    }

    /// Rows with a value.
    pub(super) fn n_present(&self) -> u64 {
        self.distinct.iter().map(|(_, tally)| tally.n).sum()
    }

    /// How many different things stand in the column; missing is one.
    pub(super) fn n_distinct(&self) -> usize {
        self.distinct.len() + usize::from(self.missing.n > 0)
    }

    /// Neighbouring values put together into about `n_bins` of nearly equal size.
    pub(super) fn bins(&self, n_bins: usize) -> Vec<(f32, f32, Tally)> {
        let target = self.n_present().div_ceil(n_bins.max(1) as u64).max(1);
        let mut bins: Vec<(f32, f32, Tally)> = Vec::new();
        for (value, tally) in &self.distinct {
            match bins.last_mut() {
                Some((_, to, sum)) if sum.n + tally.n / 2 < target => {
                    *to = *value;
                    sum.add(*tally);
                }
                _ => bins.push((*value, *value, *tally)),
            }
        }
        bins
    }

    /// Whether each of two values stands for one class, as a copy of the label does.
    pub(super) fn equals_label(&self) -> bool {
        let mut groups: Vec<Tally> = self.distinct.iter().map(|(_, tally)| *tally).collect();
        if self.missing.n > 0 {
            groups.push(self.missing);
        }
        let is_pure = |tally: &Tally| tally.n_positive == 0 || tally.n_positive == tally.n;
        groups.len() == 2
            && groups.iter().all(is_pure)
            && (groups[0].n_positive == 0) != (groups[1].n_positive == 0)
    }

    /// The ROC-AUC of the best rule that knows this column alone: its values, or bins of them, in the
    /// order of their share of positive rows, or in their own order. Values of few rows count together, for
    /// the rate of a few rows is chance.
    pub(super) fn best_auc(&self) -> f64 {
        let n_bins = N_BINS.min((self.n_present() / MIN_ROWS) as usize).max(1);
        let mut groups: Vec<Tally> = if self.distinct.len() > n_bins {
            self.bins(n_bins)
                .iter()
                .map(|(_, _, tally)| *tally)
                .collect()
        } else {
            self.distinct.iter().map(|(_, tally)| *tally).collect()
        };
        groups.push(self.missing);
        let mut rest = Tally::default();
        groups.retain(|tally| {
            let stays = tally.n >= MIN_ROWS;
            if !stays {
                rest.add(*tally);
            }
            stays
        });
        groups.push(rest);
        // Shares compared without dividing.
        groups
            .sort_by_key(|tally| (u128::from(tally.n_positive) << 64) / u128::from(tally.n.max(1)));
        let by_rate = auc(groups);
        let by_value = auc(self.distinct.iter().map(|(_, tally)| *tally));
        let share_present =
            self.n_present() as f64 / (self.n_present() + self.missing.n).max(1) as f64;
        // The order of the values says nothing of rows without one.
        let by_value = 0.5 + (by_value - 0.5).abs() * share_present;
        by_rate.max(by_value)
    }
}

/// The ROC-AUC of groups whose later ones have higher scores; rows of one group are tied.
fn auc(groups: impl IntoIterator<Item = Tally>) -> f64 {
    let (mut n_positive, mut n_negative, mut won) = (0.0, 0.0, 0.0);
    for group in groups {
        let (positive, negative) = (group.n_positive as f64, group.n_negative() as f64);
        won += positive * (n_negative + 0.5 * negative);
        n_positive += positive;
        n_negative += negative;
    }
    if n_positive == 0.0 || n_negative == 0.0 {
        return 0.5;
    }
    won / (n_positive * n_negative)
}
