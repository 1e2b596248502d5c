//! The artifact: one MessagePack file with everything a scorer needs. SPEC.md is the format.

mod calibration;
mod card;
mod decision;
mod error;
mod int_table;
mod linear;
mod reader;
mod reference;
mod tree_builder;
mod tree_layout;
mod trees;

use serde::Serialize;

pub use calibration::{Calibration, Isotonic, Platt};
pub use card::{Card, Metric};
pub use decision::Decision;
pub use error::ArtifactError;
pub use int_table::IntTable;
pub use linear::{Linear, Term};
pub use reference::{FeatureHistogram, Reference};
pub use tree_builder::{BuildError, TreeNode, TreesBuilder};
pub use tree_layout::{TreeLayout, TreeSpan};
pub use trees::{Condition, Operator, Test, Trees};

use reader::Reader;

use crate::digest::{ArtifactDigest, SchemaDigest};
use crate::feature_schema::FeatureSchema;
use crate::limits;

/// The first value of every artifact.
const MAGIC: &str = "picket";
/// The format version that this code writes and reads.
pub const VERSION: u8 = 1;
/// Every artifact starts so, up to its version: a map of 8 whose first key and value are the magic.
const PREFIX: &[u8] = b"\x88\xa5magic\xa6picket\xa7version";
/// The values up to the version: the map, two keys, two values.
const PREFIX_VALUES: usize = 5;

/// A trained model of any kind.
#[allow(
    clippy::large_enum_variant,
    reason = "there is one a model; a box would only add a step to every access"
)]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelTable<'a> {
    /// Trees whose leaves are added.
    Trees(Trees<'a>),
    /// A weighted sum of transformed features.
    Linear(Linear<'a>),
}

/// The content of an artifact. Tables are borrowed from the file's bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact<'a> {
    /// What a row holds.
    pub schema: FeatureSchema,
    /// The model.
    pub model: ModelTable<'a>,
    /// From margin to score.
    pub calibration: Calibration<'a>,
    /// From score to verdict.
    pub decision: Decision,
    /// What the training rows and scores looked like.
    pub reference: Reference<'a>,
    /// Where the model comes from and how good it is.
    pub card: Card,
}

/// The document as it is written.
#[derive(Serialize)]
struct Document<'d, 'a> {
    magic: &'static str,
    version: u8,
    schema: &'d FeatureSchema,
    model: &'d ModelTable<'a>,
    calibration: &'d Calibration<'a>,
    decision: Decision,
    reference: &'d Reference<'a>,
    card: &'d Card,
}

impl<'a> ModelTable<'a> {
    fn read(reader: &mut Reader<'a>) -> Self {
        match reader.choice() {
            "trees" => Self::Trees(Trees::read(reader)),
            "linear" => Self::Linear(Linear::read(reader)),
            other => {
                reader.unknown(other, "trees or linear");
                Self::Linear(Linear::default())
            }
        }
    }
}

impl<'a> Artifact<'a> {
    /// Reads and validates an artifact without copying its tables.
    ///
    /// The input is taken for hostile: this never panics, and allocates at most a small multiple
    /// of the input's size.
    ///
    /// # Errors
    /// An [`ArtifactError`] that names the cause, what was found and what was expected.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, ArtifactError> {
        Ok(Self::decode_with_layout(bytes)?.0)
    }

    /// As [`Artifact::decode`]; also gives the layout of the trees, which validation counts anyway.
    /// A model without trees has an empty one.
    ///
    /// # Errors
    /// As [`Artifact::decode`].
    pub fn decode_with_layout(bytes: &'a [u8]) -> Result<(Self, TreeLayout), ArtifactError> {
        let artifact = Self::read(bytes)?;
        let layout = artifact.validate()?;
        Ok((artifact, layout))
    }

    fn read(bytes: &'a [u8]) -> Result<Self, ArtifactError> {
        let mut reader = after_prefix(bytes)?;
        let artifact = Self {
            schema: FeatureSchema::read(reader.key("schema")),
            model: ModelTable::read(reader.key("model")),
            calibration: Calibration::read(reader.key("calibration")),
            decision: Decision::read(reader.key("decision")),
            reference: Reference::read(reader.key("reference")),
            card: Card::read(reader.key("card")),
        };
        reader.finish_at_end()?;
        Ok(artifact)
    }

    /// Writes the artifact.
    ///
    /// # Errors
    /// The [`ArtifactError`] that [`Artifact::decode`] finds in the result.
    pub fn encode(&self) -> Result<Vec<u8>, ArtifactError> {
        let document = Document {
            magic: MAGIC,
            version: VERSION,
            schema: &self.schema,
            model: &self.model,
            calibration: &self.calibration,
            decision: self.decision,
            reference: &self.reference,
            card: &self.card,
        };
        let bytes =
            rmp_serde::to_vec_named(&document).map_err(|error| ArtifactError::Malformed {
                reason: error.to_string(),
            })?;
        // The decoder holds all rules; what it refuses is never written.
        Artifact::decode(&bytes)?;
        Ok(bytes)
    }

    /// The digest of the schema as it stands in an artifact's file: that of
    /// [`FeatureSchema::digest`], without writing the schema again.
    ///
    /// # Errors
    /// As [`Artifact::decode`], for the part of the file up to the schema's end.
    pub fn schema_digest(bytes: &[u8]) -> Result<SchemaDigest, ArtifactError> {
        let mut reader = after_prefix(bytes)?;
        let start = reader.key("schema").offset();
        FeatureSchema::read(&mut reader);
        let digest = SchemaDigest::of(reader.since(start));
        reader.finish()?;
        Ok(digest)
    }

    /// The digest of an artifact's file.
    #[must_use]
    pub fn digest(bytes: &[u8]) -> ArtifactDigest {
        ArtifactDigest::of(bytes)
    }

    fn validate(&self) -> Result<TreeLayout, ArtifactError> {
        self.schema.validate()?;
        let layout = match &self.model {
            ModelTable::Trees(trees) => trees.validate(&self.schema)?,
            ModelTable::Linear(linear) => {
                linear.validate(&self.schema)?;
                TreeLayout::default()
            }
        };
        self.calibration.validate()?;
        self.decision.validate()?;
        self.reference.validate(&self.schema)?;
        self.card.validate(&self.schema)?;
        Ok(layout)
    }
}

/// A reader behind the version of an artifact that is not too large.
fn after_prefix(bytes: &[u8]) -> Result<Reader<'_>, ArtifactError> {
    if bytes.len() > limits::MAX_ARTIFACT_BYTES {
        return Err(ArtifactError::TooLarge { found: bytes.len() });
    }
    let start = &bytes[..bytes.len().min(PREFIX.len())];
    if start != PREFIX {
        let found = start.to_vec();
        return Err(ArtifactError::WrongMagic { found });
    }
    match bytes.get(PREFIX.len()) {
        Some(&VERSION) => Ok(Reader::new(bytes, PREFIX.len() + 1, PREFIX_VALUES)),
        // A positive fixint, or a marker that starts a longer number: either way not version 1.
        Some(&found) => Err(ArtifactError::UnknownVersion { found }),
        None => {
            let offset = bytes.len();
            Err(ArtifactError::Truncated { offset })
        }
    }
}
