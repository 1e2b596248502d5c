//! The contract between the trainer and the edge: what a row is, what a model file holds, what a
//! score means. This crate depends on no other room of the project and does no I/O.
//!
//! SPEC.md beside this crate's sources is the written format.

pub mod artifact;
mod digest;
mod feature;
mod feature_schema;
mod field;
mod header;
pub mod limits;
mod quoted;
#[cfg(feature = "record")]
pub mod record;
#[cfg(feature = "release")]
pub mod release;
mod score;
mod shown_number;
mod text_hash;

pub use artifact::{Artifact, ArtifactError};
pub use digest::{ArtifactDigest, DataDigest, SchemaDigest, sha256};
pub use feature::{Domain, Feature, Kind, MissingPolicy};
pub use feature_schema::{Class, FeatureSchema, Label, SchemaError};
pub use field::{FieldError, is_missing_text};
pub use header::{ColumnMap, HeaderError};
pub use score::{Margin, Score, Verdict};
