//! What a learner learns from: features, labels, weights.

use std::borrow::Cow;

use ndarray::ArrayView2;

use super::error::LearnError;

/// More rows than this would overflow the packed sums of a histogram cell.
pub const MAX_ROWS: usize = 1 << 28;
/// More columns than this is a mistake in the caller, not a table.
pub const MAX_COLUMNS: usize = 1 << 16;
/// More categories than this would make sets of categories larger than the rest of a tree.
pub const MAX_CATEGORIES: u32 = 1 << 16;

/// What the numbers of one feature column mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// An ordered quantity. Infinite values compare as numbers; NaN is missing.
    Numeric,
    /// A category, written as its code `0..n_categories`. Every other value is missing.
    Categorical {
        /// How many codes there are.
        n_categories: u32,
    },
}

/// Features of shape `(n_rows, n_features)` with one label, and perhaps one weight, for each row.
#[derive(Debug, Clone)]
pub struct Matrix<'a> {
    features: ArrayView2<'a, f32>,
    columns: Cow<'a, [Column]>,
    labels: Cow<'a, [bool]>,
    weights: Option<Cow<'a, [f32]>>,
}

impl<'a> Matrix<'a> {
    /// Takes numeric `features`, `(n_rows, n_features)`, and `labels`, `(n_rows)`; `true` is the
    /// positive class.
    ///
    /// # Errors
    /// When there are no rows or columns, too many of them, or not one label for each row.
    pub fn new(
        features: ArrayView2<'a, f32>,
        labels: impl Into<Cow<'a, [bool]>>,
    ) -> Result<Self, LearnError> {
        let labels = labels.into();
        let (n_rows, n_features) = features.dim();
        if n_rows == 0 {
            return Err(LearnError::NoRows);
        }
        if n_features == 0 {
            return Err(LearnError::NoColumns);
        }
        if n_rows > MAX_ROWS {
            return Err(LearnError::TooManyRows {
                expected: MAX_ROWS,
                found: n_rows,
            });
        }
        if n_features > MAX_COLUMNS {
            return Err(LearnError::TooManyColumns {
                expected: MAX_COLUMNS,
                found: n_features,
            });
        }
        if labels.len() != n_rows {
            return Err(LearnError::LabelCount {
                expected: n_rows,
                found: labels.len(),
            });
        }
        let columns = Cow::Owned(vec![Column::Numeric; n_features]);
        Ok(Self {
            features,
            columns,
            labels,
            weights: None,
        })
    }

    /// Says which columns are categorical: `columns` has shape `(n_features)`.
    ///
    /// # Errors
    /// When there is not one kind for each column, or a column has too many categories.
    pub fn with_columns(
        mut self,
        columns: impl Into<Cow<'a, [Column]>>,
    ) -> Result<Self, LearnError> {
        let columns = columns.into();
        if columns.len() != self.n_features() {
            let (expected, found) = (self.n_features(), columns.len());
            return Err(LearnError::ColumnCount { expected, found });
        }
        for (column, kind) in columns.iter().enumerate() {
            if let Column::Categorical {
                n_categories: found,
            } = *kind
                && found > MAX_CATEGORIES
            {
                let expected = MAX_CATEGORIES;
                return Err(LearnError::TooManyCategories {
                    column,
                    expected,
                    found,
                });
            }
        }
        self.columns = columns;
        Ok(self)
    }

    /// Gives each row a weight: a row of weight 2 counts as the same row twice. `weights` has
    /// shape `(n_rows)`.
    ///
    /// # Errors
    /// When there is not one weight for each row, or one is negative or not finite.
    pub fn with_weights(mut self, weights: impl Into<Cow<'a, [f32]>>) -> Result<Self, LearnError> {
        let weights = weights.into();
        if weights.len() != self.n_rows() {
            let (expected, found) = (self.n_rows(), weights.len());
            return Err(LearnError::WeightCount { expected, found });
        }
        if let Some(row) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
            return Err(LearnError::InvalidWeight {
                row,
                found: weights[row],
            });
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// The features, `(n_rows, n_features)`.
    #[must_use]
    pub fn features(&self) -> ArrayView2<'_, f32> {
        self.features.view()
    }

    /// The kind of each column, `(n_features)`.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The labels, `(n_rows)`.
    #[must_use]
    pub fn labels(&self) -> &[bool] {
        &self.labels
    }

    /// The weight of one row; 1 where no weights were given.
    ///
    /// # Panics
    /// When `row` is out of range.
    #[must_use]
    pub fn weight(&self, row: usize) -> f64 {
        self.weights
            .as_ref()
            .map_or(1.0, |weights| f64::from(weights[row]))
    }

    /// How many rows there are.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.features.nrows()
    }

    /// How many feature columns there are.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.features.ncols()
    }

    /// Refuses data from which nothing can be told apart.
    pub(crate) fn require_both_classes(&self) -> Result<(), LearnError> {
        let carries = |class: bool| {
            (0..self.n_rows()).any(|row| self.labels[row] == class && self.weight(row) > 0.0)
        };
        match (carries(false), carries(true)) {
            (true, true) => Ok(()),
            (false, positive) => Err(LearnError::SingleClass { found: positive }),
            (true, false) => Err(LearnError::SingleClass { found: false }),
        }
    }

    /// Refuses a part of the data whose columns are not those of the training part.
    pub(crate) fn require_columns(&self, columns: &[Column]) -> Result<(), LearnError> {
        if columns.len() != self.n_features() {
            let (expected, found) = (columns.len(), self.n_features());
            return Err(LearnError::ColumnCount { expected, found });
        }
        match self.columns.iter().zip(columns).position(|(a, b)| a != b) {
            Some(column) => Err(LearnError::ColumnKind { column }),
            None => Ok(()),
        }
    }
}
