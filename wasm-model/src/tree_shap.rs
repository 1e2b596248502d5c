//! Exact Shapley values of tree ensembles in polynomial time, along the paths of the trees.
//!
//! Lundberg, Erion and Lee, "Consistent individualized feature attribution for tree ensembles",
//! 2018, algorithm 2: features outside a coalition are averaged over by the training weight
//! (the cover) that went each way.

use picket_schema::artifact::{TreeLayout, Trees};

use crate::model::margin_of;

/// A feature on the path from the root, and how a coalition with and without it gets here.
#[derive(Clone, Copy, Debug, Default)]
struct PathFeature {
    feature_idx: u16,
    /// The share of the training weight that goes this way.
    zero: f64,
    /// 1 where the row goes this way, else 0.
    one: f64,
    /// The weight of the coalitions of each size.
    weight: f64,
}

/// Where a walk stands: a subtree.
#[derive(Clone, Copy)]
struct Subtree {
    node: usize,
    size: usize,
    leaf: usize,
}

/// What stays the same through the walk over one row's trees.
struct Walk<'w> {
    trees: &'w Trees<'w>,
    left_sizes: &'w [u32],
    features: &'w [u16],
    cover_before: &'w [u64],
    masks: &'w [u32],
}

/// The prepared tables for one model.
#[derive(Debug)]
pub(crate) struct TreeShap {
    /// The feature of each condition.
    features: Vec<u16>,
    /// The cover of all leaves before each leaf: a subtree's cover is a difference. Shape: `(n_leaves + 1,)`.
    cover_before: Vec<u64>,
    /// The mean margin over the training weight.
    base: f64,
    /// Paths of all levels, one after another.
    path: Vec<PathFeature>,
}

impl TreeShap {
    pub(crate) fn new(trees: &Trees<'_>, layout: &TreeLayout) -> Self {
        let features = trees
            .iter_conditions()
            .map(|condition| condition.feature_idx)
            .collect();
        let mut cover_before = Vec::with_capacity(trees.leaves.len() + 1);
        let mut sum = 0;
        cover_before.push(sum);
        for leaf in 0..trees.leaves.len() {
            sum += u64::from(trees.cover(leaf).unwrap_or(1));
            cover_before.push(sum);
        }
        let mut base = margin_of(trees, 0).0;
        let unit = margin_of(trees, 1).0 - base;
        let mut leaf = 0;
        for span in &layout.spans {
            let n_leaves = span.size as usize + 1;
            let cover = (cover_before[leaf + n_leaves] - cover_before[leaf]) as f64;
            let weighted = (leaf..leaf + n_leaves).map(|leaf| {
                let leaf_cover = (cover_before[leaf + 1] - cover_before[leaf]) as f64;
                leaf_cover * f64::from(trees.leaf_value(leaf).unwrap_or(0))
            });
            base += weighted.sum::<f64>() / cover * unit;
            leaf += n_leaves;
        }
        Self {
            features,
            cover_before,
            base,
            path: Vec::new(),
        }
    }

    /// Adds the contributions of a row, given by its condition masks, to `contributions`, shape
    /// `(n_features,)`. Returns the base.
    pub(crate) fn explain(
        &mut self,
        trees: &Trees<'_>,
        layout: &TreeLayout,
        masks: &[u32],
        contributions: &mut [f64],
    ) -> f64 {
        // Sums of leaves in fixed-point units first; one multiplication by a power of two at the end is exact.
        let unit = margin_of(trees, 1).0 - margin_of(trees, 0).0;
        let walk = Walk {
            trees,
            left_sizes: &layout.left_sizes,
            features: &self.features,
            cover_before: &self.cover_before,
            masks,
        };
        let mut sums = vec![0.0; contributions.len()];
        for span in &layout.spans {
            let subtree = Subtree {
                node: span.node as usize,
                size: span.size as usize,
                leaf: span.leaf as usize,
            };
            self.path.clear();
            walk.visit(subtree, &mut self.path, 0, (1.0, 1.0), None, &mut sums);
        }
        for (contribution, sum) in contributions.iter_mut().zip(&sums) {
            *contribution += sum * unit;
        }
        self.base
    }
}

impl Walk<'_> {
    fn cover(&self, subtree: Subtree) -> f64 {
        let end = subtree.leaf + subtree.size + 1;
        (self.cover_before[end] - self.cover_before[subtree.leaf]) as f64
    }

    /// Visits a subtree with the path of its parent, which starts at `start` in `paths`.
    /// Depth is capped by the format at 255 levels.
    fn visit(
        &self,
        subtree: Subtree,
        paths: &mut Vec<PathFeature>,
        start: usize,
        (zero, one): (f64, f64),
        feature_idx: Option<u16>,
        sums: &mut [f64],
    ) {
        // Each level works on its own copy of the path.
        let parent_len = paths.len() - start;
        paths.extend_from_within(start..);
        let start = start + parent_len;
        // The root has no feature; its entry carries the empty coalition.
        extend(paths, start, zero, one, feature_idx.unwrap_or(u16::MAX));
        if subtree.size == 0 {
            let value = f64::from(self.trees.leaf_value(subtree.leaf).unwrap_or(0));
            let path = &paths[start..];
            for (index, entry) in path.iter().enumerate().skip(1) {
                let weight = unwound_sum(path, index);
                sums[usize::from(entry.feature_idx)] += weight * (entry.one - entry.zero) * value;
            }
            paths.truncate(start);
            return;
        }
        let condition = self.trees.node_conditions.get(subtree.node).unwrap_or(0) as usize;
        let left_size = self.left_sizes[subtree.node] as usize;
        let feature_idx = self.features[condition];
        let left = Subtree {
            node: subtree.node + 1,
            size: left_size,
            leaf: subtree.leaf,
        };
        let right = Subtree {
            node: subtree.node + 1 + left_size,
            size: subtree.size - 1 - left_size,
            leaf: subtree.leaf + 1 + left_size,
        };
        let goes_left = self.masks[condition] == 0;
        let (hot, cold) = if goes_left {
            (left, right)
        } else {
            (right, left)
        };
        let cover = self.cover(subtree);
        let (mut zero, mut one) = (1.0, 1.0);
        // A feature that is on the path already is taken out and put in again with both shares.
        let earlier = paths[start..]
            .iter()
            .skip(1)
            .position(|entry| entry.feature_idx == feature_idx);
        if let Some(index) = earlier {
            (zero, one) = unwind(paths, start, index + 1);
        }
        let hot_zero = zero * self.cover(hot) / cover;
        let cold_zero = zero * self.cover(cold) / cover;
        self.visit(hot, paths, start, (hot_zero, one), Some(feature_idx), sums);
        self.visit(
            cold,
            paths,
            start,
            (cold_zero, 0.0),
            Some(feature_idx),
            sums,
        );
        paths.truncate(start);
    }
}

/// Adds a feature to the path from `start` on and updates the coalition weights.
fn extend(paths: &mut Vec<PathFeature>, start: usize, zero: f64, one: f64, feature_idx: u16) {
    let depth = paths.len() - start;
    let weight = if depth == 0 { 1.0 } else { 0.0 };
    paths.push(PathFeature {
        feature_idx,
        zero,
        one,
        weight,
    });
    let path = &mut paths[start..];
    let size = (depth + 1) as f64;
    for i in (0..depth).rev() {
        path[i + 1].weight += one * path[i].weight * (i + 1) as f64 / size;
        path[i].weight = zero * path[i].weight * (depth - i) as f64 / size;
    }
}

/// Takes the feature at `index` out of the path from `start` on; returns its shares.
fn unwind(paths: &mut Vec<PathFeature>, start: usize, index: usize) -> (f64, f64) {
    let path = &mut paths[start..];
    let depth = path.len() - 1;
    let PathFeature { zero, one, .. } = path[index];
    let mut next = path[depth].weight;
    let size = (depth + 1) as f64;
    for i in (0..depth).rev() {
        if one == 0.0 {
            path[i].weight = path[i].weight * size / (zero * (depth - i) as f64);
        } else {
            let before = path[i].weight;
            path[i].weight = next * size / ((i + 1) as f64 * one);
            next = before - path[i].weight * zero * (depth - i) as f64 / size;
        }
    }
    for i in index..depth {
        let PathFeature {
            feature_idx,
            zero,
            one,
            ..
        } = path[i + 1];
        path[i] = PathFeature {
            feature_idx,
            zero,
            one,
            weight: path[i].weight,
        };
    }
    paths.pop();
    (zero, one)
}

/// The sum of the coalition weights of `path` without the feature at `index`.
fn unwound_sum(path: &[PathFeature], index: usize) -> f64 {
    let depth = path.len() - 1;
    let PathFeature { zero, one, .. } = path[index];
    let mut next = path[depth].weight;
    let mut total = 0.0;
    let size = (depth + 1) as f64;
    for i in (0..depth).rev() {
        if one == 0.0 {
            total += path[i].weight / (zero * (depth - i) as f64 / size);
        } else {
            let weight = next * size / ((i + 1) as f64 * one);
            total += weight;
            next = path[i].weight - weight * zero * (depth - i) as f64 / size;
        }
    }
    total
}
