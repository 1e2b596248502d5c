//! Rows that trees did not learn from: out of bag, and for early stopping.

use ndarray::Array2;
use picket_trainer::learn::{BoostingParams, Bootstrap, Matrix, RandomForestParams};

use crate::data::{Data, MIXED, Noise};

/// Labels of pure chance cannot be predicted. Scores of a forest's own training rows are nearly
/// perfect all the same, and those from outside the bag are as bad as they should be. Every row
/// has copies: a copy in the bag must count as the row itself.
#[test]
fn out_of_bag_scores_do_not_remember() {
    let mut noise = Noise(11);
    let distinct = Array2::from_shape_simple_fn((400, 6), || noise.value());
    let truth: Vec<bool> = (0..400).map(|_| noise.below(2) == 1).collect();
    let rows: Vec<usize> = (0..1_200).map(|row| row % 400).collect();
    let features = distinct.select(ndarray::Axis(0), &rows);
    let labels: Vec<bool> = rows.iter().map(|&row| truth[row]).collect();
    let matrix = Matrix::new(features.view(), &labels[..]).expect("labels");
    for bootstrap in [Bootstrap::DistinctRows, Bootstrap::Rows] {
        let params = RandomForestParams::new()
            .n_trees(200)
            .bootstrap(bootstrap)
            .out_of_bag(true);
        let forest = params.fit_matrix(&matrix).expect("a forest");
        let scores = forest.out_of_bag.expect("asked for");
        let scored: Vec<(f64, bool)> = scores
            .probabilities()
            .iter()
            .zip(&labels)
            .filter_map(|(score, label)| score.map(|score| (score, *label)))
            .collect();
        assert!(scored.len() > 1_100, "{} rows scored", scored.len());
        let right = scored
            .iter()
            .filter(|(score, label)| (*score >= 0.5) == *label)
            .count();
        let share = right as f64 / scored.len() as f64;
        assert!(
            (0.4..0.6).contains(&share),
            "{share} right by {bootstrap:?}"
        );
        let own = forest.ensemble.probabilities(features.view());
        let right = own
            .iter()
            .zip(&labels)
            .filter(|(p, label)| (**p >= 0.5) == **label)
            .count();
        assert!(right > 1_150, "{right} of its own rows");
    }
}

#[test]
fn early_stopping_keeps_the_best_number_of_trees() {
    let data = Data::mixed(1_500);
    let part = |from: usize, to: usize| {
        Matrix::new(
            data.features.slice(ndarray::s![from..to, ..]),
            &data.labels[from..to],
        )
        .and_then(|matrix| matrix.with_columns(&MIXED[..]))
        .expect("a part")
    };
    let (training, validation) = (part(0, 1_000), part(1_000, 1_500));
    let params = BoostingParams::new()
        .n_trees(400)
        .learning_rate(0.3)
        .patience(Some(20));
    let params = linfa::ParamGuard::check(params).expect("in range");
    let grown = std::sync::atomic::AtomicUsize::new(0);
    let progress = |n_trees: usize, total: usize| {
        assert_eq!(total, 400);
        grown.store(n_trees, std::sync::atomic::Ordering::Relaxed);
    };
    let fitted = params
        .fit_matrix(&training, Some(&validation), &progress)
        .expect("a boosting");
    let losses = &fitted.validation_losses;
    let best = (0..losses.len())
        .min_by(|&a, &b| losses[a].total_cmp(&losses[b]))
        .expect("losses");
    assert_eq!(
        losses.len(),
        best + 1 + 20,
        "stopped 20 trees after the best"
    );
    assert_eq!(fitted.ensemble.trees().len(), best + 1);
    assert_eq!(grown.into_inner(), losses.len());

    let probabilities = fitted.ensemble.probabilities(validation.features());
    let loss: f64 = probabilities
        .iter()
        .zip(validation.labels())
        .map(|(p, label)| -(if *label { *p } else { 1.0 - p }).ln())
        .sum::<f64>()
        / 500.0;
    // The leaves were rounded since, to two bytes.
    assert!(
        (loss - losses[best]).abs() < 1e-4,
        "{loss} by the model, {} then",
        losses[best]
    );
    let n_splits: u64 = fitted
        .ensemble
        .importances()
        .iter()
        .map(|i| i.n_splits)
        .sum();
    let splits = fitted
        .ensemble
        .trees()
        .iter()
        .map(|tree| tree.nodes().len() / 2)
        .sum::<usize>();
    assert_eq!(
        n_splits, splits as u64,
        "importances of the trees that stayed"
    );
}

/// A bootstrap sample weighs as much as the data, and no two are the same.
#[test]
fn bags_are_drawn_with_replacement() {
    let mut noise = Noise(3);
    let features = Array2::from_shape_simple_fn((300, 4), || noise.value());
    let labels: Vec<bool> = (0..300).map(|_| noise.below(2) == 1).collect();
    let matrix = Matrix::new(features.view(), labels).expect("labels");
    for bootstrap in [Bootstrap::Rows, Bootstrap::DistinctRows] {
        let params = RandomForestParams::new()
            .n_trees(5)
            .bootstrap(bootstrap)
            .out_of_bag(true);
        let forest = params.fit_matrix(&matrix).expect("a forest");
        let trees = forest.ensemble.trees();
        assert!(trees.iter().all(|tree| tree.nodes()[0].cover() == 300.0));
        assert!(trees[1..].iter().all(|tree| *tree != trees[0]));
        // A bag holds a row with probability 1 - 1/e; all five hold about one row of ten.
        let scores = forest.out_of_bag.expect("asked for");
        let n_unscored = scores
            .probabilities()
            .iter()
            .filter(|score| score.is_none())
            .count();
        assert!(
            (10..60).contains(&n_unscored),
            "{n_unscored} rows in every bag"
        );
    }
    let whole = RandomForestParams::new()
        .n_trees(2)
        .bootstrap(Bootstrap::Off)
        .out_of_bag(true);
    let forest = whole.fit_matrix(&matrix).expect("a forest");
    let scores = forest.out_of_bag.expect("asked for");
    assert!(
        scores.probabilities().iter().all(Option::is_none),
        "every tree saw every row"
    );
}
