//! What is wrong with one field of one row.

use picket_schema::FieldError;
use serde::Serialize;
use utoipa::ToSchema;

/// What is wrong with a field, or with a row where there is no field to name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Issue {
    /// The row, from 1; absent where the fault is not in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<usize>,
    /// The line of the body, from 1, where the body has lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The feature or key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What stands there; absent where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What would have been right.
    pub expected: String,
    /// All of that in one sentence.
    pub detail: String,
}

impl Issue {
    /// An issue that names no row yet.
    pub(crate) fn new(field: Option<&str>, found: Option<String>, expected: String) -> Self {
        let subject = field
            .map(|field| format!("{}: ", shortened(field)))
            .unwrap_or_default();
        let detail = match &found {
            Some(found) => format!("{subject}found {found}; expected {expected}"),
            None => format!("{subject}found nothing; expected {expected}"),
        };
        let field = field.map(shortened);
        Self {
            row: None,
            line: None,
            field,
            found,
            expected,
            detail,
        }
    }
}

impl From<FieldError> for Issue {
    fn from(error: FieldError) -> Self {
        Self {
            row: None,
            line: None,
            field: Some(error.field().to_owned()),
            found: error.found().map(ToOwned::to_owned),
            expected: error.expected().to_owned(),
            detail: error.to_string(),
        }
    }
}

/// Cuts a hostile name to a length fit for a message.
pub(crate) fn shortened(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The issues of a request: all are counted, the first few are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Issues {
    pub(crate) kept: Vec<Issue>,
    pub(crate) total: usize,
}

impl Issues {
    /// Enough to see what is wrong with a file, few enough to read.
    pub(crate) const MAX_KEPT: usize = 100;

    pub(crate) fn push(&mut self, issue: Issue) {
        self.total += 1;
        if self.kept.len() < Self::MAX_KEPT {
            self.kept.push(issue);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.total == 0
    }
}
