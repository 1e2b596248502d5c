//! What can be wrong with a peer's model file, with its place.

use picket_schema::artifact::BuildError;
use picket_schema::{ArtifactError, limits as schema_limits};
use picket_wasm_model::RowError;

use super::certificate::Mismatch;
use super::limits::{MAX_FILE_BYTES, MAX_NODES};

/// Why a peer's model cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file is larger than any model should be.
    #[error("the file has {found} bytes; expected at most {MAX_FILE_BYTES}")]
    TooLarge {
        /// Its size.
        found: u64,
    },
    /// The file is not of the format that was named.
    #[error("not {format}: {reason}")]
    Malformed {
        /// The format in words.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A field is absent.
    #[error("{place}: {field} is missing")]
    MissingField {
        /// The tree or section.
        place: String,
        /// The field.
        field: String,
    },
    /// A field has a value that it cannot have.
    #[error("{place}: {field} is {found}; expected {expected}")]
    Field {
        /// The tree and node, or section.
        place: String,
        /// The field.
        field: String,
        /// What it holds.
        found: String,
        /// What it may hold.
        expected: String,
    },
    /// The model does something that Picket's format cannot say.
    #[error("{what}: found {found}; expected {expected}")]
    Unsupported {
        /// The property.
        what: String,
        /// What the file has.
        found: String,
        /// What can be imported.
        expected: String,
    },
    /// It is not known whether the sum of the leaves is log-odds or a probability.
    #[error(
        "{found}: whether its sum is log-odds or a probability is not in the file; expected --output log-odds or --output probability"
    )]
    UnknownOutput {
        /// The objective or operator.
        found: String,
    },
    /// A tree has no nodes.
    #[error("tree {tree} has no nodes")]
    EmptyTree {
        /// The tree.
        tree: usize,
    },
    /// A child is not a node of its tree.
    #[error("tree {tree}, node {node}: child {found}; expected less than {n_nodes}")]
    ChildRange {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
        /// The child.
        found: i64,
        /// How many nodes the tree has.
        n_nodes: usize,
    },
    /// A node is reached twice: a cycle, or two parents.
    #[error("tree {tree}: node {node} is reached twice; expected a tree")]
    NotATree {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
    },
    /// A tree is too deep.
    #[error("tree {tree} has more than {max} levels", max = schema_limits::MAX_TREE_DEPTH)]
    Depth {
        /// The tree.
        tree: usize,
    },
    /// There are too few or too many trees.
    #[error("the model has {found} trees; expected 1 to {max}", max = schema_limits::MAX_TREES)]
    TreeCount {
        /// How many there are.
        found: usize,
    },
    /// There are too many nodes.
    #[error("the model has more than {MAX_NODES} nodes")]
    NodeCount,
    /// A leaf's value cannot be summed.
    #[error("tree {tree}, node {node}: the leaf is {found}; expected a finite number")]
    Leaf {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
        /// The value.
        found: f64,
    },
    /// A threshold has no finite counterpart in 32 bits.
    #[error(
        "tree {tree}, node {node}: the threshold {found} separates no finite number of 32 bits from another"
    )]
    Threshold {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
        /// The threshold.
        found: f64,
    },
    /// A feature index is out of range.
    #[error("tree {tree}, node {node}: feature {found}; expected less than {n_features}")]
    FeatureIndex {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
        /// The feature.
        found: i64,
        /// How many the peer has.
        n_features: usize,
    },
    /// The peer names a feature that the schema does not have.
    #[error("the model asks for the feature {found:?}, which the schema does not have{}", suggestion(.nearest))]
    UnknownFeature {
        /// The peer's name.
        found: String,
        /// The schema's name that looks most like it.
        nearest: Option<String>,
    },
    /// Two features of the peer have one name.
    #[error("the model has two features named {found:?}; expected distinct names")]
    DuplicateFeature {
        /// The name.
        found: String,
    },
    /// The peer does not name features and has another number of them than the schema.
    #[error(
        "the model has {found} features without names; expected {expected}, the schema's number, in its order"
    )]
    FeatureCount {
        /// The peer's number.
        found: usize,
        /// The schema's number.
        expected: usize,
    },
    /// A categorical split on a feature that is not categorical.
    #[error(
        "tree {tree}, node {node}: splits {feature:?} by categories; expected a feature that the schema calls categorical"
    )]
    NotCategorical {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
        /// The schema's feature.
        feature: String,
    },
    /// The peer knows none of a feature's categories.
    #[error(
        "feature {feature:?}: the model knows the categories {found}; expected some of the schema's: {expected}"
    )]
    Categories {
        /// The feature.
        feature: String,
        /// The peer's categories.
        found: String,
        /// The schema's.
        expected: String,
    },
    /// Carrying the missing rules exactly makes the trees too large.
    #[error(
        "tree {tree}: carrying its rules for zero, missing and infinite values takes more than {max} nodes"
    )]
    Growth {
        /// The tree at which the cap was reached.
        tree: usize,
        /// The cap.
        max: usize,
    },
    /// The leaves are too large for the format.
    #[error("the largest leaf is {found}; expected less than 2^31")]
    LeafRange {
        /// Its magnitude.
        found: f64,
    },
    /// The carried model does not do what the peer's does.
    #[error("the carried model differs from the file: {0}")]
    Parity(Box<Mismatch>),
    /// The trees do not fit into the tables.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The artifact made here is not valid.
    #[error("the imported model makes no valid artifact: {0}")]
    Artifact(#[from] ArtifactError),
    /// A row made here does not fit the model.
    #[error(transparent)]
    Row(#[from] RowError),
}

impl ImportError {
    /// Whether the file or the options are to blame, not this code.
    #[must_use]
    pub fn is_input_error(&self) -> bool {
        !matches!(self, Self::Parity(_) | Self::Row(_))
    }

    pub(super) fn field(
        place: impl Into<String>,
        field: impl Into<String>,
        found: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        Self::Field {
            place: place.into(),
            field: field.into(),
            found: shown(&found.to_string()),
            expected: expected.into(),
        }
    }

    pub(super) fn missing(place: impl Into<String>, field: impl Into<String>) -> Self {
        Self::MissingField {
            place: place.into(),
            field: field.into(),
        }
    }

    pub(super) fn unsupported(
        what: impl Into<String>,
        found: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        Self::Unsupported {
            what: what.into(),
            found: shown(&found.to_string()),
            expected: expected.into(),
        }
    }
}

/// Cuts what a hostile file holds to a length fit for a message.
pub(super) fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}
