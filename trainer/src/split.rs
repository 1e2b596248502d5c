//! Parts of the rows for training, for testing and for cross-fitting.
//!
//! Data collected in the wild repeats itself: of the 11,055 rows of the UCI phishing data only
//! 5,785 are distinct. A random split puts copies of one row on both sides, and the test then
//! measures memory. So parts are made of groups of equal rows by default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::random::Random;
use crate::row_groups::RowGroups;

/// The share of the rows that are kept for testing.
pub const TEST_SHARE: f64 = 0.2;

/// How rows are told apart into training and test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitKind {
    /// Rows with equal features stay together.
    #[default]
    Grouped,
    /// Every row for itself.
    Random,
    /// By the order of the rows: the first are learned from, the last measured on, as it is in use. Copies of a row
    /// may stand on both sides; [`Split::memorised_share`] says how many.
    Time,
}

impl SplitKind {
    /// The name that stands in a model card.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grouped => "grouped",
            Self::Random => "random",
            Self::Time => "time",
        }
    }
}

/// Why rows could not be split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// A part would not hold rows of both classes.
    #[error(
        "the {part} part of a {kind} split would hold rows of one class only: found {found} distinct rows in all; expected more"
    )]
    OneClassPart {
        /// The part.
        part: &'static str,
        /// The kind of split.
        kind: &'static str,
        /// How many distinct rows the data has.
        found: usize,
    },
}

/// The rows of the two parts, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The rows to learn from.
    pub train: Vec<usize>,
    /// The rows to measure on.
    pub test: Vec<usize>,
}

impl Split {
    /// Splits 80 to 20, by class: both parts have nearly the same share of positive rows.
    ///
    /// # Errors
    /// [`SplitError::OneClassPart`] where there are too few distinct rows for two parts.
    pub fn new(
        data: &Dataset,
        groups: &RowGroups,
        kind: SplitKind,
        seed: u64,
    ) -> Result<Self, SplitError> {
        let mut random = Random::stream(seed, 0);
        let mut is_test = vec![false; data.n_rows()];
        if kind == SplitKind::Time {
            let n_test = (data.n_rows() as f64 * TEST_SHARE).round() as usize;
            is_test[data.n_rows() - n_test..].fill(true);
        }
        for stratum in strata(data, groups, kind, &mut random) {
            let n_rows: usize = stratum.iter().map(Vec::len).sum();
            let wanted = (n_rows as f64 * TEST_SHARE).round() as usize;
            let mut taken = 0;
            for rows in stratum {
                if taken + rows.len() <= wanted {
                    taken += rows.len();
                    for row_idx in rows {
                        is_test[row_idx] = true;
                    }
                }
            }
        }
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..data.n_rows()).partition(|row_idx| is_test[*row_idx]);
        for (part, rows) in [("training", &train), ("test", &test)] {
            let n_positive = rows
                .iter()
                .filter(|row_idx| data.labels()[**row_idx])
                .count();
            if n_positive == 0 || n_positive == rows.len() {
                let found = groups.n_groups();
                return Err(SplitError::OneClassPart {
                    part,
                    kind: kind.name(),
                    found,
                });
            }
        }
        Ok(Self { train, test })
    }

    /// The share of the test rows whose features also stand in the training part: what a model
    /// could answer from memory.
    #[must_use]
    pub fn memorised_share(&self, groups: &RowGroups) -> f64 {
        let mut is_known = vec![false; groups.n_groups()];
        for row_idx in &self.train {
            is_known[groups.group_of_row()[*row_idx]] = true;
        }
        let known = self
            .test
            .iter()
            .filter(|row_idx| is_known[groups.group_of_row()[**row_idx]]);
        known.count() as f64 / self.test.len().max(1) as f64
    }
}

/// The fold of each row, shape `(n_rows,)`, for cross-fitting: folds of nearly equal size and class
/// balance, in which rows with equal features stay together.
#[must_use]
pub fn grouped_folds(data: &Dataset, groups: &RowGroups, n_folds: usize, seed: u64) -> Vec<usize> {
    folds(data, groups, SplitKind::Grouped, n_folds, seed)
}

/// The fold of each row, shape `(n_rows,)`: folds of nearly equal size and class balance, or by time blocks of
/// rows that follow each other.
#[must_use]
pub fn folds(
    data: &Dataset,
    groups: &RowGroups,
    kind: SplitKind,
    n_folds: usize,
    seed: u64,
) -> Vec<usize> {
    if kind == SplitKind::Time {
        let n_rows = data.n_rows().max(1);
        return (0..data.n_rows())
            .map(|row_idx| row_idx * n_folds / n_rows)
            .collect();
    }
    let mut random = Random::stream(seed, 1);
    let mut fold_of_row = vec![0; data.n_rows()];
    let mut sizes = vec![0; n_folds];
    for stratum in strata(data, groups, kind, &mut random) {
        for rows in stratum {
            let smallest = (0..n_folds)
                .min_by_key(|fold| sizes[*fold])
                .unwrap_or_default();
            sizes[smallest] += rows.len();
            for row_idx in rows {
                fold_of_row[row_idx] = smallest;
            }
        }
    }
    fold_of_row
}

/// The units that must not be torn apart, in random order, by their share of positive rows in
/// quarters: nearly all are purely of one class, the rest stand between.
fn strata(
    data: &Dataset,
    groups: &RowGroups,
    kind: SplitKind,
    random: &mut Random,
) -> Vec<Vec<Vec<usize>>> {
    let units: Vec<Vec<usize>> = match kind {
        SplitKind::Grouped => groups.rows().to_vec(),
        SplitKind::Random => (0..data.n_rows()).map(|row_idx| vec![row_idx]).collect(),
        // Nothing is drawn.
        SplitKind::Time => Vec::new(),
    };
    let mut strata: BTreeMap<usize, Vec<Vec<usize>>> = BTreeMap::new();
    for unit in units {
        let n_positive = unit
            .iter()
            .filter(|row_idx| data.labels()[**row_idx])
            .count();
        let stratum = match n_positive {
            0 => 0,
            n if n == unit.len() => 3,
            n if 2 * n < unit.len() => 1,
            _ => 2,
        };
        strata.entry(stratum).or_default().push(unit);
    }
    let mut strata: Vec<Vec<Vec<usize>>> = strata.into_values().collect();
    for stratum in &mut strata {
        random.shuffle(stratum);
    }
    strata
}
