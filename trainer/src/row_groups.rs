//! Which rows have equal features.

use std::collections::HashMap;

use crate::dataset::Dataset;

/// The rows of a data set, put together where their features are equal, bit by bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowGroups {
    group_of_row: Vec<usize>,
    rows: Vec<Vec<usize>>,
}

impl RowGroups {
    /// Finds equal rows. Groups are numbered by their first row.
    #[must_use]
    pub fn of(data: &Dataset) -> Self {
        let mut numbers: HashMap<Vec<u32>, usize> = HashMap::with_capacity(data.n_rows());
        let mut rows: Vec<Vec<usize>> = Vec::new();
        let group_of_row = (0..data.n_rows())
            .map(|row_idx| {
                let key = data
                    .row(row_idx)
                    .iter()
                    .map(|value| value.to_bits())
                    .collect();
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
