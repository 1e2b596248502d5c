//! Logistic regression on standardised numbers and one-hot categories: linfa's solver where the penalty is
//! smooth, else coordinate descent.

use std::borrow::Cow;

use linfa::DatasetBase;
use linfa::prelude::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use picket_schema::Feature;
use picket_schema::artifact::{ColumnKind, Linear, Term};

use crate::dataset::Dataset;
use crate::elastic_net::{self, Penalty, Regression};

/// linfa's own default, 100, is not enough for skewed columns.
const MAX_ITERATIONS: u64 = 1000;
/// The solver stops at this gradient of the mean loss, as scikit-learn's does. linfa looks at the
/// gradient of the summed loss, so it is multiplied by the number of rows.
const GRADIENT_TOLERANCE: f64 = 1e-4;

/// Why a logistic regression could not be fitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogisticError {
    /// The penalties are not finite numbers of at least 0, or both are 0.
    #[error(
        "the penalties are l1 {l1} and l2 {l2}; expected finite numbers of at least 0, and one of them above"
    )]
    Penalty {
        /// The L1 penalty given.
        l1: f64,
        /// The L2 penalty given.
        l2: f64,
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

/// Fits a logistic regression: the sum of the rows' log losses, plus `l1` times the weights' magnitudes, plus `l2`
/// times half their squares, is the least. The bias is not penalised. These are scikit-learn's `C = 1 / (l1 + l2)`
/// and `l1_ratio = l1 / (l1 + l2)`.
///
/// Missing numbers are filled with the mean. Features whose weights are all 0 have no term.
///
/// Without an L1 penalty linfa's solver fits. Its bits depend on the processor: its matrix
/// product uses fused operations where there are any. On one machine they are always the same.
///
/// # Errors
/// A [`LogisticError`] for a wrong penalty or one class only, or where the solver fails.
pub fn fit_logistic(data: &Dataset, l1: f64, l2: f64) -> Result<Linear<'static>, LogisticError> {
    let is_penalty = |x: f64| x.is_finite() && x >= 0.0;
    if !is_penalty(l1) || !is_penalty(l2) || l1 + l2 <= 0.0 {
        return Err(LogisticError::Penalty { l1, l2 });
    }
    let encodings = encodings(data);
    let encoded = encode(data, &encodings);
    if l1 > 0.0 {
        let columns = encoded.columns().into_iter().map(|column| column.to_vec());
        let columns: Vec<Vec<f64>> = columns.collect();
        let penalty = Penalty {
            l1,
            l2,
            non_negative: false,
        };
        let Regression { intercept, weights } = elastic_net::fit(&columns, data.labels(), penalty);
        return Ok(linear(data, &encodings, intercept, &weights));
    }
    let targets = Array1::from_iter(data.labels().iter().copied());
    let fitted = LogisticRegression::default()
        .alpha(l2)
        .max_iterations(MAX_ITERATIONS)
        .gradient_tolerance(GRADIENT_TOLERANCE * data.n_rows() as f64)
        .fit(&DatasetBase::new(encoded, targets))?;
    // linfa takes the more frequent class for its positive one, so the sign may have to be turned.
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let weights: Vec<f64> = fitted.params().iter().map(|weight| sign * weight).collect();
    let bias = sign * fitted.intercept();
    Ok(linear(data, &encodings, bias, &weights))
}

/// The encoded rows and how they are encoded, for other linear learners. Shape of the rows: `(n_rows, n_columns)`.
pub(crate) fn encoded_rows(data: &Dataset) -> (Encodings, Array2<f64>) {
    let encodings = encodings(data);
    let rows = encode(data, &encodings);
    (Encodings(encodings), rows)
}

/// How the features of a data set are encoded.
pub(crate) struct Encodings(Vec<Encoding>);

impl Encodings {
    /// The linear model with these weights of the encoded columns.
    pub(crate) fn linear(&self, data: &Dataset, bias: f64, weights: &[f64]) -> Linear<'static> {
        linear(data, &self.0, bias, weights)
    }
}

fn linear(data: &Dataset, encodings: &[Encoding], bias: f64, weights: &[f64]) -> Linear<'static> {
    let used = |encoding: &Encoding| {
        let columns = encoding.first_column()..encoding.first_column() + encoding.n_columns();
        weights[columns].iter().any(|weight| *weight != 0.0)
    };
    let encodings = encodings.iter().enumerate();
    let encodings = encodings.filter(|(_, encoding)| used(encoding));
    let terms = encodings
        .map(|(feature_idx, encoding)| term(data, feature_idx, encoding, weights))
        .collect();
    Linear { bias, terms }
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
    fn first_column(&self) -> usize {
        match self {
            Self::Standardised { column, .. } => *column,
            Self::OneHot { first_column, .. } => *first_column,
        }
    }

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
