//! Importances of features whose part in the labels is known.

#![allow(clippy::unwrap_used, reason = "functions of a test are tests too")]

use picket_schema::FeatureSchema;
use picket_trainer::{
    Dataset, ImportanceError, Learner, Reporter, TrainOptions, mean_abs_shap,
    permutation_importance, train,
};
use picket_wasm_model::{Explainer, Model};

/// Three features: the first decides nearly alone, the second helps a little, the third is noise.
fn data(n_rows: u32) -> Dataset {
    let schema = FeatureSchema::from_toml(
        r#"
        name = "s"
        label = { name = "y", positive = { name = "bad", values = ["1"] }, negative = { name = "good" } }
        features = [
            { name = "strong", domain = { range = [0, 1] } },
            { name = "weak", domain = { range = [0, 1] } },
            { name = "noise", domain = { range = [0, 1] } },
        ]
        "#,
    )
    .unwrap();
    let mut state = 7_u32;
    let mut unit = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..n_rows {
        let row = [unit(), unit(), unit()];
        labels.push(row[0] + 0.25 * row[1] + 0.1 * unit() > 0.675);
        values.extend(row.map(|x| x as f32));
    }
    Dataset::new(schema, values, labels, "made").unwrap()
}

fn model(data: &Dataset) -> Vec<u8> {
    let options = TrainOptions::new(Learner::Logistic(
        picket_trainer::LogisticSettings::default(),
    ));
    train(data, &options, Reporter::Silent).unwrap().bytes
}

#[test]
fn permutations_rank_features_and_losses_count_the_same_way() {
    let data = data(1500);
    let bytes = model(&data);
    let model = Model::load(&bytes).unwrap();
    for metric in ["roc_auc", "f1", "brier", "log_loss"] {
        let found = permutation_importance(&model, &data, metric, 4, 1).unwrap();
        assert_eq!((found.means.len(), found.deviations.len()), (3, 3));
        assert!(
            found.means[0] > 3.0 * found.means[1] && found.means[1] > found.means[2].abs(),
            "{found:?}"
        );
        assert!(
            found
                .deviations
                .iter()
                .all(|x| *x >= 0.0 && *x < found.means[0])
        );
    }
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| permutation_importance(&model, &data, "f1", 3, 5).unwrap())
    };
    assert_eq!(on(1), on(3));
    assert!(matches!(
        permutation_importance(&model, &data, "beauty", 1, 1),
        Err(ImportanceError::UnknownMetric { .. })
    ));
}

#[test]
fn contributions_are_averaged_over_the_rows() {
    let data = data(300);
    let bytes = model(&data);
    let model = Model::load(&bytes).unwrap();
    let all = mean_abs_shap(&model, &data, 10_000, 1).unwrap();
    assert_eq!((all.n_rows, all.unit), (300, "log-odds"));
    let picket_schema::artifact::Calibration::Platt(platt) = model.calibration() else {
        panic!("expected a sigmoid")
    };
    let mut expected = [0.0; 3];
    for row_idx in 0..300 {
        let explanation = Explainer::new(&model).explain(data.row(row_idx)).unwrap();
        for (sum, x) in expected.iter_mut().zip(&explanation.contributions) {
            *sum += (platt.slope * x).abs() / 300.0;
        }
    }
    for (found, expected) in all.means.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }
    let some = mean_abs_shap(&model, &data, 100, 1).unwrap();
    assert_eq!(some.n_rows, 100);
    assert!(some.means[0] > some.means[1] && some.means != all.means);
    assert_eq!(some, mean_abs_shap(&model, &data, 100, 1).unwrap());
}
