//! Scores rows with one member of a model: the whole model where it is no blend.

use picket_schema::artifact::{Linear, ModelColumns, ModelTable, Trees};

use crate::fast::{self, Scratch};
use crate::kernel::KernelScorer;
use crate::linear;
use crate::model::{Model, margin_of};
use crate::neighbours::NeighbourScorer;
use crate::prepared_trees::PreparedTrees;

/// A member, with the scratch space that its kind needs.
#[derive(Debug)]
pub(crate) enum MemberScorer<'m, 'a> {
    Trees(TreeScorer<'m, 'a>),
    Linear(&'m Linear<'a>, &'m ModelColumns),
    Neighbours(NeighbourScorer<'m, 'a>),
    Kernel(KernelScorer<'m, 'a>),
}

impl<'m, 'a> MemberScorer<'m, 'a> {
    /// The members of a model, each with its weight.
    pub(crate) fn of_model(model: &'m Model<'a>) -> Vec<(f64, Self)> {
        let columns = model.columns();
        let mut prepared = model.prepared_trees().iter();
        let members = model.artifact().model.members();
        let members = members.filter_map(|(weight, table)| {
            let member = match table {
                ModelTable::Trees(trees) => Self::Trees(TreeScorer {
                    prepared: prepared.next()?,
                    trees,
                    columns,
                    scratch: Scratch::default(),
                    rights: Vec::new(),
                    sums: Vec::new(),
                }),
                ModelTable::Linear(table) => Self::Linear(table, columns),
                ModelTable::Neighbours(table) => {
                    Self::Neighbours(NeighbourScorer::new(table, columns))
                }
                ModelTable::Kernel(table) => Self::Kernel(KernelScorer::new(table, columns)),
                // The reader takes no blend in a blend.
                ModelTable::Blend(_) => return None,
            };
            Some((weight, member))
        });
        members.collect()
    }

    /// Writes the margins of some rows, at most [`fast::CHUNK_ROWS`]. Shape of `rows`: `(n_rows, n_columns)`; of
    /// `margins`: `(n_rows,)`.
    pub(crate) fn margins(&mut self, rows: &[f32], n_columns: usize, margins: &mut Vec<f64>) {
        margins.clear();
        let mut each = |margin: &mut dyn FnMut(&[f32]) -> f64| {
            margins.extend(rows.chunks_exact(n_columns).map(margin));
        };
        match self {
            Self::Trees(trees) => trees.margins(rows, n_columns, margins),
            Self::Linear(table, columns) => each(&mut |row| linear::margin(table, columns, row).0),
            Self::Neighbours(scorer) => each(&mut |row| scorer.margin(row)),
            Self::Kernel(scorer) => each(&mut |row| scorer.margin(row)),
        }
    }
}

/// Scores rows with one table of trees.
#[derive(Debug)]
pub(crate) struct TreeScorer<'m, 'a> {
    prepared: &'m PreparedTrees,
    trees: &'m Trees<'a>,
    columns: &'m ModelColumns,
    scratch: Scratch,
    /// A row's answers to all conditions. Shape: `(n_conditions,)`.
    rights: Vec<u32>,
    /// The sums of the leaves of the rows scored last.
    sums: Vec<i64>,
}

impl TreeScorer<'_, '_> {
    fn margins(&mut self, rows: &[f32], n_columns: usize, margins: &mut Vec<f64>) {
        self.sum_rows(rows, n_columns);
        margins.extend(self.sums.iter().map(|sum| margin_of(self.trees, *sum).0));
    }

    /// Sums the leaves of some rows.
    fn sum_rows(&mut self, rows: &[f32], n_columns: usize) {
        let (prepared, rows) = (self.prepared, rows.chunks_exact(n_columns));
        let conditions = prepared.conditions();
        if let Some(fast) = prepared.fast(self.trees, self.columns, rows.len()) {
            let (scratch, sums) = (&mut self.scratch, &mut self.sums);
            fast.sum_of_leaves(conditions, rows, scratch, sums);
            return;
        }
        self.sums.clear();
        self.rights.resize(conditions.len(), 0);
        for row in rows {
            conditions.evaluate(row, &mut self.rights);
            let sum = fast::sum_of_leaves(self.trees, prepared.layout(), &self.rights);
            self.sums.push(sum);
        }
    }
}
