//! The fast scorer's ways through trees, each held against the naive scorer: whole fronts, fronts
//! with tails, few and many conditions, no fronts, and the first rows without tables.

#![allow(clippy::unwrap_used, reason = "functions of a test are tests too")]

#[allow(dead_code, reason = "other tests use the rest")]
mod models;

use models::Random;
use picket_schema::artifact::{ModelTable, Operator, TreeNode, TreesBuilder};
use picket_wasm_model::{Model, Scorer, naive};

/// Grows a tree of `n_leaves` leaves on the two numeric features.
fn grow(random: &mut Random, n_leaves: usize, thresholds: &[f32]) -> Vec<TreeNode> {
    let mut nodes = Vec::new();
    let mut open = vec![(0, n_leaves)];
    nodes.push(TreeNode::Leaf { value: 0, cover: 1 });
    while let Some((position, n_leaves)) = open.pop() {
        if n_leaves == 1 {
            let value = (random.bits() as u32).cast_signed();
            let cover = 1 + random.below(1000) as u32;
            nodes[position] = TreeNode::Leaf { value, cover };
            continue;
        }
        let (left, right) = (nodes.len(), nodes.len() + 1);
        nodes.extend([(); 2].map(|()| TreeNode::Leaf { value: 0, cover: 1 }));
        nodes[position] = TreeNode::Threshold {
            feature_idx: [0, 3][random.below(2)],
            threshold: thresholds[random.below(thresholds.len())],
            missing_left: random.below(2) == 0,
            left,
            right,
        };
        // Lopsided now and then, so that fronts are deep on one side.
        let n_left = 1 + random.below(n_leaves - 1).min(random.below(n_leaves - 1));
        open.push((left, n_left));
        open.push((right, n_leaves - n_left));
    }
    nodes
}

struct Shape {
    n_trees: usize,
    max_leaves: usize,
    n_thresholds: usize,
}

fn assert_fast_is_naive(seed: u64, operator: Operator, shape: &Shape) {
    let mut random = Random(seed);
    let thresholds: Vec<f32> = (0..shape.n_thresholds)
        .map(|index| (index as f32 - shape.n_thresholds as f32 / 2.0) / 7.0)
        .collect();
    let mut builder = TreesBuilder::new(operator, -5, 20);
    for _ in 0..shape.n_trees {
        let n_leaves = 1 + random.below(shape.max_leaves);
        builder.push(grow(&mut random, n_leaves, &thresholds));
    }
    let trees = builder.build().unwrap();
    let bytes = models::artifact(models::schema(), ModelTable::Trees(trees));
    let model = Model::load(&bytes).unwrap();
    let value = |random: &mut Random| {
        let threshold = thresholds[random.below(thresholds.len())];
        match random.below(6) {
            0 => f32::NAN,
            1 => [f32::INFINITY, f32::NEG_INFINITY][random.below(2)],
            2 => threshold.next_up(),
            3 => threshold.next_down(),
            _ => threshold,
        }
    };
    let rows: Vec<[f32; 5]> = (0..300)
        .map(|_| [value(&mut random), 0.0, 1.0, value(&mut random), 0.0])
        .collect();
    let expected: Vec<_> = rows
        .iter()
        .map(|row| naive::margin(&model, row).unwrap())
        .collect();
    // The first of these rows are scored without tables, the others with them.
    let mut scorer = Scorer::new(&model);
    for (row, expected) in rows.iter().zip(&expected) {
        assert_eq!(scorer.margin(row).unwrap(), *expected, "row {row:?}");
    }
    // Another scorer of the same model finds the tables ready; a batch ends within a chunk.
    let scored = Scorer::new(&model)
        .score_batch(rows.as_flattened())
        .unwrap();
    for (scored, expected) in scored.iter().zip(&expected) {
        assert_eq!(scored.margin, *expected);
    }
    let scored = Scorer::new(&model).score_batch(rows[..3].as_flattened());
    assert_eq!(scored.unwrap()[2].margin, expected[2]);
}

#[test]
fn whole_fronts() {
    for (seed, max_leaves) in [(1, 1), (2, 2), (3, 32), (4, 33), (5, 64)] {
        let shape = Shape {
            n_trees: 37,
            max_leaves,
            n_thresholds: 9,
        };
        assert_fast_is_naive(seed, Operator::LessEqual, &shape);
        assert_fast_is_naive(seed + 100, Operator::Less, &shape);
    }
}

#[test]
fn tails_of_few_conditions() {
    for seed in 0..5 {
        let shape = Shape {
            n_trees: 19,
            max_leaves: 400,
            n_thresholds: 11,
        };
        assert_fast_is_naive(seed, Operator::LessEqual, &shape);
    }
}

#[test]
fn tails_of_many_conditions() {
    for (seed, n_thresholds) in [(1, 20), (2, 200)] {
        let shape = Shape {
            n_trees: 12,
            max_leaves: 500,
            n_thresholds,
        };
        assert_fast_is_naive(seed, Operator::Less, &shape);
    }
}

#[test]
fn no_fronts_where_tables_would_be_large() {
    let shape = Shape {
        n_trees: 60,
        max_leaves: 300,
        n_thresholds: 4000,
    };
    assert_fast_is_naive(1, Operator::LessEqual, &shape);
}

/// So many answers that no table of them is kept: sets are looked up.
#[test]
fn many_sets_of_many_categories() {
    let n_categories = 2000;
    let categories: Vec<String> = (0..n_categories)
        .map(|code| format!("\"c{code}\""))
        .collect();
    let text = format!(
        r#"
        name = "categories"
        label = {{ name = "y", positive = {{ name = "bad", values = ["1"] }}, negative = {{ name = "good" }} }}
        features = [{{ name = "c", domain = {{ categories = [{}] }} }}]
        "#,
        categories.join(", ")
    );
    let schema = picket_schema::FeatureSchema::from_toml(&text).unwrap();
    let mut random = Random(3);
    let mut builder = TreesBuilder::new(Operator::LessEqual, 0, 8);
    for _ in 0..300 {
        // The last of the 63 words has bits for 16 categories.
        let mut words: Vec<u32> = (0..63).map(|_| random.bits() as u32).collect();
        words[62] &= 0xffff;
        builder.push(vec![
            TreeNode::CategorySet {
                feature_idx: 0,
                words,
                missing_left: random.below(2) == 0,
                left: 1,
                right: 2,
            },
            TreeNode::Leaf {
                value: (random.bits() as u32).cast_signed() >> 4,
                cover: 1,
            },
            TreeNode::Leaf {
                value: (random.bits() as u32).cast_signed() >> 4,
                cover: 1,
            },
        ]);
    }
    let bytes = models::artifact(schema, ModelTable::Trees(builder.build().unwrap()));
    let model = Model::load(&bytes).unwrap();
    let mut rows: Vec<f32> = (0..200)
        .map(|_| random.below(n_categories) as f32)
        .collect();
    rows.extend([f32::NAN, -1.0, 0.5, 0.0, 1999.0, 2000.0, f32::INFINITY]);
    let scored = Scorer::new(&model).score_batch(&rows).unwrap();
    for (row, scored) in rows.iter().zip(scored) {
        assert_eq!(
            scored.margin,
            naive::margin(&model, &[*row]).unwrap(),
            "{row}"
        );
    }
}
