//! The fast scorer: a row is compared with every distinct condition once; after that, trees are
//! walked by whole numbers without branches on the data.

use picket_schema::Margin;
use picket_schema::artifact::{ModelTable, TreeLayout, Trees};

use crate::linear;
use crate::model::{Model, Scored, margin_of};
use crate::row::{RowError, check_row};

/// Scores rows with a model. Holds scratch space, so it is made once and used for many rows.
///
/// ```no_run
/// use picket_wasm_model::{Model, Scorer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bytes = std::fs::read("model.picket")?;
/// let model = Model::load(&bytes)?;
/// let mut scorer = Scorer::new(&model);
/// let row = vec![0.0; model.n_features()];
/// println!("{:?}", scorer.score(&row)?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Scorer<'m, 'a> {
    model: &'m Model<'a>,
    /// For each condition the row's answer: 0 goes left, all ones goes right.
    masks: Vec<u32>,
}

impl<'m, 'a> Scorer<'m, 'a> {
    /// Prepares scratch space for a model.
    #[must_use]
    pub fn new(model: &'m Model<'a>) -> Self {
        Self {
            model,
            masks: vec![0; model.conditions().len()],
        }
    }

    /// The model that this scorer uses.
    #[must_use]
    pub fn model(&self) -> &'m Model<'a> {
        self.model
    }

    /// Scores one row. Shape of `row`: `(n_features,)`.
    ///
    /// # Errors
    /// [`RowError::RowLength`] for a row of the wrong length.
    pub fn score(&mut self, row: &[f32]) -> Result<Scored, RowError> {
        check_row(self.model, row)?;
        Ok(self.model.judge(self.margin_of_row(row)))
    }

    /// The margin of one row. Shape of `row`: `(n_features,)`.
    ///
    /// # Errors
    /// [`RowError::RowLength`] for a row of the wrong length.
    pub fn margin(&mut self, row: &[f32]) -> Result<Margin, RowError> {
        check_row(self.model, row)?;
        Ok(self.margin_of_row(row))
    }

    /// Scores many rows. Shape of `rows`: `(n_rows, n_features)`, row-major; of the answer: `(n_rows,)`.
    ///
    /// # Errors
    /// [`RowError::BatchLength`] where `rows` is not a whole number of rows.
    pub fn score_batch(&mut self, rows: &[f32]) -> Result<Vec<Scored>, RowError> {
        let n_features = self.model.n_features();
        if !rows.len().is_multiple_of(n_features) {
            return Err(RowError::BatchLength {
                found: rows.len(),
                n_features,
            });
        }
        let judged = rows.chunks_exact(n_features).map(|row| {
            let margin = self.margin_of_row(row);
            self.model.judge(margin)
        });
        Ok(judged.collect())
    }

    fn margin_of_row(&mut self, row: &[f32]) -> Margin {
        match &self.model.artifact().model {
            ModelTable::Linear(table) => linear::margin(table, self.model.schema(), row),
            ModelTable::Trees(trees) => {
                self.model.conditions().evaluate(row, &mut self.masks);
                margin_of(
                    trees,
                    sum_of_leaves(trees, self.model.layout(), &self.masks),
                )
            }
        }
    }
}

/// Walks every tree and adds the leaves reached.
fn sum_of_leaves(trees: &Trees<'_>, layout: &TreeLayout, masks: &[u32]) -> i64 {
    let mut sum = 0;
    for span in &layout.spans {
        let (mut node, mut size, mut leaf) = (span.node, span.size, span.leaf);
        while size > 0 {
            let condition = trees.node_conditions.get(node as usize).unwrap_or(0);
            let right = masks[condition as usize];
            let left = layout.left_sizes[node as usize];
            let skipped = (left + 1) & right;
            node += 1 + (left & right);
            leaf += skipped;
            size = (left & !right) | ((size - 1 - left) & right);
        }
        sum += i64::from(trees.leaf_value(leaf as usize).unwrap_or(0));
    }
    sum
}
