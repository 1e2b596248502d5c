//! The fast scorer: a row is compared with every distinct condition once; after that, trees are
//! walked by whole numbers without branches on the data.

use picket_schema::Margin;
use picket_schema::artifact::{ModelTable, Trees};

use crate::fast::{self, CHUNK_ROWS, Scratch};
use crate::linear;
use crate::model::{Model, Scored, margin_of};
use crate::row::{RowError, check_row};
use crate::row_transform::TransformScratch;

/// Scores rows with a model. Holds scratch space, so it is made once and used for many rows. What takes
/// longer to make than a few rows take to score is the model's own, and made once for all its scorers.
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
    scratch: Scratch,
    transforming: TransformScratch,
    /// Rows after the transform; unused where there is none. Shape: `(n_rows, n_columns)`.
    transformed: Vec<f32>,
    /// A row's answers to all conditions. Shape: `(n_conditions,)`.
    rights: Vec<u32>,
    /// The sums of the leaves of the rows scored last.
    sums: Vec<i64>,
}

impl<'m, 'a> Scorer<'m, 'a> {
    /// Prepares scratch space for a model.
    #[must_use]
    pub fn new(model: &'m Model<'a>) -> Self {
        Self {
            model,
            scratch: Scratch::default(),
            transforming: TransformScratch::default(),
            transformed: Vec::new(),
            rights: Vec::new(),
            sums: Vec::new(),
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
        Ok(self.model.judge(self.margin(row)?))
    }

    /// The margin of one row. Shape of `row`: `(n_features,)`.
    ///
    /// # Errors
    /// [`RowError::RowLength`] for a row of the wrong length.
    pub fn margin(&mut self, row: &[f32]) -> Result<Margin, RowError> {
        check_row(self.model, row)?;
        Ok(self.with_columns(row, Self::margin_of_columns))
    }

    /// Hands over rows as the model reads them. Shape of `rows`: `(n_rows, n_features)`, of what is
    /// handed over: `(n_rows, n_columns)`.
    pub(crate) fn with_columns<T>(
        &mut self,
        rows: &[f32],
        read: impl FnOnce(&mut Self, &[f32]) -> T,
    ) -> T {
        let transform = self.model.transform();
        if transform.is_empty() {
            return read(self, rows);
        }
        let mut columns = core::mem::take(&mut self.transformed);
        columns.clear();
        for row in rows.chunks_exact(self.model.n_features()) {
            let steps = &self.model.artifact().transform;
            transform.append(steps, row, &mut self.transforming, &mut columns);
        }
        let answer = read(self, &columns);
        self.transformed = columns;
        answer
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
        let model = self.model;
        let mut scored = Vec::with_capacity(rows.len() / n_features);
        for chunk in rows.chunks(CHUNK_ROWS * n_features) {
            self.with_columns(chunk, |this, columns| match &model.artifact().model {
                ModelTable::Trees(trees) => {
                    this.sum_rows(trees, columns);
                    let margins = this.sums.iter().map(|sum| margin_of(trees, *sum));
                    scored.extend(margins.map(|margin| model.judge(margin)));
                }
                ModelTable::Linear(_) => {
                    let rows = columns.chunks_exact(model.columns().len());
                    scored.extend(rows.map(|row| model.judge(this.margin_of_columns(row))));
                }
            });
        }
        Ok(scored)
    }

    /// Sums the leaves of some rows. Shape of `rows`: `(n_rows, n_columns)`.
    fn sum_rows(&mut self, trees: &Trees<'_>, rows: &[f32]) {
        let model = self.model;
        let rows = rows.chunks_exact(model.columns().len());
        if let Some(fast) = model.fast(trees, rows.len()) {
            let (scratch, sums) = (&mut self.scratch, &mut self.sums);
            fast.sum_of_leaves(model.conditions(), rows, scratch, sums);
            return;
        }
        self.sums.clear();
        self.rights.resize(model.conditions().len(), 0);
        for row in rows {
            model.conditions().evaluate(row, &mut self.rights);
            let sum = fast::sum_of_leaves(trees, model.layout(), &self.rights);
            self.sums.push(sum);
        }
    }

    /// The margin of one row after the transform. Shape of `row`: `(n_columns,)`.
    fn margin_of_columns(&mut self, row: &[f32]) -> Margin {
        match &self.model.artifact().model {
            ModelTable::Linear(table) => linear::margin(table, self.model.columns(), row),
            ModelTable::Trees(trees) => {
                self.sum_rows(trees, row);
                margin_of(trees, self.sums[0])
            }
        }
    }
}
