//! Explanations held against Shapley's definition: by brute force over all coalitions where features
//! are few, else with coalitions counted by size.

#![allow(clippy::unwrap_used, reason = "functions of a test are tests too")]

mod coalitions;
mod deep_trees;
#[allow(dead_code, reason = "other tests use the rest")]
mod models;

use coalitions::Coalitions;
use models::Random;
use picket_schema::artifact::{ModelTable, Operator, TreeLayout, TreeNode, Trees};
use picket_wasm_model::{Explainer, ExplanationUnit, Model, naive};

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
        let goes_left = naive::goes_left(self.trees, self.model.columns(), condition, x);
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
            let unit = ExplanationUnit::of(model.calibration());
            assert_eq!(unit.name(), "log-odds");
            let (base, log_odds) = explanation.in_unit(unit);
            let total = base + log_odds.iter().sum::<f64>();
            let score = picket_wasm_model::sigmoid(total);
            assert!((score - explanation.scored.score.0).abs() < 1e-6);
        }
    }
}

/// Holds the explanations of some rows against the coalitions. Returns the most features on a path.
fn assert_coalitions(bytes: &[u8], n_rows: usize, random: &mut Random) -> usize {
    let model = Model::load(bytes).unwrap();
    let mut explainer = Explainer::new(&model);
    let mut most_features = 0;
    for _ in 0..n_rows {
        let row = deep_trees::row(random, model.n_features());
        let explanation = explainer.explain(&row).unwrap();
        let coalitions = Coalitions::of(&model, &row);
        most_features = coalitions.most_features;
        let scale = explanation.contributions.iter().map(|c| c.abs()).sum();
        for (found, expected) in explanation
            .contributions
            .iter()
            .zip(coalitions.contributions())
        {
            assert_close(*found, expected, scale);
        }
        let sum = explanation.base + explanation.contributions.iter().sum::<f64>();
        assert_close(sum, explanation.scored.margin.0, scale);
    }
    most_features
}

/// A leaf of about 1 and a cover below 100.
fn any_leaf(random: &mut Random, _last: bool) -> (i32, u32) {
    let value = (random.bits() as u32).cast_signed() >> 11;
    (value, 1 + random.below(100) as u32)
}

#[test]
fn bushy_trees_with_repeated_features_match_the_coalitions() {
    let mut random = Random(7);
    for seed in 20..26 {
        let bytes = models::trees(seed, Operator::LessEqual, 3, 9);
        let model = Model::load(&bytes).unwrap();
        let mut explainer = Explainer::new(&model);
        for _ in 0..20 {
            let row = models::row(&mut random);
            let found = explainer.explain(&row).unwrap().contributions;
            let expected = Coalitions::of(&model, &row).contributions();
            let scale = expected.iter().map(|c| c.abs()).sum();
            for (found, expected) in found.iter().zip(&expected) {
                assert_close(*found, *expected, scale);
            }
        }
    }
}

#[test]
fn every_number_of_features_on_a_path_is_exact() {
    // Every number of points up to one walk's, and several walks.
    let mut random = Random(8);
    for n_features in (1..=24).chain([33, 40, 41, 48, 63]) {
        let distinct: Vec<u16> = (0..n_features as u16).collect();
        let twice: Vec<u16> = (0..2 * n_features)
            .map(|_| random.below(n_features) as u16)
            .collect();
        let trees = vec![
            deep_trees::chain(&mut random, &distinct, any_leaf),
            deep_trees::chain(&mut random, &twice, any_leaf),
        ];
        let bytes = deep_trees::file(n_features, trees);
        assert_coalitions(&bytes, 4, &mut random);
    }
}

#[test]
fn the_deepest_trees_are_exact() {
    let mut random = Random(9);
    let distinct: Vec<u16> = (0..255).collect();
    // The oracle takes the cube of the depth for every leaf that is not zero.
    let few_leaves = |random: &mut Random, last: bool| {
        let value = if last || random.below(32) == 0 {
            1 << 20
        } else {
            0
        };
        (
            value,
            if last {
                1 << 20
            } else {
                1 + random.below(1000) as u32
            },
        )
    };
    let bytes = deep_trees::file(
        255,
        vec![deep_trees::chain(&mut random, &distinct, few_leaves)],
    );
    assert_eq!(assert_coalitions(&bytes, 2, &mut random), 255);
    let repeated: Vec<u16> = (0..255).map(|level| level % 5).collect();
    let bytes = deep_trees::file(5, vec![deep_trees::chain(&mut random, &repeated, any_leaf)]);
    assert_eq!(assert_coalitions(&bytes, 20, &mut random), 5);
}

#[test]
fn a_deep_conjunction_shares_evenly() {
    // One leaf of 1 below 31 features, each of which halves the training weight, and a row that
    // goes there: no feature differs from another, and without any of them 2^-31 is expected.
    let nodes = (0..31).flat_map(|level: u16| {
        let next = 2 * usize::from(level) + 2;
        let threshold = TreeNode::Threshold {
            feature_idx: level,
            threshold: 0.5,
            missing_left: false,
            left: next - 1,
            right: next,
        };
        let cover = 1 << (30 - level);
        [threshold, TreeNode::Leaf { value: 0, cover }]
    });
    let (value, cover) = (1 << 20, 1);
    let nodes = nodes.chain([TreeNode::Leaf { value, cover }]).collect();
    let bytes = deep_trees::file(31, vec![nodes]);
    let model = Model::load(&bytes).unwrap();
    let explanation = Explainer::new(&model).explain(&[1.0; 31]).unwrap();
    let share = (1.0 - 2_f64.powi(-31)) / 31.0;
    for contribution in explanation.contributions {
        assert!(
            (contribution - share).abs() < 1e-15,
            "{contribution} is not {share}"
        );
    }
}

#[test]
fn shares_next_to_nothing_are_exact() {
    let mut random = Random(10);
    let covers = [1, 2, u32::MAX, u32::MAX - 1];
    let extreme = |random: &mut Random, _| {
        let value = (random.bits() as u32).cast_signed() >> 8;
        (value, covers[random.below(4)])
    };
    for n_features in [2, 4, 7, 12, 20, 30] {
        let features: Vec<u16> = (0..3 * n_features)
            .map(|_| random.below(n_features) as u16)
            .collect();
        let trees = (0..4)
            .map(|_| deep_trees::chain(&mut random, &features, extreme))
            .collect();
        assert_coalitions(&deep_trees::file(n_features, trees), 10, &mut random);
    }
}

#[test]
fn lone_leaves_explain_nothing() {
    let bytes = models::trees(3, Operator::Less, 5, 0);
    let model = Model::load(&bytes).unwrap();
    let explanation = Explainer::new(&model).explain(&[0.0; 5]).unwrap();
    assert_eq!(explanation.contributions, [0.0; 5]);
    assert_eq!(explanation.base, explanation.scored.margin.0);
}
