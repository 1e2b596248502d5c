//! Logistic regression: linfa's solver on standardised numbers and one-hot categories.

use std::borrow::Cow;

use linfa::DatasetBase;
use linfa::prelude::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use picket_schema::Feature;
use picket_schema::artifact::{ColumnKind, Linear, Term};

use crate::dataset::Dataset;

/// linfa's own default, 100, is not enough for skewed columns.
const MAX_ITERATIONS: u64 = 1000;
/// The solver stops at this gradient of the mean loss, as scikit-learn's does. linfa looks at the
/// gradient of the summed loss, so it is multiplied by the number of rows.
const GRADIENT_TOLERANCE: f64 = 1e-4;

/// Why a logistic regression could not be fitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogisticError {
    /// The penalty is not a positive number.
    #[error("the L2 penalty is {found}; expected a finite number above 0")]
    Penalty {
        /// The penalty given.
        found: f64,
    },
    /// linfa's solver gave up.
    #[error("the solver for the logistic regression failed")]
    Solver {
        /// What linfa said.
        #[from]
        source: linfa_logistic::error::Error,
    },
}

/// Where a feature stands among the encoded columns, and how it is encoded.
enum Encoding {
    /// One column: `(x - mean) / scale`, the mean where missing.
    Standardised {
        column: usize,
        fill: f32,
        mean: f64,
        scale: f64,
    },
    /// One column a category: 1 where the row has it. Missing is 0 everywhere.
    OneHot {
        first_column: usize,
        n_categories: usize,
    },
}

/// Fits a logistic regression with L2 penalty `l2` on all weights but the bias.
///
/// Missing numbers are filled with the mean. The bits depend on the processor: linfa's matrix
/// product uses fused operations where there are any. On one machine they are always the same.
///
/// # Errors
/// A [`LogisticError`] for a wrong penalty or one class only, or where the solver fails.
pub fn fit_logistic(data: &Dataset, l2: f64) -> Result<Linear<'static>, LogisticError> {
    if !l2.is_finite() || l2 <= 0.0 {
        return Err(LogisticError::Penalty { found: l2 });
    }
    let encodings = encodings(data);
    let encoded = encode(data, &encodings);
    let targets = Array1::from_iter(data.labels().iter().copied());
    let fitted = LogisticRegression::default()
        .alpha(l2)
        .max_iterations(MAX_ITERATIONS)
        .gradient_tolerance(GRADIENT_TOLERANCE * data.n_rows() as f64)
        .fit(&DatasetBase::new(encoded, targets))?;
    // linfa takes the more frequent class for its positive one, so the sign may have to be turned.
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let weights: Vec<f64> = fitted.params().iter().map(|weight| sign * weight).collect();
    let terms = encodings
        .iter()
        .enumerate()
        .map(|(feature_idx, encoding)| term(data, feature_idx, encoding, &weights))
        .collect();
    Ok(Linear {
        bias: sign * fitted.intercept(),
        terms,
    })
}

/// How much each column moves the margin: the standard deviation of its term over the training
/// rows, as a share of their sum. Shape: `(n_columns,)`; empty where no column moves it.
#[must_use]
pub(crate) fn linear_importances(linear: &Linear<'_>, data: &Dataset) -> Vec<f64> {
    let mut spreads = vec![0.0; data.columns().len()];
    for term in &linear.terms {
        let feature_idx = term.feature_idx();
        let values = data.features().column(feature_idx);
        let added: Vec<f64> = values.iter().map(|x| term_value(term, *x)).collect();
        let mean = added.iter().sum::<f64>() / added.len() as f64;
        let variance =
            added.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / added.len() as f64;
        spreads[feature_idx] += variance.sqrt();
    }
    crate::importance::shares(spreads)
}

fn encodings(data: &Dataset) -> Vec<Encoding> {
    let mut n_columns = 0;
    let columns = data.columns().0.iter().enumerate();
    columns
        .map(|(feature_idx, column)| {
            let first_column = n_columns;
            if let ColumnKind::Categorical { n_categories } = column.kind {
                n_columns += n_categories;
                return Encoding::OneHot {
                    first_column,
                    n_categories,
                };
            }
            n_columns += 1;
            let column = data.features().column(feature_idx);
            let present: Vec<f64> = column
                .iter()
                .filter(|x| !x.is_nan())
                .map(|x| f64::from(*x))
                .collect();
            let n = present.len().max(1) as f64;
            let mean = present.iter().sum::<f64>() / n;
            let fill = mean as f32;
            let variance = present.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
            let scale = if variance > 0.0 { variance.sqrt() } else { 1.0 };
            Encoding::Standardised {
                column: first_column,
                fill,
                mean,
                scale,
            }
        })
        .collect()
}

/// The encoded rows. Shape: `(n_rows, n_columns)`.
fn encode(data: &Dataset, encodings: &[Encoding]) -> Array2<f64> {
    let n_columns = encodings.iter().map(Encoding::n_columns).sum();
    let mut encoded = Array2::zeros((data.n_rows(), n_columns));
    for (row_idx, mut target) in encoded.rows_mut().into_iter().enumerate() {
        for (x, encoding) in data.row(row_idx).iter().zip(encodings) {
            match encoding {
                Encoding::Standardised {
                    column,
                    fill,
                    mean,
                    scale,
                } => {
                    let x = if x.is_nan() { *fill } else { *x };
                    target[*column] = (f64::from(x) - mean) / scale;
                }
                Encoding::OneHot {
                    first_column,
                    n_categories,
                } => {
                    if let Some(code) = Feature::category_code(*n_categories, *x) {
                        target[first_column + code] = 1.0;
                    }
                }
            }
        }
    }
    encoded
}

impl Encoding {
    fn n_columns(&self) -> usize {
        match self {
            Self::Standardised { .. } => 1,
            Self::OneHot { n_categories, .. } => *n_categories,
        }
    }
}

/// The artifact's term for one feature; its background is its mean over the rows.
fn term(data: &Dataset, feature_idx: usize, encoding: &Encoding, weights: &[f64]) -> Term<'static> {
    let feature = feature_idx as u32;
    let mut term = match encoding {
        Encoding::Standardised {
            column,
            fill,
            mean,
            scale,
        } => Term::Numeric {
            feature,
            fill: *fill,
            mean: *mean,
            scale: *scale,
            weight: weights[*column],
            missing_weight: 0.0,
            background: 0.0,
        },
        Encoding::OneHot {
            first_column,
            n_categories,
        } => {
            let of_categories = &weights[*first_column..first_column + n_categories];
            Term::OneHot {
                feature,
                weights: Cow::Owned(of_categories.iter().flat_map(|w| w.to_le_bytes()).collect()),
                missing_weight: 0.0,
                background: 0.0,
            }
        }
    };
    let column = data.features().column(feature_idx);
    let mean = column.iter().map(|x| term_value(&term, *x)).sum::<f64>() / column.len() as f64;
    match &mut term {
        Term::Numeric { background, .. } | Term::OneHot { background, .. } => *background = mean,
    }
    term
}

/// What a term adds for a value, as the format says.
fn term_value(term: &Term<'_>, x: f32) -> f64 {
    match term {
        Term::Numeric {
            fill,
            mean,
            scale,
            weight,
            ..
        } => {
            let x = if x.is_nan() { *fill } else { x };
            ((f64::from(x) - mean) / scale) * weight
        }
        Term::OneHot {
            weights,
            missing_weight,
            ..
        } => Feature::category_code(weights.len() / 8, x)
            .and_then(|code| term.category_weight(code))
            .unwrap_or(*missing_weight),
    }
}
