//! What was wrong with rows: counts by column and kind, with a few examples of each.

use std::collections::BTreeMap;

use picket_schema::FieldError;
use serde::Serialize;

use super::error::IngestError;

/// What is wrong with a field or a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A value that the schema requires is missing.
    MissingValue,
    /// Text where a number is expected.
    WrongType,
    /// A number or category outside the domain.
    OutOfDomain,
    /// A label that belongs to neither class.
    UnknownClass,
    /// Bytes that are not UTF-8, or a value that is no field.
    NotText,
    /// Too many or too few fields in a row.
    FieldCount,
}

/// One kind of problem in one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The column; empty for a problem of whole rows.
    pub column: String,
    /// What is wrong.
    pub kind: ProblemKind,
    /// How many fields (or rows) have it.
    pub count: u64,
    /// Place and reason of the first few.
    pub examples: Vec<String>,
}

/// Counts of problems, in memory that does not grow with the number of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProblemTally {
    problems: BTreeMap<(String, ProblemKind), (u64, Vec<String>)>,
}

impl ProblemTally {
    /// How many examples of each problem are kept.
    pub const N_EXAMPLES: usize = 5;

    /// Counts a problem. Errors that are about no row are not counted.
    pub fn add(&mut self, error: &IngestError) {
        let Some((kind, place)) = kind_of(error).zip(error.place()) else {
            return;
        };
        let column = error.column().unwrap_or_default().to_owned();
        let (count, examples) = self.problems.entry((column, kind)).or_default();
        *count += 1;
        if examples.len() < Self::N_EXAMPLES {
            examples.push(format!("{place}: {}", error.reason()));
        }
    }

    /// Whether nothing was wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// All problems, by column.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let problem =
            |((column, kind), (count, examples)): (&(String, _), &(u64, Vec<_>))| Problem {
                column: column.clone(),
                kind: *kind,
                count: *count,
                examples: examples.clone(),
            };
        self.problems.iter().map(problem).collect()
    }
}

fn kind_of(error: &IngestError) -> Option<ProblemKind> {
    match error {
        IngestError::FieldCount { .. } => Some(ProblemKind::FieldCount),
        IngestError::NotUtf8 { .. } => Some(ProblemKind::NotText),
        IngestError::Field { error, .. } => Some(match error {
            FieldError::Missing { .. } => ProblemKind::MissingValue,
            FieldError::NotANumber { .. } => ProblemKind::WrongType,
            FieldError::UnknownClass { .. } => ProblemKind::UnknownClass,
            // `FieldError` may grow; what it grows by is about the domain.
            _ => ProblemKind::OutOfDomain,
        }),
        _ => None,
    }
}
