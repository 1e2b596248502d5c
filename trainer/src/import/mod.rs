//! Takes over tree models of other libraries, without training again.
//!
//! A reader turns the peer's file into a [`peer::PeerModel`], which keeps the peer's own rules. [`lowering`] says the
//! same in Picket's conditions; [`leaf_scale`] chooses the unit of the leaves; [`certificate`] compares what was written
//! with what the file says. Nothing is written that differs.

mod certificate;
mod covers;
mod error;
mod feature_map;
mod leaf_scale;
mod lightgbm;
mod lightgbm_text;
mod limits;
mod lowering;
mod onnx;
mod peer;
mod positive_class;
mod probe_rows;
mod routing;
mod xgboost;

use std::collections::BTreeMap;

use picket_schema::artifact::{
    Artifact, Calibration, Card, Decision, ModelTable, Reference, TreesBuilder,
};
use picket_schema::{DataDigest, FeatureSchema};
use picket_wasm_model::Model;

pub use certificate::{Certificate, Mismatch};
pub use error::ImportError;
pub use limits::MAX_FILE_BYTES;

use crate::progress::Reporter;
use certificate::Comparison;
use covers::{cover_factor, cover_units};
use feature_map::FeatureMap;
use leaf_scale::LeafScale;
use lowering::Lowering;
use peer::{Output, PeerFeature, PeerModel, PeerNode};
use positive_class::{ClassChoice, PositiveClass};

/// The slope of the sigmoid that comes nearest to the identity on 0..=1: `1 / (1 + exp(-s * (p - 1/2)))` differs from
/// `p` by at most [`PROBABILITY_GAP`], no other slope does better, and 1/2 stays 1/2.
const PROBABILITY_SLOPE: f64 = 5.645;
/// The largest difference, rounded up.
const PROBABILITY_GAP: f64 = 0.0562;

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
    let map = FeatureMap::new(&peer, schema)?;
    let link = Link::of(&peer, &class, options)?;
    let scale = LeafScale::new(&peer, link.sign, link.offset + link.sign * peer.base)?;
    let lowering = Lowering::new(&peer, schema, &map);

    let mut builder = TreesBuilder::new(lowering.operator, scale.base_units(), scale.scale_log2);
    let mut origins = Vec::new();
    for (tree_idx, tree) in peer.trees.iter().enumerate() {
        let factor = cover_factor(tree);
        let lowered = lowering.tree(tree_idx, tree, |node| match tree.nodes[node] {
            PeerNode::Leaf { value, cover } => {
                (scale.units(value, tree.weight), cover_units(cover, factor))
            }
            PeerNode::Split { .. } => (0, 1),
        })?;
        origins.extend(lowered.origins);
        builder.push(lowered.nodes);
    }
    let mut artifact = Artifact {
        schema: schema.clone(),
        model: ModelTable::Trees(builder.build()?),
        calibration: link.calibration,
        decision: Decision {
            threshold: options.threshold,
            uncertain: None,
        },
        // No training rows are at hand.
        reference: Reference {
            features: Vec::new(),
            scores: Vec::new().into(),
        },
        card: card(format, bytes, &peer, schema, options, &class),
    };
    artifact.card.notes.extend(map.notes.iter().cloned());
    artifact.card.notes.push(link.note);

    let written = artifact.encode()?;
    let certificate = Comparison {
        peer: &peer,
        schema,
        map: &map,
        scale: &scale,
        sign: link.sign,
        offset: link.offset,
        origins: &origins,
        seed: options.seed,
        n_random_rows: options.n_random_rows,
    }
    .run(&Model::load(&written)?, reporter)?;
    artifact.card.notes.push(certificate.in_words());
    Ok(Imported {
        bytes: artifact.encode()?,
        certificate,
        positive_class: class.reason,
    })
}

/// From the peer's margin to Picket's, and on to the score.
struct Link {
    /// The margin is `offset + sign *` the peer's.
    sign: f64,
    offset: f64,
    calibration: Calibration,
    /// What the card says of it.
    note: String,
}

impl Link {
    fn of(
        peer: &PeerModel,
        class: &PositiveClass,
        options: &ImportOptions,
    ) -> Result<Self, ImportError> {
        let is_turned = peer.leaf_class != class.index;
        let sign = if is_turned { -1.0 } else { 1.0 };
        let log_odds = |slope: f64| Self {
            sign,
            offset: 0.0,
            calibration: Calibration {
                slope,
                intercept: 0.0,
            },
            note: format!(
                "The margin is the peer's log-odds of class {} (raw score) and the score its probability, not calibrated anew.",
                class.index
            ),
        };
        let probability = Self {
            sign,
            offset: if is_turned { 1.0 } else { 0.0 },
            calibration: Calibration {
                slope: PROBABILITY_SLOPE,
                intercept: -0.5 * PROBABILITY_SLOPE,
            },
            note: format!(
                "The margin is the peer's probability of class {}. The format's score is a sigmoid of the margin: it keeps the order and the side of 0.5, and lies within {PROBABILITY_GAP} of the peer's probability.",
                class.index
            ),
        };
        match (options.output, &peer.output) {
            (None, Output::LogOdds { slope }) => Ok(log_odds(*slope)),
            (Some(MarginKind::LogOdds), Output::LogOdds { slope }) => Ok(log_odds(*slope)),
            (Some(MarginKind::LogOdds), Output::Unknown { .. }) => Ok(log_odds(1.0)),
            (None | Some(MarginKind::Probability), Output::Probability)
            | (Some(MarginKind::Probability), Output::Unknown { .. }) => Ok(probability),
            (None, Output::Unknown { found }) => Err(ImportError::UnknownOutput {
                found: found.clone(),
            }),
            (Some(asked), _) => {
                let (found, expected) = match asked {
                    MarginKind::LogOdds => ("log-odds", "probability, as the file says"),
                    MarginKind::Probability => ("probability", "log-odds, as the file says"),
                };
                Err(ImportError::unsupported("--output", found, expected))
            }
        }
    }
}

fn card(
    format: SourceFormat,
    bytes: &[u8],
    peer: &PeerModel,
    schema: &FeatureSchema,
    options: &ImportOptions,
    class: &PositiveClass,
) -> Card {
    let parameters = BTreeMap::from([
        ("source_format".to_owned(), format.name().to_owned()),
        ("source_library".to_owned(), peer.library.clone()),
        (
            "source_digest".to_owned(),
            DataDigest::of(bytes).to_string(),
        ),
        ("positive_class".to_owned(), class.reason.clone()),
        ("covers".to_owned(), peer.covers.to_owned()),
    ]);
    let mut notes = options.notes.clone();
    notes.push(format!(
        "Imported from a file of {}; trained elsewhere, on data that is not known here: data_digest is zero, and there are no metrics.",
        peer.library
    ));
    notes.extend(peer.notes.iter().cloned());
    let name = if options.name.is_empty() {
        format!("{}-{}", schema.name, format.name())
    } else {
        options.name.clone()
    };
    Card {
        name,
        algorithm: peer.algorithm.clone(),
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: options.seed,
        data_digest: DataDigest([0; 32]),
        parent: None,
        parameters,
        metrics: Vec::new(),
        split: "none".to_owned(),
        n_rows_train: 0,
        n_rows_test: 0,
        memorised_share: 0.0,
        importances: Vec::new(),
        notes,
    }
}
