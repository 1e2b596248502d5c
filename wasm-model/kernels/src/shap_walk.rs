//! The walk of an explanation over one tree: down with products, up with values, at some points of a
//! quadrature rule. The formulas are explained where the tables are made, in the scorer's `tree_shap`.

use crate::pair::Pair;

/// The most pairs of points in one walk. More take several walks.
pub const MAX_PAIRS: usize = 5;

/// The factor of a node whose feature's edges the row has left: the shares alone count.
pub const LEFT_BEFORE: u32 = 0;
/// The factor of a node whose feature is new on the path.
pub const NEW_FEATURE: u32 = 1;

/// An inner node, seen from the path that leads to it.
///
/// The edges of a tree with `n` inner nodes are `2 node + 1` for a right one, else `2 node`; edge `2 n`
/// leads to the root. Its values are those of the `n` inner nodes, then those of the leaves.
#[derive(Clone, Copy, Debug)]
pub struct PathNode {
    /// The share of the node's training weight that goes right.
    pub right_share: f64,
    /// The condition that it asks.
    pub condition: u16,
    /// The feature of its condition.
    pub feature_idx: u16,
    /// The edge that leads here.
    pub edge: u32,
    /// The last edge on the path whose node asks the same feature; the root's where there is none.
    pub feature_edge: u32,
    /// Position of the left child's value.
    pub left: u32,
    /// Position of the right child's value.
    pub right: u32,
    /// Which factor the edge before has; an index in [`Walk::factors`].
    pub factor: u32,
}

/// What a row does at a node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Step {
    /// The node's factor for this row.
    factor: u32,
    /// 1 or 0.
    goes_right: u32,
}

/// Numbers at all points of a walk.
type Points<const N: usize> = [Pair; N];

/// One row's walk over one tree with some of the points.
#[derive(Debug)]
pub struct Walk<'w> {
    /// The tree's inner nodes, depth first. Shape: `(size,)`.
    pub nodes: &'w [PathNode],
    /// Shape: `(size + 1,)`.
    pub leaf_values: &'w [i32],
    /// For each condition 0 where the row goes left, an odd number where it goes right.
    pub masks: &'w [u32],
    /// For each factor its slopes, then its weights. Shape: `(n_factors, 2, n_pairs)`.
    pub factors: &'w [Pair],
    /// Scratch space. Shape: `(2 * size + 1, n_pairs)`.
    pub products: &'w mut [Pair],
    /// Scratch space. Shape: `(2 * size + 1, n_pairs)`.
    pub values: &'w mut [Pair],
    /// Scratch space. Shape: `(2 * size + 1,)`.
    pub left_before: &'w mut [u32],
    /// Scratch space. Shape: `(size,)`.
    pub steps: &'w mut [Step],
    /// Each feature's contribution so far, in two lanes. Shape: `(n_features,)`.
    pub sums: &'w mut [Pair],
}

impl Walk<'_> {
    /// Down the tree with the products, then up with the values.
    ///
    /// # Panics
    /// Where a slice is shorter than stated, or a node names what is not there.
    #[inline(never)]
    pub fn run(&mut self, n_pairs: usize) {
        match n_pairs {
            1 => self.run_pairs::<1>(),
            2 => self.run_pairs::<2>(),
            3 => self.run_pairs::<3>(),
            4 => self.run_pairs::<4>(),
            _ => self.run_pairs::<MAX_PAIRS>(),
        }
    }

    fn run_pairs<const N: usize>(&mut self) {
        let factors = self.factors.as_chunks::<N>().0.as_chunks::<2>().0;
        let n_slots = 2 * self.nodes.len() + 1;
        let products = &mut self.products.as_chunks_mut::<N>().0[..n_slots];
        let values = &mut self.values.as_chunks_mut::<N>().0[..n_slots];
        Self::go_down(
            self.nodes,
            self.masks,
            factors,
            &mut self.left_before[..n_slots],
            products,
            self.steps,
        );
        let (_, leaves) = values.split_at_mut(self.nodes.len());
        for (value, leaf) in leaves.iter_mut().zip(self.leaf_values) {
            *value = [Pair::splat(f64::from(*leaf)); N];
        }
        Self::go_up(self.nodes, self.steps, factors, products, values, self.sums);
    }

    /// Writes each edge's product and each node's step, parents first.
    #[inline]
    fn go_down<const N: usize>(
        nodes: &[PathNode],
        masks: &[u32],
        factors: &[[Points<N>; 2]],
        left_before: &mut [u32],
        products: &mut [Points<N>],
        steps: &mut [Step],
    ) {
        let root_edge = 2 * nodes.len();
        products[root_edge] = [Pair::splat(1.0); N];
        left_before[root_edge] = 0;
        for (index, (node, step)) in nodes.iter().zip(steps).enumerate() {
            let goes_right = masks[usize::from(node.condition)] & 1;
            let left = left_before[node.feature_edge as usize];
            left_before[2 * index + 1] = left | (goes_right ^ 1);
            left_before[2 * index] = left | goes_right;
            *step = Step {
                factor: factor_of(node, left),
                goes_right,
            };
            let [slopes, _] = &factors[step.factor as usize];
            let (to_left, taken) = split(node, goes_right);
            let above = products[node.edge as usize];
            let (mut go_left, mut go_right) = (above, above);
            for k in 0..N {
                let probability = to_left.sub(taken.mul(slopes[k]));
                go_left[k] = above[k].mul(probability);
                go_right[k] = above[k].sub(go_left[k]);
            }
            products[2 * index + 1] = go_right;
            products[2 * index] = go_left;
        }
    }

    /// Writes each node's value and adds to its feature's sum, children first.
    #[inline]
    fn go_up<const N: usize>(
        nodes: &[PathNode],
        steps: &[Step],
        factors: &[[Points<N>; 2]],
        products: &[Points<N>],
        values: &mut [Points<N>],
        sums: &mut [Pair],
    ) {
        for (index, (node, step)) in nodes.iter().zip(steps).enumerate().rev() {
            let [slopes, weights] = &factors[step.factor as usize];
            let (to_left, taken) = split(node, step.goes_right);
            let above = &products[node.edge as usize];
            let left = &values[node.left as usize];
            let right = &values[node.right as usize];
            let mut value = [Pair::splat(0.0); N];
            let mut sum = Pair::splat(0.0);
            for k in 0..N {
                let probability = to_left.sub(taken.mul(slopes[k]));
                let difference = left[k].sub(right[k]);
                value[k] = right[k].add(probability.mul(difference));
                sum = sum.add(above[k].mul(weights[k]).mul(difference));
            }
            values[index] = value;
            let feature = &mut sums[usize::from(node.feature_idx)];
            *feature = feature.add(taken.mul(sum));
        }
    }
}

/// The node's factor for a row that has `left` its feature's edges (1) or not (0).
fn factor_of(node: &PathNode, left: u32) -> u32 {
    const { assert!(LEFT_BEFORE == 0, "the mask below gives 0") };
    node.factor & left.wrapping_sub(1)
}

/// The probability to go left is the first number less the second times the factor's slope. The
/// second is the share of the side that the row does not take, negative if that is the left one.
fn split(node: &PathNode, goes_right: u32) -> (Pair, Pair) {
    let right = f64::from(goes_right);
    (
        Pair::splat(1.0 - right),
        Pair::splat(node.right_share - right),
    )
}
