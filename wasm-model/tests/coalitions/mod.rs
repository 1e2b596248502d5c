//! Shapley values leaf by leaf, coalitions counted by size: slow, but no division and no
//! subtraction of like numbers, so right for any number of features.

use std::collections::BTreeMap;

use picket_schema::artifact::{ModelTable, TreeLayout, Trees};
use picket_wasm_model::{Model, naive};

/// For each feature of a path the product of its edges' shares, and whether the row takes them all.
type Path = BTreeMap<u16, (f64, bool)>;

/// The contributions of one row.
pub(crate) struct Coalitions<'t> {
    model: &'t Model<'t>,
    trees: &'t Trees<'t>,
    layout: TreeLayout,
    row: &'t [f32],
    contributions: Vec<f64>,
    /// The most distinct features on a path.
    pub(crate) most_features: usize,
}

impl<'t> Coalitions<'t> {
    pub(crate) fn of(model: &'t Model<'t>, row: &'t [f32]) -> Self {
        let ModelTable::Trees(trees) = &model.artifact().model else {
            panic!("expected trees")
        };
        let mut coalitions = Self {
            model,
            trees,
            layout: TreeLayout::of(trees).expect("a loaded model has a layout"),
            row,
            contributions: vec![0.0; row.len()],
            most_features: 0,
        };
        for span in coalitions.layout.spans.clone() {
            let (node, size, leaf) = (span.node as usize, span.size as usize, span.leaf as usize);
            coalitions.visit(node, size, leaf, &Path::new());
        }
        coalitions
    }

    pub(crate) fn contributions(&self) -> Vec<f64> {
        let unit = 2_f64.powi(-i32::from(self.trees.scale_log2));
        self.contributions.iter().map(|sum| sum * unit).collect()
    }

    fn cover(&self, leaf: usize, size: usize) -> f64 {
        let covers = (leaf..=leaf + size).map(|leaf| u64::from(self.trees.cover(leaf).unwrap()));
        covers.sum::<u64>() as f64
    }

    fn visit(&mut self, node: usize, size: usize, leaf: usize, path: &Path) {
        if size == 0 {
            self.add(f64::from(self.trees.leaf_value(leaf).unwrap()), path);
            return;
        }
        let condition_idx = self.trees.node_conditions.get(node).unwrap() as usize;
        let condition = self.trees.condition(condition_idx).unwrap();
        let x = self.row[usize::from(condition.feature_idx)];
        let goes_left = naive::goes_left(self.trees, self.model.columns(), condition, x);
        let left_size = self.layout.left_sizes[node] as usize;
        let right = (
            node + 1 + left_size,
            size - 1 - left_size,
            leaf + 1 + left_size,
        );
        for (takes, (child, child_size, first_leaf)) in [
            (goes_left, (node + 1, left_size, leaf)),
            (!goes_left, right),
        ] {
            let mut path = path.clone();
            let (share, all) = path.entry(condition.feature_idx).or_insert((1.0, true));
            *share *= self.cover(first_leaf, child_size) / self.cover(leaf, size);
            *all &= takes;
            self.visit(child, child_size, first_leaf, &path);
        }
    }

    fn add(&mut self, value: f64, path: &Path) {
        let n = path.len();
        self.most_features = self.most_features.max(n);
        if value == 0.0 {
            return;
        }
        for (feature_idx, (share, all)) in path {
            // How likely the leaf is with each number of the other features known, summed over the
            // coalitions of that size.
            let mut by_size = vec![1.0];
            for (other, (share, all)) in path {
                if other != feature_idx {
                    by_size.push(0.0);
                    for size in (0..by_size.len()).rev() {
                        let known = if size > 0 && *all {
                            by_size[size - 1]
                        } else {
                            0.0
                        };
                        by_size[size] = share * by_size[size] + known;
                    }
                }
            }
            let mut n_coalitions = 1.0;
            let mut sum = 0.0;
            for (size, likely) in by_size.iter().enumerate() {
                sum += likely / (n as f64 * n_coalitions);
                n_coalitions *= (n - 1 - size) as f64 / (size + 1) as f64;
            }
            let one = if *all { 1.0 } else { 0.0 };
            self.contributions[usize::from(*feature_idx)] += value * (one - share) * sum;
        }
    }
}
