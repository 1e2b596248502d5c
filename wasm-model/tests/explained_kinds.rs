//! Explanations of machines with radial basis functions and of blends, against Shapley's definition.

#![allow(clippy::unwrap_used, reason = "functions of a test are tests too")]

#[allow(dead_code, reason = "other tests use the rest")]
mod models;

use models::Random;
use picket_schema::artifact::{ModelTable, NeighbourWeights, Operator};
use picket_wasm_model::{Explainer, Model, RowError, Unexplainable, naive};

fn factorial(n: usize) -> f64 {
    (1..=n).map(|k| k as f64).product()
}

/// Over all coalitions: features outside have the baseline's values.
fn brute_force(model: &Model<'_>, row: &[f32], baseline: &[f32]) -> Vec<f64> {
    let n = row.len();
    let value = |known: u32| {
        let mixed: Vec<f32> = (0..n)
            .map(|j| {
                if known >> j & 1 == 1 {
                    row[j]
                } else {
                    baseline[j]
                }
            })
            .collect();
        naive::margin(model, &mixed).unwrap().0
    };
    let of_feature = |feature: usize| {
        let without = (0..1_u32 << n).filter(|known| known >> feature & 1 == 0);
        let terms = without.map(|known| {
            let size = known.count_ones() as usize;
            let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
            weight * (value(known | 1 << feature) - value(known))
        });
        terms.sum()
    };
    (0..n).map(of_feature).collect()
}

fn assert_close(a: f64, b: f64, scale: f64) {
    assert!((a - b).abs() <= 1e-12 * (1.0 + scale), "{a} is not {b}");
}

#[test]
fn kernels_match_the_definition() {
    let mut random = Random(3);
    for seed in 0..8 {
        let table = models::kernel_table(&mut Random(seed), 1 + 20 * seed as usize);
        let ModelTable::Kernel(kernel) = &table else {
            unreachable!()
        };
        let baseline: Vec<f32> = kernel.iter_baseline().collect();
        let bytes = models::artifact(models::schema(), table);
        let model = Model::load(&bytes).unwrap();
        let mut explainer = Explainer::new(&model);
        for n_rows in 0..12 {
            let mut row = models::row(&mut random);
            // Some columns as in the baseline, which then have no part in it.
            row.iter_mut()
                .zip(&baseline)
                .skip(n_rows % 6)
                .for_each(|(x, base)| *x = *base);
            let found = explainer.explain(&row).unwrap();
            let scale = found.contributions.iter().map(|c| c.abs()).sum();
            assert_eq!(found.scored, naive::score(&model, &row).unwrap());
            assert_close(
                found.base,
                naive::margin(&model, &baseline).unwrap().0,
                scale,
            );
            for (found, expected) in found
                .contributions
                .iter()
                .zip(brute_force(&model, &row, &baseline))
            {
                assert_close(*found, expected, scale);
            }
            let sum = found.base + found.contributions.iter().sum::<f64>();
            assert_close(sum, found.scored.margin.0, scale);
        }
    }
}

#[test]
fn a_blends_contributions_are_the_sums_of_its_members() {
    let tables = || {
        vec![
            models::trees_table(1, Operator::LessEqual, 5, 5),
            models::linear_table(2),
            models::kernel_table(&mut Random(3), 30),
            models::trees_table(4, Operator::Less, 9, 3),
        ]
    };
    let bytes = models::blend(6, tables());
    let model = Model::load(&bytes).unwrap();
    let ModelTable::Blend(blend) = &model.artifact().model else {
        panic!("expected a blend")
    };
    let alone = tables()
        .into_iter()
        .map(|table| models::artifact(models::schema(), table));
    let alone: Vec<Vec<u8>> = alone.collect();
    let alone: Vec<Model<'_>> = alone
        .iter()
        .map(|bytes| Model::load(bytes).unwrap())
        .collect();
    let mut random = Random(5);
    let mut explainer = Explainer::new(&model);
    for _ in 0..30 {
        let row = models::row(&mut random);
        let found = explainer.explain(&row).unwrap();
        let (mut base, mut expected) = (blend.bias, vec![0.0; row.len()]);
        for (member, model) in blend.members.iter().zip(&alone) {
            let part = Explainer::new(model).explain(&row).unwrap();
            base += member.weight * part.base;
            for (sum, contribution) in expected.iter_mut().zip(part.contributions) {
                *sum += member.weight * contribution;
            }
        }
        assert_eq!(found.base.to_bits(), base.to_bits());
        let bits = |x: &[f64]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&found.contributions), bits(&expected));
        let sum = found.base + found.contributions.iter().sum::<f64>();
        assert!((sum - found.scored.margin.0).abs() < 1e-9 * (1.0 + sum.abs()) * 1e3);
    }
}

#[test]
fn what_asks_neighbours_is_not_explained() {
    let neighbours = || models::neighbours_table(&mut Random(1), 20, 3, NeighbourWeights::Uniform);
    let alone = models::artifact(models::schema(), neighbours());
    let blended = models::blend(1, vec![models::linear_table(1), neighbours()]);
    for bytes in [alone, blended] {
        let model = Model::load(&bytes).unwrap();
        let error = Explainer::new(&model).explain(&[0.0; 5]).unwrap_err();
        assert_eq!(error, RowError::Unexplainable(Unexplainable::Neighbours));
        assert!(error.to_string().contains("scores are not affected"));
    }
}
