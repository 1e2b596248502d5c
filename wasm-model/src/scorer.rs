//! The fast scorer: a row is compared with every distinct condition once; after that, trees are
//! walked by whole numbers without branches on the data.

use picket_schema::Margin;
use picket_schema::artifact::ModelTable;

use crate::fast::CHUNK_ROWS;
use crate::member_scorer::MemberScorer;
use crate::model::{Model, Scored};
use crate::row::{RowError, check_row};

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
        let model = self.model;
        let mut scored = Vec::with_capacity(rows.len() / n_features);
        for chunk in rows.chunks(CHUNK_ROWS * n_features) {
            self.score_chunk(chunk);
            scored.extend(
                self.margins
                    .iter()
                    .map(|margin| model.judge(Margin(*margin))),
            );
        }
        Ok(scored)
    }

    /// Writes the margins of a few rows. Shape of `rows`: `(n_rows, n_features)`.
    fn score_chunk(&mut self, rows: &[f32]) {
        let n_columns = self.model.n_features();
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

    fn margin_of_row(&mut self, row: &[f32]) -> Margin {
        self.score_chunk(row);
        Margin(self.margins[0])
    }
}
