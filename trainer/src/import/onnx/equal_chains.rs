//! Chains of `BRANCH_EQ` that lead to one node: how onnxmltools writes LightGBM's category sets.
//!
//! The chain's nodes ask one feature for one category after the other, and all share the node that a row goes to which
//! has any of them. So the nodes are no tree until a chain is one question.

use super::super::limits::MAX_CATEGORY;
use super::super::peer::{Comparison, MissingRule, PeerNode, PeerTest, PeerTree};

/// Makes each such chain one set. Gives how many nodes that leaves without a parent.
pub(super) fn merge(tree: &mut PeerTree) -> usize {
    let mut n_parents = vec![0_usize; tree.nodes.len()];
    for node in &tree.nodes {
        if let PeerNode::Split { yes, no, .. } = node {
            n_parents[*yes] += 1;
            n_parents[*no] += 1;
        }
    }
    let mut n_merged = 0;
    for at in 0..tree.nodes.len() {
        while let Some((link, test, next)) = merged(tree, at, &n_parents) {
            if let PeerNode::Split {
                test: own_test, no, ..
            } = &mut tree.nodes[at]
            {
                (*own_test, *no) = (test, next);
            }
            // A merged node has no way on, so that nothing merges it again.
            tree.nodes[link] = PeerNode::Leaf {
                value: 0.0,
                cover: 1.0,
            };
            n_merged += 1;
        }
    }
    n_merged
}

/// The next link of the chain that starts at a node, the set of both, and where a row goes that is in neither.
fn merged(tree: &PeerTree, at: usize, n_parents: &[usize]) -> Option<(usize, PeerTest, usize)> {
    let PeerNode::Split {
        feature,
        test,
        yes,
        no,
    } = &tree.nodes[at]
    else {
        return None;
    };
    let PeerNode::Split {
        feature: next_feature,
        test: next_test,
        yes: next_yes,
        no: next_no,
    } = &tree.nodes[*no]
    else {
        return None;
    };
    let is_link = *no != at && n_parents[*no] == 1 && feature == next_feature && yes == next_yes;
    let (words, nan_passes) = set_of(test)?;
    let (next_words, next_nan_passes) = set_of(next_test)?;
    if !is_link || nan_passes != next_nan_passes {
        return None;
    }
    let (mut long, short) = if words.len() >= next_words.len() {
        (words, next_words)
    } else {
        (next_words, words)
    };
    for (word, other) in long.iter_mut().zip(short) {
        *word |= other;
    }
    let test = PeerTest::InSet {
        words: long,
        nan_passes,
    };
    Some((*no, test, *next_no))
}

/// The categories that pass, where the test is for some, and whether NaN passes.
fn set_of(test: &PeerTest) -> Option<(Vec<u32>, bool)> {
    match test {
        PeerTest::InSet { words, nan_passes } => Some((words.clone(), *nan_passes)),
        PeerTest::Compare {
            comparison: Comparison::Equal,
            threshold,
            missing: MissingRule::NanPasses(nan_passes),
        } => {
            let code = *threshold as usize;
            if code as f64 != *threshold || code > MAX_CATEGORY {
                return None;
            }
            let mut words = vec![0; code / 32 + 1];
            words[code / 32] = 1 << (code % 32);
            Some((words, *nan_passes))
        }
        PeerTest::Compare { .. } => None,
    }
}
