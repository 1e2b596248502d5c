//! The artifact: one MessagePack file with everything a scorer needs. SPEC.md is the format.

mod blend;
mod calibration;
mod card;
mod decision;
mod error;
mod int_table;
mod kernel;
mod linear;
mod metric;
mod model_columns;
mod neighbour_imputer;
mod neighbours;
mod packed_rows;
mod reader;
mod reference;
mod transform;
mod tree_builder;
mod tree_layout;
mod trees;

use serde::Serialize;

pub use blend::{Blend, Member};
pub use calibration::{Calibration, Isotonic, Platt};
pub use card::{Card, Metric};
pub use decision::Decision;
pub use error::ArtifactError;
pub use int_table::IntTable;
pub use kernel::Kernel;
pub use linear::{Linear, Term};
pub use model_columns::{ColumnKind, ModelColumn, ModelColumns};
pub use neighbour_imputer::{NeighbourImputer, NeighbourWeights};
pub use neighbours::Neighbours;
pub use packed_rows::{Levels, PackedRows, RowDecoder};
pub use reference::{FeatureHistogram, Reference};
pub use transform::{Column, Step, Transform};
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
/// Every artifact starts so, up to its version: a map of 9 whose first key and value are the magic.
const PREFIX: &[u8] = b"\x89\xa5magic\xa6picket\xa7version";
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
    /// The share of positive rows among the nearest training rows.
    Neighbours(Neighbours<'a>),
    /// A machine with radial basis functions.
    Kernel(Kernel<'a>),
    /// A weighted sum of other models' margins.
    Blend(Blend<'a>),
}

/// The content of an artifact. Tables are borrowed from the file's bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact<'a> {
    /// What a row holds.
    pub schema: FeatureSchema,
    /// What is done to a row before the model reads it.
    pub transform: Transform<'a>,
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
    transform: &'d Transform<'a>,
    model: &'d ModelTable<'a>,
    calibration: &'d Calibration<'a>,
    decision: Decision,
    reference: &'d Reference<'a>,
    card: &'d Card,
}

impl<'a> ModelTable<'a> {
    fn read(reader: &mut Reader<'a>) -> Self {
        match reader.choice() {
            "blend" => Self::Blend(Blend::read(reader)),
            kind => Self::read_kind(reader, kind, "trees, linear, neighbours, kernel or blend"),
        }
    }

    /// Reads a model that may stand in a blend: any but a blend, so that reading ends.
    fn read_member(reader: &mut Reader<'a>) -> Self {
        let kind = reader.choice();
        Self::read_kind(reader, kind, "trees, linear, neighbours or kernel")
    }

    fn read_kind(reader: &mut Reader<'a>, kind: &str, expected: &str) -> Self {
        match kind {
            "trees" => Self::Trees(Trees::read(reader)),
            "linear" => Self::Linear(Linear::read(reader)),
            "neighbours" => Self::Neighbours(Neighbours::read(reader)),
            "kernel" => Self::Kernel(Kernel::read(reader)),
            other => {
                reader.unknown(other, expected);
                Self::Linear(Linear::default())
            }
        }
    }

    /// The layouts of the trees, one a table of trees, in the order of the file.
    fn validate(&self, columns: &ModelColumns) -> Result<Vec<TreeLayout>, ArtifactError> {
        match self {
            Self::Trees(trees) => return Ok(vec![trees.validate(columns)?]),
            Self::Blend(blend) => return blend.validate(columns),
            Self::Linear(linear) => linear.validate(columns)?,
            Self::Neighbours(neighbours) => neighbours.validate(columns)?,
            Self::Kernel(kernel) => kernel.validate(columns)?,
        }
        Ok(Vec::new())
    }

    /// The tables without blends: this one, or the members of a blend, each with its weight.
    pub fn members(&self) -> impl Iterator<Item = (f64, &ModelTable<'a>)> {
        let (alone, members) = match self {
            Self::Blend(blend) => (None, blend.members.as_slice()),
            other => (Some((1.0, other)), [].as_slice()),
        };
        let members = members.iter().map(|member| (member.weight, &member.model));
        alone.into_iter().chain(members)
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
        Ok(Self::decode_with_layouts(bytes)?.0)
    }

    /// As [`Artifact::decode`]; also gives the layouts of the trees, which validation counts anyway: one
    /// for each table of trees, in the order of [`ModelTable::members`].
    ///
    /// # Errors
    /// As [`Artifact::decode`].
    pub fn decode_with_layouts(bytes: &'a [u8]) -> Result<(Self, Vec<TreeLayout>), ArtifactError> {
        let artifact = Self::read(bytes)?;
        let layouts = artifact.validate()?;
        Ok((artifact, layouts))
    }

    fn read(bytes: &'a [u8]) -> Result<Self, ArtifactError> {
        let mut reader = after_prefix(bytes)?;
        let artifact = Self {
            schema: FeatureSchema::read(reader.key("schema")),
            transform: Transform::read(reader.key("transform")),
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
            transform: &self.transform,
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

    /// The columns that the model's tables index: those of a row after the transform.
    #[must_use]
    pub fn columns(&self) -> ModelColumns {
        self.transform.columns(ModelColumns::from(&self.schema))
    }

    fn validate(&self) -> Result<Vec<TreeLayout>, ArtifactError> {
        self.schema.validate()?;
        let columns = self.transform.validate(ModelColumns::from(&self.schema))?;
        let layouts = self.model.validate(&columns)?;
        self.calibration.validate()?;
        self.decision.validate()?;
        self.reference.validate(&self.schema)?;
        self.card.validate(&self.schema)?;
        Ok(layouts)
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
