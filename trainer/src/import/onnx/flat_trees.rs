//! Trees of `TreeEnsemble`, which ai.onnx.ml 5 has: roots, inner nodes and leaves in flat lists.

use std::collections::HashMap;

use super::super::error::ImportError;
use super::super::limits::MAX_CATEGORY;
use super::super::peer::{Comparison, PeerNode, PeerTest, PeerTree};
use super::attributes::Attributes;
use super::ensemble::{RawEnsemble, RawTree};
use super::listed_trees::{test, wrong_length};

/// The node mode "is in a set".
const MEMBER: i32 = 6;

/// Whether the sum is divided by the number of trees.
pub(super) fn is_average(attributes: &Attributes<'_>) -> Result<bool, ImportError> {
    match attributes.int("aggregate_function").unwrap_or(1) {
        0 => Ok(true),
        1 => Ok(false),
        other => Err(ImportError::unsupported(
            "aggregate_function",
            other,
            "0 (average) or 1 (sum)",
        )),
    }
}

/// The post-transform under its old name.
pub(super) fn post_transform(attributes: &Attributes<'_>) -> Result<String, ImportError> {
    match attributes.int("post_transform").unwrap_or(0) {
        0 => Ok("NONE".to_owned()),
        2 => Ok("LOGISTIC".to_owned()),
        other => Err(ImportError::unsupported(
            "post_transform",
            other,
            "0 (none) or 2 (logistic)",
        )),
    }
}

struct Lists<'a> {
    features: &'a [i64],
    tracks: &'a [i64],
    yes: &'a [i64],
    no: &'a [i64],
    yes_leaf: &'a [i64],
    no_leaf: &'a [i64],
    modes: Vec<i32>,
    splits: Vec<f64>,
    /// The set of each node with mode MEMBER.
    sets: HashMap<usize, Vec<u32>>,
    leaf_weights: Vec<f64>,
}

/// Reads the trees.
pub(super) fn read(attributes: &Attributes<'_>) -> Result<RawEnsemble, ImportError> {
    let (splits, is_double) = attributes.tensor("nodes_splits")?;
    let (leaf_weights, _) = attributes.tensor("leaf_weights")?;
    let modes = attributes.byte_tensor("nodes_modes")?;
    let n_nodes = splits.len();
    let targets = attributes.ints("leaf_targetids");
    if targets.len() != leaf_weights.len() {
        let expected = leaf_weights.len();
        return Err(wrong_length(
            attributes,
            "leaf_targetids",
            targets.len(),
            expected,
        ));
    }
    let lists = Lists {
        features: attributes.ints("nodes_featureids"),
        tracks: attributes.ints("nodes_missing_value_tracks_true"),
        yes: attributes.ints("nodes_truenodeids"),
        no: attributes.ints("nodes_falsenodeids"),
        yes_leaf: attributes.ints("nodes_trueleafs"),
        no_leaf: attributes.ints("nodes_falseleafs"),
        sets: member_sets(attributes, &modes)?,
        modes,
        splits,
        leaf_weights,
    };
    for (field, found) in [
        ("nodes_featureids", lists.features.len()),
        ("nodes_modes", lists.modes.len()),
        ("nodes_truenodeids", lists.yes.len()),
        ("nodes_falsenodeids", lists.no.len()),
        ("nodes_trueleafs", lists.yes_leaf.len()),
        ("nodes_falseleafs", lists.no_leaf.len()),
    ] {
        if found != n_nodes {
            return Err(wrong_length(attributes, field, found, n_nodes));
        }
    }
    let mut is_used = vec![false; n_nodes];
    let roots = attributes.ints("tree_roots").iter().enumerate();
    let trees = roots.map(|(tree, root)| lists.tree(tree, *root, &mut is_used));
    let trees = trees.collect::<Result<_, _>>()?;
    let mut ids = targets.to_vec();
    ids.sort_unstable();
    ids.dedup();
    Ok(RawEnsemble {
        trees,
        ids,
        is_double,
    })
}

impl Lists<'_> {
    /// Copies what a root reaches. Leaves may be shared, inner nodes may not: so every inner node is copied once.
    fn tree(&self, tree: usize, root: i64, is_used: &mut [bool]) -> Result<RawTree, ImportError> {
        let mut nodes: Vec<PeerNode> = Vec::new();
        let mut weights = Vec::new();
        // The place in the lists, whether it is a leaf, and the child of a copied node that it becomes.
        let mut open: Vec<(i64, bool, Option<(usize, bool)>)> = vec![(root, false, None)];
        while let Some((found, is_leaf, parent)) = open.pop() {
            let position = nodes.len();
            if let Some((parent, is_yes)) = parent
                && let PeerNode::Split { yes, no, .. } = &mut nodes[parent]
            {
                *if is_yes { yes } else { no } = position;
            }
            let n = if is_leaf {
                self.leaf_weights.len()
            } else {
                self.splits.len()
            };
            let at = usize::try_from(found).ok().filter(|at| *at < n);
            let at = at.ok_or(ImportError::ChildRange {
                tree,
                node: parent.map_or(0, |(parent, _)| parent),
                found,
                n_nodes: n,
            })?;
            if is_leaf {
                nodes.push(PeerNode::Leaf {
                    value: 0.0,
                    cover: 1.0,
                });
                weights.push([Some(self.leaf_weights[at]), None]);
                continue;
            }
            if core::mem::replace(&mut is_used[at], true) {
                return Err(ImportError::NotATree { tree, node: at });
            }
            nodes.push(PeerNode::Split {
                feature: usize::try_from(self.features[at]).unwrap_or(usize::MAX),
                test: self.test(tree, at)?,
                yes: 0,
                no: 0,
            });
            weights.push([None; 2]);
            open.push((self.no[at], self.no_leaf[at] != 0, Some((position, false))));
            open.push((self.yes[at], self.yes_leaf[at] != 0, Some((position, true))));
        }
        let nodes = PeerTree { nodes, weight: 1.0 };
        Ok(RawTree { nodes, weights })
    }

    fn test(&self, tree: usize, at: usize) -> Result<PeerTest, ImportError> {
        let tracks_true = self.tracks.get(at).is_some_and(|tracks| *tracks != 0);
        let comparison = match self.modes[at] {
            0 => Comparison::LessEqual,
            1 => Comparison::Less,
            2 => Comparison::GreaterEqual,
            3 => Comparison::Greater,
            4 => Comparison::Equal,
            5 => Comparison::NotEqual,
            MEMBER => {
                return Ok(PeerTest::InSet {
                    words: self.sets.get(&at).cloned().unwrap_or_default(),
                    nan_passes: tracks_true,
                });
            }
            other => {
                let place = format!("tree {tree}, node {at}");
                let expected = "a mode from 0 to 6";
                return Err(ImportError::field(place, "nodes_modes", other, expected));
            }
        };
        Ok(test(comparison, self.splits[at], tracks_true))
    }
}

/// The sets of the nodes with mode MEMBER: numbers in the nodes' order, each set ended by NaN.
fn member_sets(
    attributes: &Attributes<'_>,
    modes: &[i32],
) -> Result<HashMap<usize, Vec<u32>>, ImportError> {
    let nodes = modes.iter().enumerate();
    let nodes: Vec<usize> = nodes
        .filter(|(_, mode)| **mode == MEMBER)
        .map(|(node, _)| node)
        .collect();
    if nodes.is_empty() {
        return Ok(HashMap::new());
    }
    let wrong = |found: String, expected: String| {
        ImportError::field(attributes.operator(), "membership_values", found, expected)
    };
    let (members, _) = attributes.tensor("membership_values")?;
    let mut sets: Vec<Vec<u32>> = Vec::new();
    let mut words = Vec::new();
    for member in members {
        if member.is_nan() {
            sets.push(core::mem::take(&mut words));
            continue;
        }
        let code = member as usize;
        if code as f64 != member || code > MAX_CATEGORY {
            let expected = format!("a category from 0 to {MAX_CATEGORY}");
            return Err(wrong(member.to_string(), expected));
        }
        if words.len() <= code / 32 {
            words.resize(code / 32 + 1, 0);
        }
        words[code / 32] |= 1 << (code % 32);
    }
    if sets.len() != nodes.len() {
        let found = format!("{} sets", sets.len());
        return Err(wrong(found, nodes.len().to_string()));
    }
    Ok(nodes.into_iter().zip(sets).collect())
}
