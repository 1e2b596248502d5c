//! Why a score is what it is: exact contributions of the features, which add up to the margin.

use picket_schema::artifact::{Calibration, ModelTable};

use crate::linear;
use crate::model::{Model, Scored};
use crate::row::{RowError, check_row};
use crate::scorer::Scorer;
use crate::tree_shap;

/// The contributions to one row's margin: `base + sum(contributions) = margin`.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The row's margin, score and verdict.
    pub scored: Scored,
    /// The model's mean margin over its training rows.
    pub base: f64,
    /// What each feature adds to it. Shape: `(n_features,)`.
    pub contributions: Vec<f64>,
}

impl Explanation {
    /// The same explanation in log-odds of the score: base and contributions through the
    /// calibration, which is linear in the margin, so they add up to the score's log-odds.
    #[must_use]
    pub fn in_log_odds(&self, calibration: Calibration) -> (f64, Vec<f64>) {
        let base = calibration.slope * self.base + calibration.intercept;
        (
            base,
            self.contributions
                .iter()
                .map(|c| calibration.slope * c)
                .collect(),
        )
    }
}

/// Explains rows of one model.
#[derive(Debug)]
pub struct Explainer<'m, 'a> {
    scorer: Scorer<'m, 'a>,
    scratch: tree_shap::Scratch,
    /// The row's answers to the conditions.
    masks: Vec<u32>,
}

impl<'m, 'a> Explainer<'m, 'a> {
    /// Prepares scratch space for a model. The model makes its tables for explanations with the first row.
    #[must_use]
    pub fn new(model: &'m Model<'a>) -> Self {
        Self {
            scorer: Scorer::new(model),
            scratch: tree_shap::Scratch::default(),
            masks: vec![0; model.conditions().len()],
        }
    }

    /// Explains one row. Shape of `row`: `(n_features,)`.
    ///
    /// # Errors
    /// [`RowError::RowLength`] for a row of the wrong length, [`RowError::Unexplainable`] where the
    /// model's trees are too many and too deep.
    pub fn explain(&mut self, row: &[f32]) -> Result<Explanation, RowError> {
        let model = self.scorer.model();
        check_row(model, row)?;
        let scored = self.scorer.score(row)?;
        let masks = &mut self.masks;
        let scratch = &mut self.scratch;
        let (base, of_columns) = self.scorer.with_columns(row, |_, row| {
            let mut contributions = vec![0.0; row.len()];
            let base = match &model.artifact().model {
                ModelTable::Trees(trees) => {
                    let shap = model.tree_shap(trees).ok_or(RowError::Unexplainable)?;
                    model.conditions().evaluate(row, masks);
                    shap.explain(masks, scratch, &mut contributions)
                }
                ModelTable::Linear(table) => {
                    linear::explain(table, model.columns(), row, &mut contributions)
                }
            };
            Ok((base, contributions))
        })?;
        let contributions = if model.transform().is_empty() {
            of_columns
        } else {
            // Each column is made from one feature.
            let mut contributions = vec![0.0; row.len()];
            for (column, contribution) in model.columns().0.iter().zip(of_columns) {
                contributions[column.feature_idx] += contribution;
            }
            contributions
        };
        Ok(Explanation {
            scored,
            base,
            contributions,
        })
    }
}
