//! Explanations held against Shapley's definition, computed by brute force over all coalitions.

#![allow(clippy::unwrap_used, reason = "functions of a test are tests too")]

mod models;

use models::Random;
use picket_schema::artifact::{ModelTable, Operator, TreeLayout, Trees};
use picket_wasm_model::{Explainer, Model, naive};

/// The expected value of a tree where only the features in `known` are known: at an unknown
/// feature both ways count by their covers.
struct Expectation<'t> {
    trees: &'t Trees<'t>,
    layout: &'t TreeLayout,
    model: &'t Model<'t>,
    row: &'t [f32],
    known: u32,
}

impl Expectation<'_> {
    /// Value and cover of the subtree.
    fn of(&self, node: usize, size: usize, leaf: usize) -> (f64, f64) {
        if size == 0 {
            let cover = f64::from(self.trees.cover(leaf).unwrap());
            return (f64::from(self.trees.leaf_value(leaf).unwrap()), cover);
        }
        let condition_idx = self.trees.node_conditions.get(node).unwrap() as usize;
        let condition = self.trees.condition(condition_idx).unwrap();
        let left_size = self.layout.left_sizes[node] as usize;
        let left = self.of(node + 1, left_size, leaf);
        let right = self.of(
            node + 1 + left_size,
            size - 1 - left_size,
            leaf + 1 + left_size,
        );
        let cover = left.1 + right.1;
        let feature_idx = usize::from(condition.feature_idx);
        if self.known >> feature_idx & 1 == 0 {
            return ((left.0 * left.1 + right.0 * right.1) / cover, cover);
        }
        let x = self.row[feature_idx];
        let goes_left = naive::goes_left(self.trees, self.model.schema(), condition, x);
        (if goes_left { left.0 } else { right.0 }, cover)
    }

    fn of_all_trees(&self) -> f64 {
        let unit = 2_f64.powi(-i32::from(self.trees.scale_log2));
        let (mut node, mut leaf, mut sum) = (0, 0, self.trees.base as f64);
        for span in &self.layout.spans {
            sum += self.of(node, span.size as usize, leaf).0;
            node += span.size as usize;
            leaf += span.size as usize + 1;
        }
        sum * unit
    }
}

fn factorial(n: usize) -> f64 {
    (1..=n).map(|k| k as f64).product()
}

fn brute_force(model: &Model<'_>, row: &[f32]) -> (f64, Vec<f64>) {
    let ModelTable::Trees(trees) = &model.artifact().model else {
        panic!("expected trees")
    };
    let layout = TreeLayout::of(trees).unwrap();
    let value = |known| {
        Expectation {
            trees,
            layout: &layout,
            model,
            row,
            known,
        }
        .of_all_trees()
    };
    let n = row.len();
    let contributions = (0..n)
        .map(|feature| {
            (0..1_u32 << n)
                .filter(|known| known >> feature & 1 == 0)
                .map(|known| {
                    let size = known.count_ones() as usize;
                    let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
                    weight * (value(known | 1 << feature) - value(known))
                })
                .sum()
        })
        .collect();
    (value(0), contributions)
}

fn assert_close(a: f64, b: f64, scale: f64) {
    assert!((a - b).abs() <= 1e-9 * (1.0 + scale), "{a} is not {b}");
}

#[test]
fn trees_match_the_definition() {
    let mut random = Random(5);
    for seed in 0..12 {
        let bytes = models::trees(seed, Operator::LessEqual, 4, 6);
        let model = Model::load(&bytes).unwrap();
        let mut explainer = Explainer::new(&model);
        for _ in 0..10 {
            let row = models::row(&mut random);
            let explanation = explainer.explain(&row).unwrap();
            let (base, contributions) = brute_force(&model, &row);
            let scale = explanation.scored.margin.0.abs() + base.abs();
            assert_close(explanation.base, base, scale);
            for (found, expected) in explanation.contributions.iter().zip(&contributions) {
                assert_close(*found, *expected, scale);
            }
            assert_eq!(
                explanation.contributions[4], 0.0,
                "an unused feature adds nothing"
            );
        }
    }
}

#[test]
fn contributions_add_up_to_the_margin() {
    let mut random = Random(6);
    let mut files: Vec<Vec<u8>> = (0..8).map(models::linear).collect();
    files.extend((0..8).map(|seed| models::trees(seed, Operator::Less, 20, 10)));
    for bytes in files {
        let model = Model::load(&bytes).unwrap();
        let mut explainer = Explainer::new(&model);
        for _ in 0..50 {
            let row = models::row(&mut random);
            let explanation = explainer.explain(&row).unwrap();
            assert_eq!(explanation.scored, naive::score(&model, &row).unwrap());
            let margin = explanation.scored.margin.0;
            let sum = explanation.base + explanation.contributions.iter().sum::<f64>();
            let scale = explanation.contributions.iter().map(|c| c.abs()).sum();
            assert_close(sum, margin, scale);
            let (base, log_odds) = explanation.in_log_odds(model.calibration());
            let total = base + log_odds.iter().sum::<f64>();
            let score = picket_wasm_model::sigmoid(total);
            assert!((score - explanation.scored.score.0).abs() < 1e-6);
        }
    }
}
