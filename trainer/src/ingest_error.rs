//! What can be wrong with a file of rows, said so that its owner can mend it.

use picket_schema::{FieldError, HeaderError};

/// Why rows could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The file could not be read.
    #[error("{file}: cannot be read")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file has no header.
    #[error("{file}: found an empty file; expected a header with the schema's columns, then rows")]
    Empty {
        /// The file.
        file: String,
    },
    /// The file has a header and nothing else.
    #[error("{file}: found a header without rows; expected at least one row")]
    NoRows {
        /// The file.
        file: String,
    },
    /// The header is one field with another delimiter in it.
    #[error("{file}: found columns separated by {found:?}; expected commas")]
    Delimiter {
        /// The file.
        file: String,
        /// The delimiter found.
        found: char,
    },
    /// The header does not fit the schema.
    #[error("{file}: {error}; expected the columns of the schema {schema:?}")]
    Header {
        /// The file.
        file: String,
        /// The schema's name.
        schema: String,
        /// What is wrong.
        error: HeaderError,
    },
    /// The label's column is missing where labels are needed.
    #[error(
        "{file}: the header lacks the label column {column:?}; expected it, because rows must be labelled here"
    )]
    NoLabel {
        /// The file.
        file: String,
        /// The label's column.
        column: String,
    },
    /// A row has too many or too few fields.
    #[error(
        "{file}: row {row} (line {line}): found {found} fields; expected {expected}, as in the header"
    )]
    FieldCount {
        /// The file.
        file: String,
        /// The row, counted from 1 after the header.
        row: u64,
        /// The line of the file, counted from 1.
        line: u64,
        /// How many fields there are.
        found: usize,
        /// How many columns the header has.
        expected: usize,
    },
    /// A field is not text.
    #[error(
        "{file}: row {row} (line {line}), column {column:?}: found bytes that are not UTF-8; expected {expected}"
    )]
    NotUtf8 {
        /// The file.
        file: String,
        /// The row, counted from 1 after the header.
        row: u64,
        /// The line of the file, counted from 1.
        line: u64,
        /// The column.
        column: String,
        /// What the schema allows.
        expected: String,
    },
    /// A field is not a value of its column.
    #[error(
        "{file}: row {row} (line {line}), column {column:?}: found {found}; expected {expected}",
        column = .error.field(), found = found_in_words(.error), expected = .error.expected()
    )]
    Field {
        /// The file.
        file: String,
        /// The row, counted from 1 after the header.
        row: u64,
        /// The line of the file, counted from 1.
        line: u64,
        /// The column, what was found and what was expected.
        error: FieldError,
    },
    /// All rows are of one class.
    #[error(
        "{file}: found only rows of the class {found:?} in column {column:?}; expected rows of both classes: {expected}"
    )]
    SingleClass {
        /// The file.
        file: String,
        /// The label's column.
        column: String,
        /// The class found.
        found: String,
        /// The label's values in words.
        expected: String,
    },
    /// The features are not a matrix with one label for each row.
    #[error("{file}: found {found} values; expected {expected}, one for each feature of each row")]
    Shape {
        /// The source of the rows.
        file: String,
        /// How many values there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A column that scoring adds is there already.
    #[error(
        "{file}: the header has the column {column:?} already; expected a file without it, because scoring adds it"
    )]
    ReservedColumn {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },
}

fn found_in_words(error: &FieldError) -> String {
    match (error, error.found()) {
        (_, None) => "nothing".to_owned(),
        (FieldError::UnknownCategory { .. }, Some(found)) => {
            format!("the unknown category {found:?}")
        }
        (_, Some(found)) => format!("{found:?}"),
    }
}
