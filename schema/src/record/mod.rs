//! Records: what an edge node keeps of its answers and sends to the trainer.
//!
//! A record is a JSON object with a `kind`. [`Record::from_json`] is the one place that says what a record may
//! hold; [`json_schema`] says the same, as far as it can, in the language of MongoDB's validators.
//! `docs/records.md` is the written form.

mod aggregate;
mod error;
mod json_schema;
mod label;
mod prediction;
mod pseudonym;
#[expect(clippy::module_inception, reason = "the noun is the folder's")]
mod record;
mod shadow;
mod status;
mod text;

pub use aggregate::{AggregateRecord, FeatureCounts, VerdictCounts};
pub use error::RecordError;
pub use json_schema::json_schema;
pub use label::LabelRecord;
pub use prediction::{ModelName, PredictionRecord};
pub use pseudonym::{KeyTooShort, Pseudonyms};
pub use record::{Record, RecordKind};
pub use shadow::{ChampionAnswer, ShadowRecord};
pub use status::{SpoolState, StatusRecord};
pub use text::{MAX_NODE_BYTES, is_node, is_pseudonym, is_record_id};

/// The latest time in milliseconds, and the largest count: what every reader of JSON can hold.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;
