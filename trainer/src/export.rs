//! From fitted trees to the artifact's tables.

use picket_schema::artifact::{BuildError, ModelColumns, Operator, TreeNode, Trees, TreesBuilder};
use picket_schema::limits;

use crate::learn::{self, Condition, Node, Test, TreeEnsemble};

/// Why a fitted model cannot be written as an artifact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The leaves need a unit that the format does not have.
    #[error("the leaves are multiples of 2^-{found}; expected an exponent from 0 to {max}", max = limits::MAX_SCALE_LOG2)]
    Scale {
        /// The exponent.
        found: i32,
    },
    /// A leaf does not fit into its field.
    #[error("a leaf is {found} units; expected a number of 32 bits")]
    Leaf {
        /// The leaf's value in units.
        found: i64,
    },
    /// The trees cannot be written as tables.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Writes an ensemble as tables. `columns` are those that it was fitted to.
///
/// # Errors
/// An [`ExportError`] where the ensemble goes beyond what the format can hold.
pub fn tree_table(
    ensemble: &TreeEnsemble,
    columns: &ModelColumns,
) -> Result<Trees<'static>, ExportError> {
    let operator = match ensemble.operator() {
        learn::Operator::LessEqual => Operator::LessEqual,
        learn::Operator::Less => Operator::Less,
    };
    let found = ensemble.scale_log2();
    let scale_log2 = u8::try_from(found).map_err(|_| ExportError::Scale { found })?;
    let base = ensemble.units(ensemble.base());
    let mut builder = TreesBuilder::new(operator, base, scale_log2);
    for tree in ensemble.trees() {
        let nodes = tree
            .nodes()
            .iter()
            .map(|node| tree_node(ensemble, columns, node));
        builder.push(nodes.collect::<Result<_, _>>()?);
    }
    Ok(builder.build()?)
}

fn tree_node(
    ensemble: &TreeEnsemble,
    columns: &ModelColumns,
    node: &Node,
) -> Result<TreeNode, ExportError> {
    match node {
        Node::Leaf { value, cover } => {
            let found = ensemble.units(*value);
            let value = i32::try_from(found).map_err(|_| ExportError::Leaf { found })?;
            // A float's cast saturates, so a cover beyond 32 bits stays the largest there is.
            Ok(TreeNode::Leaf {
                value,
                cover: (cover.round() as u32).max(1),
            })
        }
        Node::Split {
            condition,
            left,
            right,
            ..
        } => {
            let Condition {
                feature,
                missing_left,
                test,
            } = condition;
            let (feature_idx, missing_left) = (*feature as u16, *missing_left);
            let (left, right) = (*left as usize, *right as usize);
            Ok(match test {
                Test::Threshold(threshold) => TreeNode::Threshold {
                    feature_idx,
                    threshold: *threshold,
                    missing_left,
                    left,
                    right,
                },
                Test::Categories(set) => {
                    let n_categories = columns.n_categories(*feature as usize);
                    let halves = set
                        .words()
                        .iter()
                        .flat_map(|word| [*word as u32, (*word >> 32) as u32]);
                    let words = halves.take(n_categories.div_ceil(32)).collect();
                    TreeNode::CategorySet {
                        feature_idx,
                        words,
                        missing_left,
                        left,
                        right,
                    }
                }
            })
        }
    }
}
