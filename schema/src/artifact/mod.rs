//! The artifact: one MessagePack file with everything a scorer needs. SPEC.md is the format.

mod calibration;
mod canonical;
mod card;
mod error;
mod int_table;
mod linear;
mod reader;
mod reference;
mod scan;
mod tree_builder;
mod tree_layout;
mod trees;

use serde::{Deserialize, Serialize};

pub use calibration::{Calibration, Decision};
pub use card::{Card, Metric};
pub use error::ArtifactError;
pub use int_table::IntTable;
pub use linear::{Linear, Term};
pub use reference::{FeatureHistogram, Reference};
pub use tree_builder::{BuildError, TreeNode, TreesBuilder};
pub use tree_layout::{TreeLayout, TreeSpan};
pub use trees::{Condition, Operator, Test, Trees};

use crate::digest::ArtifactDigest;
use crate::feature_schema::FeatureSchema;
use crate::limits;

/// The first value of every artifact.
const MAGIC: &str = "picket";
/// The format version that this code writes and reads.
pub const VERSION: u8 = 1;
/// Every artifact starts so, up to its version: a map of 8 whose first key and value are the magic.
const PREFIX: &[u8] = b"\x88\xa5magic\xa6picket\xa7version";

/// A trained model of any kind.
#[allow(
    clippy::large_enum_variant,
    reason = "there is one a model; a box would only add a step to every access"
)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelTable<'a> {
    /// Trees whose leaves are added.
    #[serde(borrow)]
    Trees(Trees<'a>),
    /// A weighted sum of transformed features.
    #[serde(borrow)]
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
    pub calibration: Calibration,
    /// From score to verdict.
    pub decision: Decision,
    /// What the training rows and scores looked like.
    pub reference: Reference<'a>,
    /// Where the model comes from and how good it is.
    pub card: Card,
}

/// The document as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    magic: &'a str,
    version: u8,
    schema: FeatureSchema,
    #[serde(borrow)]
    model: ModelTable<'a>,
    calibration: Calibration,
    decision: Decision,
    #[serde(borrow)]
    reference: Reference<'a>,
    card: Card,
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
        if bytes.len() > limits::MAX_ARTIFACT_BYTES {
            return Err(ArtifactError::TooLarge { found: bytes.len() });
        }
        check_prefix(bytes)?;
        scan::scan(bytes)?;
        let document: Document<'a> = Document::deserialize(&mut reader::Reader::new(bytes))
            .map_err(|error| ArtifactError::Malformed {
                reason: error.to_string(),
            })?;
        canonical::check(&document, bytes)?;
        let Document {
            schema,
            model,
            calibration,
            decision,
            reference,
            card,
            ..
        } = document;
        let artifact = Self {
            schema,
            model,
            calibration,
            decision,
            reference,
            card,
        };
        let layout = artifact.validate()?;
        Ok((artifact, layout))
    }

    /// Writes the artifact, after validating it.
    ///
    /// # Errors
    /// The [`ArtifactError`] that [`Artifact::decode`] would find in the result.
    pub fn encode(&self) -> Result<Vec<u8>, ArtifactError> {
        self.validate()?;
        let document = Document {
            magic: MAGIC,
            version: VERSION,
            schema: self.schema.clone(),
            model: self.model.clone(),
            calibration: self.calibration,
            decision: self.decision,
            reference: self.reference.clone(),
            card: self.card.clone(),
        };
        let bytes =
            rmp_serde::to_vec_named(&document).map_err(|error| ArtifactError::Malformed {
                reason: error.to_string(),
            })?;
        if bytes.len() > limits::MAX_ARTIFACT_BYTES {
            return Err(ArtifactError::TooLarge { found: bytes.len() });
        }
        scan::scan(&bytes)?;
        Ok(bytes)
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

fn check_prefix(bytes: &[u8]) -> Result<(), ArtifactError> {
    let start = &bytes[..bytes.len().min(PREFIX.len())];
    if start != PREFIX {
        return Err(ArtifactError::WrongMagic {
            found: start.to_vec(),
        });
    }
    match bytes.get(PREFIX.len()) {
        Some(&VERSION) => Ok(()),
        // A positive fixint, or a marker that starts a longer number: either way not version 1.
        Some(&found) => Err(ArtifactError::UnknownVersion { found }),
        None => Err(ArtifactError::Truncated {
            offset: bytes.len(),
        }),
    }
}
