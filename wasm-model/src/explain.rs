//! Why a score is what it is: exact contributions of the features, which add up to the margin.

use picket_schema::artifact::{Calibration, ModelTable, Platt};

use crate::calibrated::log_odds;
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
        let mut contributions = vec![0.0; row.len()];
        let base = match &model.artifact().model {
            ModelTable::Trees(trees) => {
                let shap = model.tree_shap(trees).ok_or(RowError::Unexplainable)?;
                model.conditions().evaluate(row, &mut self.masks);
                shap.explain(&self.masks, &mut self.scratch, &mut contributions)
            }
            ModelTable::Linear(table) => {
                linear::explain(table, model.schema(), row, &mut contributions)
            }
        };
        Ok(Explanation {
            scored,
            base,
            contributions,
        })
    }
}
