//! The fast scorer must match the naive one bit for bit.

#![allow(clippy::unwrap_used, reason = "functions of a test are tests too")]

mod models;

use models::Random;
use picket_schema::artifact::{NeighbourWeights, Operator};
use picket_wasm_model::{Explainer, Model, OwnedModel, RowError, Scored, Scorer, naive};

fn bits(scored: Scored) -> (u64, u64) {
    (scored.margin.0.to_bits(), scored.score.0.to_bits())
}

fn assert_parity(bytes: &[u8], n_rows: usize, seed: u64) {
    let model = Model::load(bytes).unwrap();
    let mut scorer = Scorer::new(&model);
    let mut random = Random(seed);
    let rows: Vec<Vec<f32>> = (0..n_rows).map(|_| models::row(&mut random)).collect();
    let batch = scorer.score_batch(&rows.concat()).unwrap();
    for (row, from_batch) in rows.iter().zip(batch) {
        let naive = naive::score(&model, row).unwrap();
        let fast = scorer.score(row).unwrap();
        assert_eq!(bits(naive), bits(fast), "row {row:?}");
        assert_eq!(bits(naive), bits(from_batch), "row {row:?}");
        assert_eq!(naive.verdict, fast.verdict);
        assert!(naive.margin.0.is_finite() && (0.0..=1.0).contains(&naive.score.0));
    }
}

#[test]
fn fast_is_naive_for_trees() {
    for (seed, operator) in [(1, Operator::LessEqual), (2, Operator::Less)] {
        for (n_trees, depth) in [(1, 0), (1, 1), (3, 3), (20, 6), (7, 12)] {
            let bytes = models::trees(seed, operator, n_trees, depth);
            assert_parity(&bytes, 500, seed + 10);
        }
    }
}

#[test]
fn fast_is_naive_for_linear() {
    for seed in 0..10 {
        assert_parity(&models::linear(seed), 500, seed);
    }
}

const BOTH: [NeighbourWeights; 2] = [NeighbourWeights::Uniform, NeighbourWeights::Distance];

#[test]
fn fast_is_naive_for_neighbours() {
    for (seed, weights) in (0..).zip(BOTH) {
        for (n_rows, n_neighbours) in [(1, 1), (40, 3), (300, 7), (300, 300)] {
            let mut random = Random(seed);
            let table = models::neighbours_table(&mut random, n_rows, n_neighbours, weights);
            assert_parity(&models::artifact(models::schema(), table), 300, seed);
        }
    }
}

#[test]
fn fast_is_naive_for_kernels() {
    for (seed, n_rows) in (0..).zip([1, 2, 60, 300]) {
        let table = models::kernel_table(&mut Random(seed), n_rows);
        assert_parity(&models::artifact(models::schema(), table), 300, seed);
    }
}

#[test]
fn fast_is_naive_for_blends() {
    let random = &mut Random(5);
    let [small, large] = [(3, 3), (40, 8)].map(|(n_trees, depth)| {
        models::trees_table(random.bits(), Operator::LessEqual, n_trees, depth)
    });
    // Trees between the others: each table keeps its own scratch space.
    let members = [
        large.clone(),
        models::neighbours_table(random, 50, 5, NeighbourWeights::Distance),
        models::linear_table(3),
        small,
        models::kernel_table(random, 50),
        large,
    ];
    for n_members in 1..=members.len() {
        let bytes = models::blend(7, members[..n_members].to_vec());
        assert_parity(&bytes, 300, n_members as u64);
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let bytes = models::linear(1);
    let model = OwnedModel::load(bytes).unwrap();
    let mut scorer = Scorer::new(model.model());
    let error = RowError::RowLength {
        found: 4,
        expected: 5,
    };
    assert_eq!(scorer.score(&[0.0; 4]), Err(error));
    assert_eq!(naive::score(model.model(), &[0.0; 4]), Err(error));
    assert_eq!(Explainer::new(model.model()).explain(&[0.0; 4]), Err(error));
    let error = RowError::BatchLength {
        found: 12,
        n_features: 5,
    };
    assert_eq!(scorer.score_batch(&[0.0; 12]), Err(error));
    assert_eq!(scorer.score_batch(&[]), Ok(vec![]));
}
