//! Trees walked node by node in the tables of the file: nothing is prepared, so the first rows after
//! loading are scored so.

use picket_schema::artifact::{TreeLayout, TreeSpan, Trees};

/// A tree, or a part of it from a node down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subtree {
    pub(super) node: u32,
    /// How many inner nodes it has.
    pub(super) size: u32,
    pub(super) leaf: u32,
}

impl From<TreeSpan> for Subtree {
    fn from(span: TreeSpan) -> Self {
        let TreeSpan { node, size, leaf } = span;
        Self { node, size, leaf }
    }
}

impl Subtree {
    /// The two subtrees below its inner node; it must have one.
    pub(super) fn children(self, layout: &TreeLayout) -> (Self, Self) {
        let left_size = layout.left_sizes[self.node as usize];
        let left = Self {
            node: self.node + 1,
            size: left_size,
            leaf: self.leaf,
        };
        let right = Self {
            node: self.node + 1 + left_size,
            size: self.size - 1 - left_size,
            leaf: self.leaf + 1 + left_size,
        };
        (left, right)
    }
}

/// The leaves that a row reaches in all trees, added. `rights` says for each condition whether the
/// row goes right there: 0 or all ones.
pub(crate) fn sum_of_leaves(trees: &Trees<'_>, layout: &TreeLayout, rights: &[u32]) -> i64 {
    let table = &trees.node_conditions;
    // Reading a number of a known width of whole bytes is one load.
    match table.width {
        8 => {
            let conditions = &table.bytes[..];
            walk(trees, layout, rights, |node| conditions[node].into())
        }
        16 => {
            let conditions = table.bytes.as_chunks().0;
            walk(trees, layout, rights, |node| {
                u16::from_le_bytes(conditions[node]).into()
            })
        }
        _ => walk(trees, layout, rights, |node| table.get(node).unwrap_or(0)),
    }
}

fn walk(
    trees: &Trees<'_>,
    layout: &TreeLayout,
    rights: &[u32],
    condition: impl Fn(usize) -> u32,
) -> i64 {
    let mut sum = 0;
    for span in &layout.spans {
        let Subtree {
            mut node,
            mut size,
            mut leaf,
        } = Subtree::from(*span);
        while size > 0 {
            let right = rights[condition(node as usize) as usize];
            let left = layout.left_sizes[node as usize];
            node += 1 + (left & right);
            leaf += (left + 1) & right;
            size = (left & !right) | ((size - 1 - left) & right);
        }
        sum += i64::from(trees.leaf_value(leaf as usize).unwrap_or(0));
    }
    sum
}
