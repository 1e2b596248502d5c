//! From the attributes of a tree ensemble to the peer's trees.

use super::super::error::ImportError;
use super::super::peer::{Arithmetic, Output, PeerModel, PeerNode, PeerTree};
use super::super::positive_class::{ClassChoice, PositiveClass};
use super::attributes::Attributes;
use super::graph::EnsembleNode;
use super::{flat_trees, listed_trees};

/// Nodes of all trees; a leaf has one weight for each class or target, where the file gives it one.
pub(super) struct RawEnsemble {
    pub(super) trees: Vec<RawTree>,
    /// The classes or targets that weights are for, ascending.
    pub(super) ids: Vec<i64>,
    pub(super) is_double: bool,
}

/// A tree whose leaves' values are positions in `weights`.
pub(super) struct RawTree {
    pub(super) nodes: PeerTree,
    /// For each node of the tree its weights for class 0 (or the target) and class 1.
    pub(super) weights: Vec<[Option<f64>; 2]>,
}

/// The weights of leaves as the file pairs them with ids.
pub(super) struct Weights {
    pub(super) of_leaf: Vec<[Option<f64>; 2]>,
}

impl Weights {
    pub(super) fn new(n_nodes: usize) -> Self {
        Self {
            of_leaf: vec![[None; 2]; n_nodes],
        }
    }

    /// Notes the weight of a node for a class or target.
    pub(super) fn set(
        &mut self,
        node: usize,
        id: i64,
        weight: f64,
        place: &str,
    ) -> Result<(), ImportError> {
        let slot = usize::try_from(id)
            .ok()
            .and_then(|id| self.of_leaf[node].get_mut(id));
        let slot =
            slot.ok_or_else(|| ImportError::field(place, "class or target", id, "0 or 1"))?;
        if slot.replace(weight).is_some() {
            let found = format!("two weights for {id}");
            return Err(ImportError::field(place, "class or target", found, "one"));
        }
        Ok(())
    }
}

/// Reads the operator.
pub(super) fn read(
    ensemble: &EnsembleNode<'_>,
    choice: &ClassChoice<'_>,
) -> Result<(PeerModel, PositiveClass), ImportError> {
    let attributes = Attributes::new(ensemble.node);
    let operator = attributes.operator();
    let is_classifier = operator == "TreeEnsembleClassifier";
    let (raw, transform, is_average) = if operator == "TreeEnsemble" {
        (
            flat_trees::read(&attributes)?,
            flat_trees::post_transform(&attributes)?,
            flat_trees::is_average(&attributes)?,
        )
    } else {
        let prefix = if is_classifier { "class" } else { "target" };
        (
            listed_trees::read(&attributes, prefix)?,
            attributes.text("post_transform"),
            listed_trees::is_average(&attributes)?,
        )
    };
    let labels = if is_classifier {
        class_labels(&attributes)
    } else {
        Vec::new()
    };
    let (base_values, _) = attributes.numbers("base_values")?;
    check_supported(&attributes, is_classifier, &labels, &raw.ids, &base_values)?;
    let class = choice.choose(&labels)?;
    let has_two = raw.ids.len() == 2;
    let (meaning, leaf_class) = meaning(&transform, has_two, class.index)?;
    let n_trees = raw.trees.len();
    let is_log_odds = match (meaning, ensemble.is_sigmoid) {
        (Meaning::LogOdds, true) => {
            let found = format!("{transform}, then Sigmoid");
            let expected = "one of both";
            return Err(ImportError::unsupported("post_transform", found, expected));
        }
        (meaning, is_sigmoid) => meaning == Meaning::LogOdds || is_sigmoid,
    };
    let output = if is_log_odds {
        Output::LogOdds { slope: 1.0 }
    } else if is_classifier && !any_negative(&raw.trees, &base_values) {
        Output::Probability
    } else {
        let found = format!("{operator} with post_transform NONE");
        Output::Unknown { found }
    };
    let value = |weights: &[Option<f64>; 2]| match weights {
        [first, second] if meaning == Meaning::LogOdds && transform == "SOFTMAX" && has_two => {
            second.unwrap_or(0.0) - first.unwrap_or(0.0)
        }
        _ if has_two => weights[leaf_class].unwrap_or(0.0),
        // One weight a leaf is that of class 1, whichever id it has: so do runtimes read it.
        [first, second] => first.or(*second).unwrap_or(0.0),
    };
    let trees: Vec<PeerTree> = raw
        .trees
        .into_iter()
        .map(|tree| with_values(tree, &value))
        .collect();
    let model = PeerModel {
        made_by: String::new(),
        algorithm: format!("onnx {operator}"),
        features: ensemble.features.clone(),
        trees,
        base: base_values.first().copied().unwrap_or(0.0),
        divisor: if is_average {
            n_trees.max(1) as f64
        } else {
            1.0
        },
        arithmetic: if raw.is_double {
            Arithmetic::F64
        } else {
            Arithmetic::F32
        },
        output,
        leaf_class,
        covers: "one a leaf: ONNX has none, so explanations are relative to rows that reach every leaf alike",
        notes: Vec::new(),
    };
    Ok((model, class))
}

/// Refuses what is no model of two classes with one sum.
fn check_supported(
    attributes: &Attributes<'_>,
    is_classifier: bool,
    labels: &[String],
    ids: &[i64],
    base_values: &[f64],
) -> Result<(), ImportError> {
    let wrong = |what: &str, found: String, expected: &str| {
        Err(ImportError::unsupported(what, found, expected))
    };
    if is_classifier && labels.len() != 2 {
        return wrong("classlabels", labels.len().to_string(), "two classes");
    }
    let n_targets = attributes.int("n_targets").unwrap_or(1);
    if !is_classifier && n_targets != 1 {
        return wrong("n_targets", n_targets.to_string(), "one target");
    }
    if !is_classifier && ids.iter().any(|id| *id != 0) {
        return wrong("target ids", format!("{ids:?}"), "target 0 only");
    }
    let has_base = base_values.iter().any(|base| *base != 0.0);
    if base_values.len() > 1 || (ids.len() == 2 && has_base) {
        let (n, n_classes) = (base_values.len(), ids.len());
        return wrong(
            "base_values",
            format!("{n} numbers with weights for {n_classes} classes"),
            "one number with one weight a leaf, or none: runtimes differ about others",
        );
    }
    Ok(())
}

/// Whether something is added that no probability has.
fn any_negative(trees: &[RawTree], base_values: &[f64]) -> bool {
    let weights = trees.iter().flat_map(|tree| &tree.weights).flatten();
    let weights = weights.flatten().chain(base_values);
    weights.into_iter().any(|weight| *weight < 0.0)
}

/// What the post-transform makes of the sum.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    LogOdds,
    AsItStands,
}

/// The meaning of the sum, and the class whose sum is taken.
fn meaning(
    transform: &str,
    has_two: bool,
    positive: usize,
) -> Result<(Meaning, usize), ImportError> {
    let own = if has_two { positive } else { 1 };
    match transform {
        "" | "NONE" => Ok((Meaning::AsItStands, own)),
        "LOGISTIC" => Ok((Meaning::LogOdds, own)),
        // Two weights, or one that stands for class 1 beside a 0.
        "SOFTMAX" if has_two => Ok((Meaning::LogOdds, 1)),
        other => Err(ImportError::unsupported(
            "post_transform",
            other,
            "NONE, LOGISTIC, or SOFTMAX with two weights a leaf",
        )),
    }
}

fn class_labels(attributes: &Attributes<'_>) -> Vec<String> {
    let numbers = attributes.ints("classlabels_int64s");
    if numbers.is_empty() {
        attributes.texts("classlabels_strings")
    } else {
        numbers.iter().map(ToString::to_string).collect()
    }
}

fn with_values(tree: RawTree, value: &impl Fn(&[Option<f64>; 2]) -> f64) -> PeerTree {
    let RawTree { mut nodes, weights } = tree;
    for (node, weights) in nodes.nodes.iter_mut().zip(&weights) {
        if let PeerNode::Leaf { value: leaf, .. } = node {
            *leaf = value(weights);
        }
    }
    nodes
}
