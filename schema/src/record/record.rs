//! Any record.

use serde::{Deserialize, Serialize};

use super::aggregate::AggregateRecord;
use super::error::RecordError;
use super::label::LabelRecord;
use super::prediction::PredictionRecord;
use super::shadow::ShadowRecord;
use super::status::StatusRecord;
use super::text::{expect, expect_count, expect_id, is_node};

/// What kinds of records there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// [`PredictionRecord`].
    Prediction,
    /// [`ShadowRecord`].
    Shadow,
    /// [`LabelRecord`].
    Label,
    /// [`AggregateRecord`].
    Aggregate,
    /// [`StatusRecord`].
    Status,
}

impl RecordKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Prediction,
        Self::Shadow,
        Self::Label,
        Self::Aggregate,
        Self::Status,
    ];

    /// As a record says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prediction => "prediction",
            Self::Shadow => "shadow",
            Self::Label => "label",
            Self::Aggregate => "aggregate",
            Self::Status => "status",
        }
    }
}

/// Any record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// What a model said of a row.
    Prediction(PredictionRecord),
    /// What a challenger said of it.
    Shadow(ShadowRecord),
    /// What it turned out to be.
    Label(LabelRecord),
    /// Counts of a window of time.
    Aggregate(AggregateRecord),
    /// That a node lives.
    Status(StatusRecord),
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// [`RecordError`] with the first thing that is wrong.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RecordError> {
        let record: Self =
            serde_json::from_slice(bytes).map_err(|error| RecordError::Malformed {
                reason: error.to_string().chars().take(200).collect(),
            })?;
        record.check()?;
        Ok(record)
    }

    fn check(&self) -> Result<(), RecordError> {
        expect_id(self.id(), "id")?;
        expect_count(self.time_ms(), "time_ms")?;
        if let Some(node) = self.node() {
            let expected = "1 to 64 letters, digits, dots, underscores and hyphens";
            expect(is_node(node), "node", expected, node)?;
        }
        match self {
            Self::Prediction(record) => record.check(),
            Self::Shadow(record) => record.check(),
            Self::Label(record) => record.check(),
            Self::Aggregate(record) => record.check(),
            Self::Status(record) => record.check(),
        }
    }

    /// The record as one line of JSON.
    ///
    /// # Errors
    /// None are known: a record that was made can be written.
    pub fn to_json(&self) -> Result<Vec<u8>, RecordError> {
        serde_json::to_vec(self).map_err(|error| RecordError::Malformed {
            reason: error.to_string(),
        })
    }

    /// Its id: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Prediction(record) => &record.id,
            Self::Shadow(record) => &record.id,
            Self::Label(record) => &record.id,
            Self::Aggregate(record) => &record.id,
            Self::Status(record) => &record.id,
        }
    }

    /// When, in milliseconds since 1970.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        match self {
            Self::Prediction(record) => record.time_ms,
            Self::Shadow(record) => record.time_ms,
            Self::Label(record) => record.time_ms,
            Self::Aggregate(record) => record.time_ms,
            Self::Status(record) => record.time_ms,
        }
    }

    /// The node that made it, where it says so.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        let node = match self {
            Self::Prediction(record) => &record.node,
            Self::Shadow(record) => &record.node,
            Self::Label(record) => &record.node,
            Self::Aggregate(record) => &record.node,
            Self::Status(record) => &record.node,
        };
        node.as_deref()
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> RecordKind {
        match self {
            Self::Prediction(_) => RecordKind::Prediction,
            Self::Shadow(_) => RecordKind::Shadow,
            Self::Label(_) => RecordKind::Label,
            Self::Aggregate(_) => RecordKind::Aggregate,
            Self::Status(_) => RecordKind::Status,
        }
    }

    /// The pseudonym of whom it is about, where it says so.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::Prediction(record) => record.source.as_deref(),
            Self::Shadow(record) => record.source.as_deref(),
            Self::Label(_) | Self::Aggregate(_) | Self::Status(_) => None,
        }
    }
}
