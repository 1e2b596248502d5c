//! Why a fit was refused.

use thiserror::Error;

/// Everything that can be wrong with a training matrix or with parameters.
#[derive(Debug, Error)]
pub enum LearnError {
    /// The matrix has no rows.
    #[error("expected at least one row, found none")]
    NoRows,
    /// The matrix has no columns.
    #[error("expected at least one feature column, found none")]
    NoColumns,
    /// The matrix has more rows than row indexes can count.
    #[error("expected at most {expected} rows, found {found}")]
    TooManyRows {
        /// The largest number of rows supported.
        expected: usize,
        /// The number of rows given.
        found: usize,
    },
    /// The matrix has more columns than feature indexes can count.
    #[error("expected at most {expected} columns, found {found}")]
    TooManyColumns {
        /// The largest number of columns supported.
        expected: usize,
        /// The number of columns given.
        found: usize,
    },
    /// A categorical column declares more categories than a set can hold.
    #[error("column {column}: expected at most {expected} categories, found {found}")]
    TooManyCategories {
        /// The column, counted from zero.
        column: usize,
        /// The largest number of categories supported.
        expected: u32,
        /// The number of categories declared.
        found: u32,
    },
    /// There is not exactly one label for each row.
    #[error("expected {expected} labels, one for each row, found {found}")]
    LabelCount {
        /// The number of rows.
        expected: usize,
        /// The number of labels.
        found: usize,
    },
    /// A label is neither 0 nor 1.
    #[error("row {row}: expected the label 0 or 1, found {found}")]
    NotBinary {
        /// The row, counted from zero.
        row: usize,
        /// The label given.
        found: usize,
    },
    /// There is not exactly one weight for each row.
    #[error("expected {expected} sample weights, one for each row, found {found}")]
    WeightCount {
        /// The number of rows.
        expected: usize,
        /// The number of weights.
        found: usize,
    },
    /// A sample weight is negative or not finite.
    #[error("row {row}: expected a finite sample weight of zero or more, found {found}")]
    InvalidWeight {
        /// The row, counted from zero.
        row: usize,
        /// The weight given.
        found: f32,
    },
    /// There is not exactly one column description for each column.
    #[error("expected {expected} column kinds, one for each column, found {found}")]
    ColumnCount {
        /// The number of columns in the matrix.
        expected: usize,
        /// The number of column kinds, or of columns in another matrix.
        found: usize,
    },
    /// Column kinds of two matrices that must agree differ.
    #[error("column {column}: expected the kind of the training matrix, found another")]
    ColumnKind {
        /// The column, counted from zero.
        column: usize,
    },
    /// A learner that knows numbers only was given a categorical column.
    #[error("column {column}: expected a numeric column, found a categorical one")]
    NotNumeric {
        /// The column, counted from zero.
        column: usize,
    },
    /// A learner that knows finite numbers only was given another.
    #[error("row {row}, column {column}: expected a finite number, found {found}")]
    NotFinite {
        /// The row, counted from zero.
        row: usize,
        /// The column, counted from zero.
        column: usize,
        /// The value given.
        found: f32,
    },
    /// All rows that carry weight have the same label.
    #[error("expected rows of both classes, found only {} rows", class_name(*.found))]
    SingleClass {
        /// The label all rows carry.
        found: bool,
    },
    /// A parameter lies outside its range.
    #[error("parameter {name}: expected {expected}, found {found}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// The range it must lie in.
        expected: &'static str,
        /// The value given.
        found: f64,
    },
    /// A linfa algorithm refused the data or its parameters.
    #[error("linfa: {0}")]
    Linfa(#[from] linfa::Error),
}

const fn class_name(positive: bool) -> &'static str {
    if positive { "positive" } else { "negative" }
}
