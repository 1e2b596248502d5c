//! Models behind a transform: fast is naive bit for bit, and explanations go back to the features.

#![allow(clippy::unwrap_used, reason = "functions of a test are tests too")]

mod coalitions;
#[allow(dead_code, reason = "other tests use the rest")]
mod models;
mod steps;

use coalitions::Coalitions;
use models::Random;
use picket_schema::artifact::{
    IntTable, ModelTable, NeighbourImputer, NeighbourWeights, PackedRows,
};
use picket_wasm_model::{
    Explainer, Model, RowError, RowTransform, Scorer, TransformScratch, naive,
};

fn rows(seed: u64, n_rows: usize) -> Vec<Vec<f32>> {
    let mut random = Random(seed);
    (0..n_rows).map(|_| models::row(&mut random)).collect()
}

fn files() -> impl Iterator<Item = Vec<u8>> {
    (0..60).flat_map(|seed| [steps::trees(seed), steps::linear(1000 + seed)])
}

#[test]
fn fast_is_naive() {
    let (mut n_filled, mut n_wider) = (0, 0);
    for (seed, bytes) in files().enumerate() {
        let model = Model::load(&bytes).unwrap();
        let transform = &model.artifact().transform;
        let prepared = RowTransform::new(transform, model.schema().into());
        assert_eq!(prepared.columns(), &model.artifact().columns());
        n_wider += usize::from(model.columns().len() > model.n_features());
        let rows = rows(seed as u64, 90);
        // The first rows without tables, the batch with them.
        let mut scorer = Scorer::new(&model);
        let first = scorer.score(&rows[0]).unwrap();
        let batch = scorer.score_batch(&rows.concat()).unwrap();
        assert_eq!(batch.len(), rows.len());
        let mut scratch = TransformScratch::default();
        for (row, from_batch) in rows.iter().zip(batch) {
            let expected = naive::columns(&model, row).unwrap();
            let mut found = Vec::new();
            prepared.append(transform, row, &mut scratch, &mut found);
            for (x, y) in found.iter().zip(&expected) {
                let same = x.to_bits() == y.to_bits() || x.is_nan() && y.is_nan();
                assert!(same, "{x} is not {y}: file {seed}, row {row:?}");
            }
            assert_eq!(found.len(), expected.len());
            let n_missing = |row: &[f32]| row.iter().filter(|x| x.is_nan()).count();
            n_filled += usize::from(n_missing(&found) < n_missing(row));
            let naive = naive::score(&model, row).unwrap();
            let fast = scorer.score(row).unwrap();
            assert_eq!(naive.margin.0.to_bits(), fast.margin.0.to_bits());
            assert_eq!(naive.margin.0.to_bits(), from_batch.margin.0.to_bits());
            assert_eq!(naive, fast);
        }
        assert_eq!(first, naive::score(&model, &rows[0]).unwrap());
    }
    assert!(n_filled > 500 && n_wider > 10, "{n_filled} {n_wider}");
}

#[test]
fn contributions_are_those_of_the_features_and_add_up() {
    for (seed, bytes) in files().enumerate() {
        let model = Model::load(&bytes).unwrap();
        let mut explainer = Explainer::new(&model);
        for row in rows(seed as u64, 8) {
            let explanation = explainer.explain(&row).unwrap();
            assert_eq!(explanation.scored, naive::score(&model, &row).unwrap());
            assert_eq!(explanation.contributions.len(), model.n_features());
            let sum = explanation.base + explanation.contributions.iter().sum::<f64>();
            let margin = explanation.scored.margin.0;
            let scale = explanation
                .contributions
                .iter()
                .map(|c| c.abs())
                .sum::<f64>();
            let tolerance = 1e-9 * (1.0 + scale + margin.abs());
            assert!((sum - margin).abs() <= tolerance, "{sum} is not {margin}");
            if let ModelTable::Trees(_) = model.artifact().model {
                let columns = naive::columns(&model, &row).unwrap();
                let of_columns = Coalitions::of(&model, &columns).contributions();
                let mut expected = vec![0.0; model.n_features()];
                for (column, contribution) in model.columns().0.iter().zip(of_columns) {
                    expected[column.feature_idx] += contribution;
                }
                for (found, expected) in explanation.contributions.iter().zip(expected) {
                    assert!(
                        (found - expected).abs() <= tolerance,
                        "{found} is not {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn rows_have_the_length_of_the_schema() {
    let bytes = files()
        .find(|bytes| Model::load(bytes).unwrap().columns().len() == 7)
        .expect("a model of seven columns");
    let model = Model::load(&bytes).unwrap();
    let error = RowError::RowLength {
        found: 7,
        expected: 5,
    };
    assert_eq!(Scorer::new(&model).score(&[0.0; 7]), Err(error));
    assert_eq!(naive::score(&model, &[0.0; 7]), Err(error));
    assert_eq!(Explainer::new(&model).explain(&[0.0; 7]), Err(error));
    assert!(Scorer::new(&model).score_batch(&[0.0; 7]).is_err());
    assert_eq!(
        Scorer::new(&model).score_batch(&[0.0; 35]).unwrap().len(),
        7
    );
}

/// By hand: three rows in two columns, the second of them three times.
fn imputer(n_neighbours: u32, weights: NeighbourWeights) -> NeighbourImputer<'static> {
    NeighbourImputer {
        n_neighbours,
        weights,
        columns: vec![0, 0, 1, 0].into(),
        rows: PackedRows::pack(2, &[0.0, 10.0, 3.0, 20.0, f32::NAN, 70.0]),
        counts: IntTable::pack([1, 3, 2]),
    }
}

#[test]
fn neighbours_count_as_often_as_they_stand_there() {
    use NeighbourWeights::{Distance, Uniform};
    let value =
        |k, weights, x: f32| naive::neighbours_value(&imputer(k, weights), &[x, f32::NAN], 1);
    // Distances from 1: sqrt(2), and 2 sqrt(2) three times; the last row shares no column.
    assert_eq!(value(1, Uniform, 1.0), Some(10.0));
    assert_eq!(value(2, Uniform, 1.0), Some(15.0));
    assert_eq!(value(4, Uniform, 1.0), Some(17.5));
    assert_eq!(value(100, Uniform, 1.0), Some(17.5));
    let expected = (10.0 + 20.0 / 2.0 * 2.0) / (1.0 + 2.0 / 2.0);
    let found = value(3, Distance, 1.0).unwrap();
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    // At distance 0 nothing else counts.
    assert_eq!(value(4, Distance, 3.0), Some(20.0));
    // Nothing in common with any row: the mean of all.
    assert_eq!(
        value(2, Uniform, f32::NAN),
        Some((10.0 + 60.0 + 140.0) / 6.0)
    );
    // Infinity is as far as the largest number, so distances stay numbers.
    assert!(value(4, Distance, f32::INFINITY).is_some_and(f64::is_finite));
}
