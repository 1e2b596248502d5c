//! Exact Shapley values of tree ensembles, by quadrature, in time proportional to the trees.
//!
//! Features outside a coalition are averaged over by the training weight (the cover) that went each
//! way: the path-dependent values of Lundberg, Erion and Lee, "Consistent individualized feature
//! attribution for tree ensembles", 2018. Let each feature join the coalition with probability `t`.
//! Then a leaf `v` is expected to give `v * product of f_j(t)` over the features `j` of its path,
//! where `f_j(t) = o_j t + z_j (1 - t)`; `z_j` is the product of the shares of `j`'s edges, `o_j` is 1
//! where the row takes all of them, else 0. The Shapley value of `i` is the integral over `t` from 0
//! to 1 of the derivative by `i`'s own probability: `v (o_i - z_i) * product of f_j(t), j != i`.
//! That is a polynomial of degree `d - 1` for a path with `d` distinct features, so Gauss-Legendre
//! quadrature with `d / 2` points (rounded up) is exact, and each point is a walk of its own. As in
//! Yu, Xu, Liu and Yang, "Linear `TreeShap`", 2022, a path's product is carried down, leaves are
//! summed up, and each edge telescopes with the last edge of its feature.
//!
//! Both edges of a node taken together leave little. Let `P` be the product on the path to the node
//! and `D` the left child's value less the right one's, all at one point `t`. Where the feature is new
//! on the path, the factors of the two edges add up to 1, the one that the row does not take is
//! `z (1 - t)`, and the derivative is `z P D` towards the side that the row takes. Where the row took
//! all edges of the feature so far, with product of shares `y`, both are divided by the factor
//! `f = t + y (1 - t)` that they replace: `z y (1 - t) / f` and `z y P D / f^2`. Where the row left the
//! feature's edges before, what is left is the plain average by the shares and no derivative at all.
//! So a node needs two numbers a point, here called its *factor*: `slope = y (1 - t) / f` (or
//! `1 - t`, or 1) and `weight = w y / f^2` (or `w`, or 0), `w` being the rule's weight.
//!
//! Sums are written in one order, in pairs of lanes: no host reassociates them, so all hosts agree
//! to the bit.

use picket_kernels::{NEW_FEATURE, Pair, PathNode, Step, Walk};
use picket_schema::artifact::{TreeLayout, Trees};

use crate::model::margin_of;
use crate::tree_factors::{FactorTable, walks_for};
use crate::tree_numbers;
use crate::tree_paths::{PathWalk, TreeTables};

/// The most bytes of nodes, of factors and of scratch space each. Paths that ask features again and
/// again take far more than their file; a forest of 100 trees of full depth takes 2 MB of nodes.
const MAX_BYTES: usize = 128 << 20;

/// One tree's part of the tables.
#[derive(Debug)]
struct Tree {
    /// Its first inner node.
    node: usize,
    /// How many inner nodes it has.
    size: usize,
    /// Its first leaf.
    leaf: usize,
    /// Its table of factors.
    table: usize,
}

/// The prepared tables for one model.
#[derive(Debug)]
pub(crate) struct TreeShap {
    /// Trees that have inner nodes.
    trees: Vec<Tree>,
    nodes: Vec<PathNode>,
    /// Shape: `(n_leaves,)`.
    leaf_values: Vec<i32>,
    /// One for each number of points that a tree asks for.
    tables: Vec<FactorTable>,
    /// The mean margin over the training weight.
    base: f64,
    /// What 1 in a leaf is worth.
    unit: f64,
    /// The most points and edges of a tree.
    n_points: usize,
    n_slots: usize,
}

/// Scratch space for explaining rows.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// For each edge the product on the path, at each point.
    products: Vec<Pair>,
    /// For each node and leaf its value, at each point.
    values: Vec<Pair>,
    /// For each edge 1 where the row has left its feature's edges, else 0.
    left_before: Vec<u32>,
    steps: Vec<Step>,
    /// Each feature's contribution in two lanes.
    sums: Vec<Pair>,
}

impl TreeShap {
    /// Prepares the tables; `None` where they would take more than [`MAX_BYTES`].
    pub(crate) fn new(trees: &Trees<'_>, layout: &TreeLayout) -> Option<Self> {
        let n_nodes = layout.left_sizes.len();
        if n_nodes.saturating_mul(size_of::<PathNode>()) > MAX_BYTES {
            return None;
        }
        let features: Vec<u16> = trees
            .iter_conditions()
            .map(|condition| condition.feature_idx)
            .collect();
        let conditions = tree_numbers::node_conditions(trees);
        let covers = tree_numbers::covers(trees);
        let mut base = margin_of(trees, 0).0;
        let unit = margin_of(trees, 1).0 - base;
        let mut shap = Self {
            trees: Vec::with_capacity(layout.spans.len()),
            nodes: Vec::with_capacity(conditions.len()),
            leaf_values: tree_numbers::leaf_values(trees),
            tables: Vec::new(),
            base,
            unit,
            n_points: 0,
            n_slots: 0,
        };
        let mut walk = PathWalk::new(&features);
        for span in &layout.spans {
            let (node, size, leaf) = (span.node as usize, span.size as usize, span.leaf as usize);
            let covers = &covers[leaf..=leaf + size];
            let tree = TreeTables {
                conditions: &conditions[node..node + size],
                left_sizes: &layout.left_sizes[node..node + size],
                covers,
            };
            let most_features = walk.visit(tree, &mut shap.nodes);
            let values = shap.leaf_values[leaf..].iter().zip(covers);
            let weighted = values.map(|(value, cover)| f64::from(*cover) * f64::from(*value));
            base += weighted.sum::<f64>() / walk.cover_before[size + 1] as f64 * unit;
            if size > 0 {
                let table = shap.give_factors(node, &walk.shares, most_features)?;
                shap.trees.push(Tree {
                    node,
                    size,
                    leaf,
                    table,
                });
            }
        }
        shap.base = base;
        shap.measure()?;
        Some(shap)
    }

    /// Gives the nodes of a tree, from `first` on, their factors. Returns the table these are in.
    fn give_factors(&mut self, first: usize, shares: &[f64], n_features: usize) -> Option<usize> {
        let n_bytes: usize = self.tables.iter().map(FactorTable::n_bytes).sum();
        let (n_pairs, n_walks) = walks_for(n_features);
        let fits = |table: &FactorTable| (table.n_pairs, table.walks.len()) == (n_pairs, n_walks);
        let index = self.tables.iter().position(fits).unwrap_or_else(|| {
            let n_nodes = self.nodes.capacity();
            self.tables
                .push(FactorTable::new(n_pairs, n_walks, n_nodes));
            self.tables.len() - 1
        });
        let table = &mut self.tables[index];
        let root_edge = 2 * shares.len() as u32;
        for (node, share) in self.nodes[first..].iter_mut().zip(shares) {
            node.factor = if node.feature_edge == root_edge {
                NEW_FEATURE
            } else {
                table.again(*share)
            };
            if n_bytes.saturating_add(table.n_bytes()) > MAX_BYTES {
                return None;
            }
        }
        Some(index)
    }

    /// Finds out how much scratch space the largest tree takes.
    fn measure(&mut self) -> Option<()> {
        let slots = |tree: &Tree| 2 * tree.size + 1;
        let points = |tree: &Tree| slots(tree) * self.tables[tree.table].n_pairs;
        self.n_points = self.trees.iter().map(points).max().unwrap_or(0);
        self.n_slots = self.trees.iter().map(slots).max().unwrap_or(0);
        (self.n_points.saturating_mul(2 * size_of::<Pair>()) <= MAX_BYTES).then_some(())
    }

    /// Adds the contributions of a row, given by its condition masks, to `contributions`, shape
    /// `(n_features,)`. Returns the base.
    pub(crate) fn explain(
        &self,
        masks: &[u32],
        scratch: &mut Scratch,
        contributions: &mut [f64],
    ) -> f64 {
        let Self {
            trees,
            nodes,
            leaf_values,
            tables,
            ..
        } = self;
        let Scratch {
            products,
            values,
            left_before,
            steps,
            sums,
        } = scratch;
        products.resize(self.n_points, Pair::splat(0.0));
        values.resize(self.n_points, Pair::splat(0.0));
        left_before.resize(self.n_slots, 0);
        steps.resize(self.n_slots / 2, Step::default());
        sums.clear();
        sums.resize(contributions.len(), Pair::splat(0.0));
        for tree in trees {
            let table = &tables[tree.table];
            for factors in &table.walks {
                let mut walk = Walk {
                    nodes: &nodes[tree.node..tree.node + tree.size],
                    leaf_values: &leaf_values[tree.leaf..=tree.leaf + tree.size],
                    masks,
                    factors,
                    products,
                    values,
                    left_before,
                    steps: &mut steps[..tree.size],
                    sums,
                };
                walk.run(table.n_pairs);
            }
        }
        // Leaves were added in fixed-point units; a multiplication by a power of two is exact.
        for (contribution, sum) in contributions.iter_mut().zip(&*sums) {
            *contribution += sum.sum() * self.unit;
        }
        self.base
    }
}
