//! Trees of `TreeEnsembleClassifier` and `TreeEnsembleRegressor`: parallel lists, keyed by tree and node ids.

use std::collections::HashMap;

use super::super::error::ImportError;
use super::super::peer::{Comparison, MissingRule, PeerNode, PeerTest, PeerTree};
use super::attributes::Attributes;
use super::ensemble::{RawEnsemble, RawTree, Weights};

/// Whether the sum is divided by the number of trees.
pub(super) fn is_average(attributes: &Attributes<'_>) -> Result<bool, ImportError> {
    match attributes.text("aggregate_function").as_str() {
        "" | "SUM" => Ok(false),
        "AVERAGE" => Ok(true),
        other => Err(ImportError::unsupported(
            "aggregate_function",
            other,
            "SUM or AVERAGE",
        )),
    }
}

/// Where a node of the lists stands: its tree, and its position in it.
type Places = HashMap<(i64, i64), (usize, usize)>;

/// Reads the trees; `prefix` is `class` or `target`.
pub(super) fn read(attributes: &Attributes<'_>, prefix: &str) -> Result<RawEnsemble, ImportError> {
    let tree_ids = attributes.ints("nodes_treeids");
    let node_ids = attributes.ints("nodes_nodeids");
    let feature_ids = attributes.ints("nodes_featureids");
    let yes_ids = attributes.ints("nodes_truenodeids");
    let no_ids = attributes.ints("nodes_falsenodeids");
    let modes = attributes.texts("nodes_modes");
    let (values, is_double) = attributes.numbers("nodes_values")?;
    let tracks = attributes.ints("nodes_missing_value_tracks_true");
    let n_nodes = tree_ids.len();
    for (field, found) in [
        ("nodes_nodeids", node_ids.len()),
        ("nodes_featureids", feature_ids.len()),
        ("nodes_truenodeids", yes_ids.len()),
        ("nodes_falsenodeids", no_ids.len()),
        ("nodes_modes", modes.len()),
        ("nodes_values", values.len()),
        (
            "nodes_missing_value_tracks_true",
            // The list is optional.
            if tracks.is_empty() {
                n_nodes
            } else {
                tracks.len()
            },
        ),
    ] {
        if found != n_nodes {
            return Err(wrong_length(attributes, field, found, n_nodes));
        }
    }
    let (places, mut trees) = places(
        attributes,
        tree_ids,
        node_ids,
        |at| yes_ids[at],
        |at| no_ids[at],
        &modes,
    )?;
    for at in 0..n_nodes {
        let id = (tree_ids[at], node_ids[at]);
        let (tree, position) = places[&id];
        let place = || format!("tree {}, node {}", id.0, id.1);
        if modes[at] == "LEAF" {
            continue;
        }
        let comparison = comparison(&modes[at]).ok_or_else(|| {
            ImportError::field(
                place(),
                "nodes_modes",
                &modes[at],
                "LEAF, BRANCH_LEQ, BRANCH_LT, BRANCH_GTE, BRANCH_GT, BRANCH_EQ or BRANCH_NEQ",
            )
        })?;
        let child = |found: i64| {
            places
                .get(&(id.0, found))
                .map(|(_, position)| *position)
                .ok_or(ImportError::ChildRange {
                    tree,
                    node: position,
                    found,
                    n_nodes: trees[tree].nodes.nodes.len(),
                })
        };
        let feature = usize::try_from(feature_ids[at]).map_err(|_| {
            ImportError::field(place(), "nodes_featureids", feature_ids[at], "a column")
        })?;
        let tracks_true = tracks.get(at).is_some_and(|tracks| *tracks != 0);
        let split = PeerNode::Split {
            feature,
            test: test(comparison, values[at], tracks_true),
            yes: child(yes_ids[at])?,
            no: child(no_ids[at])?,
        };
        trees[tree].nodes.nodes[position] = split;
    }
    let (ids, is_double_weight) = read_weights(attributes, prefix, &places, &mut trees)?;
    Ok(RawEnsemble {
        trees,
        ids,
        is_double: is_double || is_double_weight,
    })
}

/// A comparison and what it does with NaN, which no comparison but "not equal" holds for.
pub(super) fn test(comparison: Comparison, threshold: f64, tracks_true: bool) -> PeerTest {
    PeerTest::Compare {
        comparison,
        threshold,
        missing: MissingRule::NanPasses(tracks_true || comparison == Comparison::NotEqual),
    }
}

pub(super) fn wrong_length(
    attributes: &Attributes<'_>,
    field: &str,
    found: usize,
    expected: usize,
) -> ImportError {
    ImportError::field(
        attributes.operator(),
        field,
        format!("{found} entries"),
        expected.to_string(),
    )
}

fn comparison(mode: &str) -> Option<Comparison> {
    Some(match mode {
        "BRANCH_LEQ" => Comparison::LessEqual,
        "BRANCH_LT" => Comparison::Less,
        "BRANCH_GTE" => Comparison::GreaterEqual,
        "BRANCH_GT" => Comparison::Greater,
        "BRANCH_EQ" => Comparison::Equal,
        "BRANCH_NEQ" => Comparison::NotEqual,
        _ => return None,
    })
}

/// Gives every node a place: trees in the order of the lists, in each the root first.
fn places(
    attributes: &Attributes<'_>,
    tree_ids: &[i64],
    node_ids: &[i64],
    yes_of: impl Fn(usize) -> i64,
    no_of: impl Fn(usize) -> i64,
    modes: &[String],
) -> Result<(Places, Vec<RawTree>), ImportError> {
    let mut tree_of: HashMap<i64, usize> = HashMap::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (at, tree_id) in tree_ids.iter().enumerate() {
        let tree = *tree_of.entry(*tree_id).or_insert(members.len());
        if tree == members.len() {
            members.push(Vec::new());
        }
        members[tree].push(at);
    }
    let mut places = Places::with_capacity(tree_ids.len());
    let mut trees = Vec::with_capacity(members.len());
    for (tree, members) in members.iter_mut().enumerate() {
        let mut is_child: HashMap<i64, bool> =
            members.iter().map(|at| (node_ids[*at], false)).collect();
        for at in members.iter().filter(|at| modes[**at] != "LEAF") {
            for child in [yes_of(*at), no_of(*at)] {
                if let Some(is_child) = is_child.get_mut(&child) {
                    *is_child = true;
                }
            }
        }
        // The root is nobody's child. Where there is none the tree is a circle, which its check finds.
        if let Some(root) = members.iter().position(|at| !is_child[&node_ids[*at]]) {
            members.swap(0, root);
        }
        for (position, at) in members.iter().enumerate() {
            let id = (tree_ids[*at], node_ids[*at]);
            if places.insert(id, (tree, position)).is_some() {
                let found = format!("{} twice in tree {}", id.1, id.0);
                let expected = "distinct numbers";
                return Err(ImportError::field(
                    attributes.operator(),
                    "nodes_nodeids",
                    found,
                    expected,
                ));
            }
        }
        let leaf = PeerNode::Leaf {
            value: 0.0,
            cover: 1.0,
        };
        let nodes = PeerTree {
            nodes: vec![leaf; members.len()],
            weight: 1.0,
        };
        let weights = Weights::new(members.len()).of_leaf;
        trees.push(RawTree { nodes, weights });
    }
    Ok((places, trees))
}

/// Reads the weights of leaves. Gives the ids in use, and whether the weights are doubles.
fn read_weights(
    attributes: &Attributes<'_>,
    prefix: &str,
    places: &Places,
    trees: &mut [RawTree],
) -> Result<(Vec<i64>, bool), ImportError> {
    let list = |field: &str| attributes.ints(&format!("{prefix}_{field}"));
    let (tree_ids, node_ids, ids) = (list("treeids"), list("nodeids"), list("ids"));
    let (values, is_double) = attributes.numbers(&format!("{prefix}_weights"))?;
    for (field, found) in [
        ("nodeids", node_ids.len()),
        ("ids", ids.len()),
        ("weights", values.len()),
    ] {
        if found != tree_ids.len() {
            let field = format!("{prefix}_{field}");
            return Err(wrong_length(attributes, &field, found, tree_ids.len()));
        }
    }
    let mut weights: Vec<Weights> = trees
        .iter()
        .map(|tree| Weights::new(tree.weights.len()))
        .collect();
    for at in 0..tree_ids.len() {
        let id = (tree_ids[at], node_ids[at]);
        let place = format!("tree {}, node {}", id.0, id.1);
        let Some((tree, position)) = places.get(&id) else {
            let field = format!("{prefix}_nodeids");
            return Err(ImportError::field(place, field, id.1, "a node of the tree"));
        };
        weights[*tree].set(*position, ids[at], values[at], &place)?;
    }
    for (tree, weights) in trees.iter_mut().zip(weights) {
        tree.weights = weights.of_leaf;
    }
    let mut distinct = ids.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    Ok((distinct, is_double))
}
