//! What a prediction turned out to be.

use serde::{Deserialize, Serialize};

use super::error::RecordError;
use super::text::{expect_id, expect_name};

/// What a prediction turned out to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelRecord {
    /// This record's id: 32 hexadecimal digits.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// The node that took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The prediction's id.
    pub prediction: String,
    /// The class, by its name in the schema.
    pub label: String,
}

impl LabelRecord {
    pub(super) fn check(&self) -> Result<(), RecordError> {
        expect_id(&self.prediction, "prediction")?;
        expect_name(&self.label, "label")
    }
}
