//! One thing that validation found.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth looking at before the model is trusted.
    Warning,
    /// A model of these rows would be wrong or there can be none.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Which findings close the gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    /// Errors.
    #[default]
    Error,
    /// Warnings and errors.
    Warning,
    /// None.
    Never,
}

impl FailOn {
    /// Whether a finding of this severity closes the gate.
    #[must_use]
    pub fn stops(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity == Severity::Error,
            Self::Warning => severity >= Severity::Warning,
            Self::Never => false,
        }
    }
}

/// One thing that validation found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which rule found it.
    pub rule: &'static str,
    /// The column that it is about, where it is about one.
    pub column: Option<String>,
    /// How many rows, columns or files it is about.
    pub count: u64,
    /// What is so, and what to do.
    pub message: String,
    /// The first few places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        rule: &'static str,
        count: u64,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            rule,
            column: None,
            count,
            message: message.into(),
            examples: Vec::new(),
        }
    }

    pub(super) fn of_column(mut self, column: &str) -> Self {
        self.column = (!column.is_empty()).then(|| column.to_owned());
        self
    }
}
