//! Which rows have equal features.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use crate::dataset::Dataset;

/// The rows of a data set, put together where their features are equal, bit by bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowGroups {
    group_of_row: Vec<usize>,
    rows: Vec<Vec<usize>>,
}

/// A row that stays where it is, compared bit by bit.
struct RowBits<'a>(&'a [f32]);

impl RowBits<'_> {
    fn bits(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|value| value.to_bits())
    }
}

impl PartialEq for RowBits<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bits().eq(other.bits())
    }
}

impl Eq for RowBits<'_> {}

impl Hash for RowBits<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for bits in self.bits() {
            state.write_u32(bits);
        }
    }
}

impl RowGroups {
    /// Finds equal rows. Groups are numbered by their first row.
    #[must_use]
    pub fn of(data: &Dataset) -> Self {
        let mut numbers: HashMap<RowBits<'_>, usize> = HashMap::new();
        let mut rows: Vec<Vec<usize>> = Vec::new();
        let group_of_row = (0..data.n_rows())
            .map(|row_idx| {
                let key = RowBits(data.row(row_idx));
                let group = *numbers.entry(key).or_insert(rows.len());
                if group == rows.len() {
                    rows.push(Vec::new());
                }
                rows[group].push(row_idx);
                group
            })
            .collect();
        Self { group_of_row, rows }
    }

    /// How many distinct rows there are.
    #[must_use]
    pub fn n_groups(&self) -> usize {
        self.rows.len()
    }

    /// The group of each row. Shape: `(n_rows,)`.
    #[must_use]
    pub fn group_of_row(&self) -> &[usize] {
        &self.group_of_row
    }

    /// The rows of each group, ascending. Shape: `(n_groups,)`.
    #[must_use]
    pub fn rows(&self) -> &[Vec<usize>] {
        &self.rows
    }
}
