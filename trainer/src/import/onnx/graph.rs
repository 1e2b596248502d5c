//! Finds the one tree ensemble in a graph, and what stands round it.

use super::super::error::ImportError;
use super::super::peer::PeerFeature;
use super::proto::{GraphProto, NodeProto, ValueInfoProto};

/// Operators that hold trees.
const ENSEMBLES: [&str; 3] = [
    "TreeEnsembleClassifier",
    "TreeEnsembleRegressor",
    "TreeEnsemble",
];
/// Operators that hand values on as they are, or only change how they are shown.
const HARMLESS: [&str; 4] = ["Cast", "Identity", "ZipMap", "Reshape"];

/// A tree ensemble and its features.
pub(super) struct EnsembleNode<'a> {
    pub(super) node: &'a NodeProto,
    /// The features, named where the graph has one input a feature; empty where their number is not known.
    pub(super) features: Vec<PeerFeature>,
    /// Whether a Sigmoid follows.
    pub(super) is_sigmoid: bool,
}

/// Looks at every node: one is an ensemble, all others must be known to be harmless.
pub(super) fn find_ensemble(graph: &GraphProto) -> Result<EnsembleNode<'_>, ImportError> {
    let is_ensemble = |node: &&NodeProto| ENSEMBLES.contains(&node.op_type());
    let ensembles: Vec<&NodeProto> = graph.node.iter().filter(is_ensemble).collect();
    let [node] = ensembles[..] else {
        return Err(ImportError::unsupported(
            "tree ensembles in the graph",
            ensembles.len(),
            "one TreeEnsembleClassifier, TreeEnsembleRegressor or TreeEnsemble",
        ));
    };
    let features = features(graph, node)?;
    let mut is_sigmoid = false;
    // What the ensemble puts out, and what comes of it.
    let mut derived: Vec<&str> = node.output.iter().map(String::as_str).collect();
    let mut upstream: Vec<&str> = upstream_of(graph, node);
    for other in graph.node.iter().filter(|other| !is_ensemble(other)) {
        let name = other.op_type();
        let is_after = other
            .input
            .iter()
            .any(|input| derived.contains(&input.as_str()));
        let is_before = other
            .output
            .iter()
            .any(|output| upstream.contains(&output.as_str()));
        let is_known = match name {
            "Sigmoid" if is_after && node.op_type() != "TreeEnsembleClassifier" => {
                is_sigmoid = true;
                true
            }
            // Checked with the features.
            "Concat" => is_before,
            _ => HARMLESS.contains(&name),
        };
        if !is_known {
            return Err(ImportError::unsupported(
                "an operator beside the trees",
                name,
                "Cast, Identity, Reshape, ZipMap; Concat before the trees, or Sigmoid after a regressor",
            ));
        }
        if is_after {
            derived.extend(other.output.iter().map(String::as_str));
        }
        if is_before {
            upstream.extend(other.input.iter().map(String::as_str));
        }
    }
    Ok(EnsembleNode {
        node,
        features,
        is_sigmoid,
    })
}

/// Values that the ensemble's input is made from, the input included.
fn upstream_of<'a>(graph: &'a GraphProto, node: &'a NodeProto) -> Vec<&'a str> {
    let mut upstream: Vec<&str> = node.input.iter().map(String::as_str).collect();
    let mut at = 0;
    while at < upstream.len() && upstream.len() <= graph.node.len() * 2 + 4096 {
        let value = upstream[at];
        let maker = graph
            .node
            .iter()
            .find(|other| other.output.iter().any(|output| output == value));
        for input in maker.map_or(&[][..], |maker| maker.input.as_slice()) {
            if !upstream.contains(&input.as_str()) {
                upstream.push(input);
            }
        }
        at += 1;
    }
    upstream
}

/// The features of a row: the columns of one input, or one input each, put together by Concat.
fn features(graph: &GraphProto, node: &NodeProto) -> Result<Vec<PeerFeature>, ImportError> {
    let mut value = node.input.first().map_or("", String::as_str);
    // Each step goes to a value made earlier; a graph that goes in circles ends at the bound.
    for _ in 0..=graph.node.len() {
        if let Some(input) = input_of(graph, value) {
            let width = width_of(input).filter(|n| *n <= picket_schema::limits::MAX_FEATURES);
            return Ok(vec![PeerFeature::default(); width.unwrap_or(0)]);
        }
        let maker = graph
            .node
            .iter()
            .find(|other| other.output.iter().any(|output| output == value));
        let Some(maker) = maker else { break };
        if maker.op_type() == "Concat" {
            return maker
                .input
                .iter()
                .map(|name| column_name(graph, name))
                .collect();
        }
        value = maker.input.first().map_or("", String::as_str);
    }
    Err(ImportError::unsupported(
        "the input of the trees",
        value,
        "the graph's input, or a Concat of its inputs",
    ))
}

/// The input of one column that a Concat takes, maybe through a Cast.
fn column_name(graph: &GraphProto, value: &str) -> Result<PeerFeature, ImportError> {
    let mut name = value;
    for _ in 0..=graph.node.len() {
        if let Some(input) = input_of(graph, name) {
            if width_of(input).is_some_and(|width| width != 1) {
                let expected = "inputs of one column";
                return Err(ImportError::unsupported(
                    "an input of Concat",
                    name,
                    expected,
                ));
            }
            return Ok(PeerFeature {
                name: Some(name.to_owned()),
                categories: None,
            });
        }
        let maker = graph
            .node
            .iter()
            .find(|other| other.output.iter().any(|output| output == name));
        match maker {
            Some(maker) if matches!(maker.op_type(), "Cast" | "Identity") => {
                name = maker.input.first().map_or("", String::as_str);
            }
            _ => break,
        }
    }
    Err(ImportError::unsupported(
        "an input of Concat",
        value,
        "one of the graph's inputs",
    ))
}

fn input_of<'a>(graph: &'a GraphProto, name: &str) -> Option<&'a ValueInfoProto> {
    graph.input.iter().find(|input| input.name() == name)
}

/// The size of the last axis, where it is fixed.
fn width_of(input: &ValueInfoProto) -> Option<usize> {
    let shape = input
        .r#type
        .as_ref()?
        .tensor_type
        .as_ref()?
        .shape
        .as_ref()?;
    let width = shape.dim.last()?.dim_value?;
    usize::try_from(width).ok().filter(|width| *width > 0)
}
