//! Why a score is what it is: exact contributions of the features, which add up to the margin.

use core::slice;

use picket_schema::artifact::{Calibration, ModelColumns, ModelTable, Platt};

use crate::calibrated::log_odds;
use crate::model::{Model, Scored};
use crate::prepared_trees::PreparedTrees;
use crate::row::{RowError, Unexplainable, check_row};
use crate::scorer::Scorer;
use crate::{kernel_shap, linear, tree_shap};

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

/// What base and contributions are shown in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ExplanationUnit {
    /// Log-odds of the score. Platt's sigmoid is linear in them, so contributions to the margin become
    /// contributions to the log-odds.
    LogOdds(Platt),
    /// The margin. An isotonic calibration bends between its knots: there is no unit of the score in
    /// which contributions would still add up.
    Margin,
}

impl ExplanationUnit {
    /// The unit that goes with a calibration.
    #[must_use]
    pub fn of(calibration: &Calibration<'_>) -> Self {
        match calibration {
            Calibration::Platt(platt) => Self::LogOdds(*platt),
            Calibration::Isotonic(_) => Self::Margin,
        }
    }

    /// `log-odds` or `margin`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LogOdds(_) => "log-odds",
            Self::Margin => "margin",
        }
    }

    /// A margin, or a base, in this unit.
    #[must_use]
    pub fn of_margin(self, margin: f64) -> f64 {
        match self {
            Self::LogOdds(platt) => log_odds(platt, margin),
            Self::Margin => margin,
        }
    }

    /// A contribution to a margin in this unit.
    #[must_use]
    pub fn of_contribution(self, contribution: f64) -> f64 {
        match self {
            Self::LogOdds(platt) => platt.slope * contribution,
            Self::Margin => contribution,
        }
    }
}

impl Explanation {
    /// Base and contributions in a unit: they add up to the margin in that unit. Shape of the
    /// contributions: `(n_features,)`.
    #[must_use]
    pub fn in_unit(&self, unit: ExplanationUnit) -> (f64, Vec<f64>) {
        let contributions = self.contributions.iter();
        (
            unit.of_margin(self.base),
            contributions.map(|c| unit.of_contribution(*c)).collect(),
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
            masks: Vec::new(),
        }
    }

    /// Explains one row. Shape of `row`: `(n_features,)`.
    ///
    /// The contributions to a blend are the weighted sums of those to its members, which is exact: Shapley values
    /// are linear in the model (Shapley, "A value for n-person games", 1953).
    ///
    /// # Errors
    /// [`RowError::RowLength`] for a row of the wrong length, [`RowError::Unexplainable`] where the
    /// model, or a member of a blend, is of a kind or size without exact contributions.
    pub fn explain(&mut self, row: &[f32]) -> Result<Explanation, RowError> {
        let model = self.scorer.model();
        check_row(model, row)?;
        let scored = self.scorer.score(row)?;
        let Self {
            scorer,
            scratch,
            masks,
        } = self;
        let (base, of_columns) = scorer.with_columns(row, |_, row| {
            let mut parts = Parts {
                columns: model.columns(),
                prepared: model.prepared_trees().iter(),
                scratch,
                masks,
                row,
            };
            let mut contributions = vec![0.0; row.len()];
            let base = match &model.artifact().model {
                ModelTable::Blend(blend) => {
                    let mut base = blend.bias;
                    let mut of_member = vec![0.0; row.len()];
                    for member in &blend.members {
                        of_member.fill(0.0);
                        base += member.weight * parts.explain(&member.model, &mut of_member)?;
                        for (sum, contribution) in contributions.iter_mut().zip(&of_member) {
                            *sum += member.weight * contribution;
                        }
                    }
                    base
                }
                table => parts.explain(table, &mut contributions)?,
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

/// Explains the members of a model for one row, one after another.
struct Parts<'p> {
    columns: &'p ModelColumns,
    /// From the next table of trees on.
    prepared: slice::Iter<'p, PreparedTrees>,
    scratch: &'p mut tree_shap::Scratch,
    masks: &'p mut Vec<u32>,
    row: &'p [f32],
}

impl Parts<'_> {
    /// Adds the contributions to the next member's margin, shape `(n_columns,)`, and returns its base.
    fn explain(
        &mut self,
        table: &ModelTable<'_>,
        contributions: &mut [f64],
    ) -> Result<f64, RowError> {
        let (columns, row) = (self.columns, self.row);
        let (base, otherwise) = match table {
            ModelTable::Trees(trees) => {
                let base = self.prepared.next().and_then(|prepared| {
                    let shap = prepared.tree_shap(trees)?;
                    let conditions = prepared.conditions();
                    self.masks.resize(conditions.len(), 0);
                    conditions.evaluate(row, self.masks);
                    Some(shap.explain(self.masks, self.scratch, contributions))
                });
                (base, Unexplainable::Trees)
            }
            ModelTable::Linear(table) => {
                let base = linear::explain(table, columns, row, contributions);
                (Some(base), Unexplainable::Trees)
            }
            ModelTable::Kernel(table) => {
                let base = kernel_shap::explain(table, columns, row, contributions);
                (base, Unexplainable::Kernel)
            }
            // The reader takes no blend in a blend.
            ModelTable::Neighbours(_) | ModelTable::Blend(_) => (None, Unexplainable::Neighbours),
        };
        base.ok_or(RowError::Unexplainable(otherwise))
    }
}
