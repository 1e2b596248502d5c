//! What can be wrong with a file of rows, said so that its owner can mend it.

use picket_schema::{FieldError, HeaderError};

use super::row_place::RowPlace;

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
    #[error(
        "{file}: found columns separated by {found:?}; expected {}, or the option --delimiter",
        delimiter_in_words(*.expected)
    )]
    Delimiter {
        /// The file.
        file: String,
        /// The delimiter found.
        found: char,
        /// The delimiter that was looked for.
        expected: char,
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
    #[error("{file}: {place}: found {found} fields; expected {expected}, as in the header")]
    FieldCount {
        /// The file.
        file: String,
        /// The row.
        place: Box<RowPlace>,
        /// How many fields there are.
        found: usize,
        /// How many columns the header has.
        expected: usize,
    },
    /// A field is not text.
    #[error(
        "{file}: {place}, column {column:?}: found bytes that are not UTF-8; expected {expected}"
    )]
    NotUtf8 {
        /// The file.
        file: String,
        /// The row.
        place: Box<RowPlace>,
        /// The column.
        column: String,
        /// What the schema allows.
        expected: String,
    },
    /// A field is not a value of its column.
    #[error(
        "{file}: {place}, column {column:?}: found {found}; expected {expected}",
        column = .error.field(), found = found_in_words(.error), expected = .error.expected()
    )]
    Field {
        /// The file.
        file: String,
        /// The row.
        place: Box<RowPlace>,
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
    /// A pattern or a list of files names no file.
    #[error("{pattern}: found no such file; expected at least one")]
    NoFiles {
        /// The pattern.
        pattern: String,
    },
    /// One file stands twice in the list.
    #[error("{file}: stands twice among the data files; expected each once")]
    FileTwice {
        /// The file.
        file: String,
    },
    /// The source needs a feature that this program was built without.
    #[error(
        "{file}: this program was built without {feature}; expected a build with `--features {feature}`"
    )]
    NotBuilt {
        /// The source.
        file: String,
        /// The cargo feature.
        feature: &'static str,
    },
    /// A Parquet file is broken or has what no row can hold.
    #[error("{file}: not a Parquet file of rows: {reason}")]
    Parquet {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The column that joins rows and feedback is missing.
    #[error("{file}: lacks the column {column:?}; expected it, because feedback is joined by it")]
    NoIdColumn {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },
    /// The column that rows are put in order by is missing.
    #[error(
        "{file}: lacks the column {column:?}; expected it, because rows are split by their time"
    )]
    NoTimeColumn {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },
    /// A line of a feedback file cannot be used.
    #[error("{file}: line {line}: {reason}")]
    Feedback {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: u64,
        /// What was found and what was expected.
        reason: String,
    },
    /// The database could not be used. The text holds no password.
    #[error("MongoDB {target}: {reason}")]
    MongoDb {
        /// Database and collection.
        target: String,
        /// What was found and what was expected.
        reason: String,
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

impl IngestError {
    /// The column that the error is about, where it is about one field.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Field { error, .. } => Some(error.field()),
            Self::NotUtf8 { column, .. } => Some(column),
            _ => None,
        }
    }

    /// Where the row stands, where the error is about one row.
    #[must_use]
    pub fn place(&self) -> Option<&RowPlace> {
        match self {
            Self::Field { place, .. }
            | Self::NotUtf8 { place, .. }
            | Self::FieldCount { place, .. } => Some(place),
            _ => None,
        }
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Field { error, .. } => error.to_string(),
            Self::NotUtf8 {
                column, expected, ..
            } => format!("{column}: found bytes that are not UTF-8; expected {expected}"),
            Self::FieldCount {
                found, expected, ..
            } => format!("found {found} fields; expected {expected}, as in the header"),
            other => other.to_string(),
        }
    }
}

fn delimiter_in_words(delimiter: char) -> String {
    match delimiter {
        ',' => "commas".to_owned(),
        '\t' => "tabs".to_owned(),
        other => format!("{other:?}"),
    }
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
