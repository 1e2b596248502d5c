//! The rows of a request while they are read, with what is wrong with them.

use serde_json::value::RawValue;

use crate::issue::{Issue, Issues};
use crate::limits::Limits;
use crate::minified::minified;
use crate::problem::Problem;
use crate::served_model::ServedModel;

/// Rows that fit the model's schema, or the issues of those that do not.
pub(crate) struct RowSet<'m> {
    pub(crate) model: &'m ServedModel,
    max_rows: usize,
    /// Shape: `(n_rows, n_features)`, row-major. Not complete once there are issues.
    values: Vec<f32>,
    /// What came with a row, as JSON in one line; by row, shorter than the rows where none came.
    metadata: Vec<Option<String>>,
    issues: Issues,
    n_rows: usize,
    /// The body's line of the row being read.
    line: Option<u64>,
}

impl<'m> RowSet<'m> {
    pub(crate) fn new(model: &'m ServedModel, limits: Limits) -> Self {
        Self {
            model,
            max_rows: limits.max_rows,
            values: Vec::new(),
            metadata: Vec::new(),
            issues: Issues::default(),
            n_rows: 0,
            line: None,
        }
    }

    /// Starts the next row.
    ///
    /// # Errors
    /// [`crate::ProblemKind::TooManyRows`] past the limit.
    pub(crate) fn start_row(&mut self, line: Option<u64>) -> Result<(), Problem> {
        if self.n_rows == self.max_rows {
            return Err(Problem::too_many_rows(self.max_rows));
        }
        self.n_rows += 1;
        self.line = line;
        Ok(())
    }

    /// Reports an issue of the row being read, or of the whole body before the first row.
    pub(crate) fn report(&mut self, mut issue: Issue) {
        issue.row = (self.n_rows > 0).then_some(self.n_rows);
        issue.line = self.line;
        self.issues.push(issue);
    }

    /// Reports an issue of the body as a whole.
    pub(crate) fn report_body(&mut self, issue: Issue) {
        self.issues.push(issue);
    }

    /// Takes the values of the row being read. Shape: `(n_features,)`.
    pub(crate) fn push_values(&mut self, row: &[f32]) {
        // A batch with an issue is not scored, so its rows need no room.
        if self.issues.is_empty() {
            self.values.extend_from_slice(row);
        }
    }

    /// Takes what came with the row being read.
    pub(crate) fn set_metadata(&mut self, metadata: &RawValue) {
        if self.issues.is_empty() {
            self.metadata.resize(self.n_rows, None);
            self.metadata[self.n_rows - 1] = Some(minified(metadata.get()));
        }
    }

    /// The rows, once all are read.
    ///
    /// # Errors
    /// [`crate::ProblemKind::InvalidRows`] where there are issues.
    pub(crate) fn finish(self) -> Result<Rows, Problem> {
        if !self.issues.is_empty() {
            return Err(Problem::invalid_rows(self.issues));
        }
        Ok(Rows {
            values: self.values,
            metadata: self.metadata,
        })
    }
}

/// Checked rows, ready to be scored.
pub(crate) struct Rows {
    /// Shape: `(n_rows, n_features)`, row-major.
    pub(crate) values: Vec<f32>,
    metadata: Vec<Option<String>>,
}

impl Rows {
    pub(crate) fn metadata(&self, row_idx: usize) -> Option<&str> {
        self.metadata.get(row_idx)?.as_deref()
    }

    pub(crate) fn has_metadata(&self) -> bool {
        !self.metadata.is_empty()
    }
}
