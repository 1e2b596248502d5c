//! Takes over tree models of other libraries, without training again.
//!
//! A reader turns the peer's file into a `peer::PeerModel`, which keeps the peer's own rules. `lowering` says the
//! same in Picket's conditions; `leaf_scale` chooses the unit of the leaves; `certificate` compares what was written
//! with what the file says. Nothing is written that differs.

mod carried;
mod certificate;
mod covers;
mod error;
mod feature_map;
mod leaf_scale;
mod lightgbm;
mod lightgbm_text;
mod limits;
mod link;
mod lowering;
mod onnx;
mod peer;
mod positive_class;
mod probe_rows;
mod routing;
mod xgboost;
mod xgboost_document;

use picket_schema::FeatureSchema;

pub use certificate::{Certificate, Mismatch};
pub use error::ImportError;
pub use limits::MAX_FILE_BYTES;

use crate::progress::Reporter;
use carried::Carried;
use peer::PeerFeature;
use positive_class::ClassChoice;

/// A file format that models come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFormat {
    /// XGBoost's JSON.
    XgboostJson,
    /// LightGBM's text.
    LightgbmText,
    /// ONNX with one tree ensemble.
    Onnx,
}

impl SourceFormat {
    /// The library or format in one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::XgboostJson => "xgboost",
            Self::LightgbmText => "lightgbm",
            Self::Onnx => "onnx",
        }
    }
}

/// What the sum of a model's leaves is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarginKind {
    /// Log-odds of a class.
    LogOdds,
    /// The probability of a class.
    Probability,
}

/// How to import.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportOptions {
    /// The model's name; empty for `<schema>-<format>`.
    pub name: String,
    /// Which class of the peer, 0 or 1, is the schema's positive one; `None` asks the file's labels, then takes 1.
    pub positive_class: Option<usize>,
    /// What the sum of the leaves is; `None` takes what the file says, and refuses where it does not.
    pub output: Option<MarginKind>,
    /// From which score on a row is positive.
    pub threshold: f64,
    /// What a reader of the card should know.
    pub notes: Vec<String>,
    /// The seed of the certificate's rows.
    pub seed: u64,
    /// How many random rows the certificate takes.
    pub n_random_rows: usize,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            positive_class: None,
            output: None,
            threshold: 0.5,
            notes: Vec::new(),
            seed: 0,
            n_random_rows: 10_000,
        }
    }
}

/// An imported model.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The artifact's file.
    pub bytes: Vec<u8>,
    /// What it was compared with.
    pub certificate: Certificate,
    /// The peer's class that is the positive one, and why.
    pub positive_class: String,
}

/// Imports a model. The same file, schema and options give the same bytes.
///
/// # Errors
/// An [`ImportError`] that names the tree, node or field, and what was expected.
pub fn import(
    format: SourceFormat,
    bytes: &[u8],
    schema: &FeatureSchema,
    options: &ImportOptions,
    reporter: Reporter,
) -> Result<Imported, ImportError> {
    if bytes.len() as u64 > limits::MAX_FILE_BYTES {
        let found = bytes.len() as u64;
        return Err(ImportError::TooLarge { found });
    }
    let choice = ClassChoice {
        asked: options.positive_class,
        label: &schema.label,
    };
    let (mut peer, class) = match format {
        SourceFormat::XgboostJson => (xgboost::read(bytes)?, choice.choose(&[])?),
        SourceFormat::LightgbmText => (lightgbm::read(bytes)?, choice.choose(&[])?),
        SourceFormat::Onnx => onnx::read(bytes, &choice)?,
    };
    if peer.features.is_empty() {
        peer.features = vec![PeerFeature::default(); schema.n_features()];
    }
    peer.check()?;
    let mut carried = Carried::new(&peer, &class, schema, options)?;
    carried.note_source(format, bytes);
    let certificate = carried.certify(&peer, options, reporter)?;
    let card = &mut carried.artifact.card;
    card.notes.push(certificate.in_words());
    Ok(Imported {
        bytes: carried.artifact.encode()?,
        certificate,
        positive_class: class.reason,
    })
}
