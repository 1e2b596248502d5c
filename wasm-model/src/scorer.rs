//! The fast scorer: a row is compared with every distinct condition once; after that, trees are
//! walked by whole numbers without branches on the data.

use picket_schema::Margin;
use picket_schema::artifact::ModelTable;

use crate::fast::CHUNK_ROWS;
use crate::member_scorer::MemberScorer;
use crate::model::{Model, Scored};
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
    /// What the margin of a blend starts from; nothing for other models.
    bias: Option<f64>,
    members: Vec<(f64, MemberScorer<'m, 'a>)>,
    transforming: TransformScratch,
    /// Rows after the transform; unused where there is none. Shape: `(n_rows, n_columns)`.
    transformed: Vec<f32>,
    /// The margins of the rows scored last, and those of one member.
    margins: Vec<f64>,
    of_member: Vec<f64>,
}

impl<'m, 'a> Scorer<'m, 'a> {
    /// Prepares scratch space for a model.
    #[must_use]
    pub fn new(model: &'m Model<'a>) -> Self {
        let bias = match &model.artifact().model {
            ModelTable::Blend(blend) => Some(blend.bias),
            _ => None,
        };
        Self {
            model,
            bias,
            members: MemberScorer::of_model(model),
            transforming: TransformScratch::default(),
            transformed: Vec::new(),
            margins: Vec::new(),
            of_member: Vec::new(),
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
        self.with_columns(row, Self::read_columns);
        Ok(Margin(self.margins[0]))
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
            self.with_columns(chunk, Self::read_columns);
            let margins = self.margins.iter().map(|margin| Margin(*margin));
            scored.extend(margins.map(|margin| model.judge(margin)));
        }
        Ok(scored)
    }

    /// Writes the margins of a few rows after the transform. Shape of `rows`: `(n_rows, n_columns)`.
    fn read_columns(&mut self, rows: &[f32]) {
        let n_columns = self.model.columns().len();
        let Some(bias) = self.bias else {
            if let [(_, member)] = &mut self.members[..] {
                member.margins(rows, n_columns, &mut self.margins);
            }
            return;
        };
        self.margins.clear();
        self.margins.resize(rows.len() / n_columns, bias);
        for (weight, member) in &mut self.members {
            member.margins(rows, n_columns, &mut self.of_member);
            for (sum, margin) in self.margins.iter_mut().zip(&self.of_member) {
                *sum += *weight * margin;
            }
        }
    }
}
