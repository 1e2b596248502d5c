//! Models trained behind a transform: what their files hold, and what they score.

use std::path::Path;

use picket_schema::artifact::Step;
use picket_schema::{Artifact, FeatureSchema};
use picket_trainer::transform::TransformPlan;
use picket_trainer::{
    BoostingSettings, Dataset, Learner, LogisticSettings, Reporter, Scores, TrainOptions,
    phishing_schema, synthetic_rows, train,
};
use picket_wasm_model::{Explainer, Model, Scorer, naive};

const NSL_KDD: &str = include_str!("../../../schema/schemas/nsl-kdd.toml");
/// What the neighbours of the phishing data may take beside the model.
const MAX_NEIGHBOUR_BYTES: usize = 120 << 10;

fn plan(text: &str) -> TransformPlan {
    serde_json::from_str(text).unwrap()
}

fn options(transform: &str, learner: Learner) -> TrainOptions {
    let mut options = TrainOptions::new(learner);
    options.transform = plan(transform);
    options
}

fn small_boosting() -> Learner {
    Learner::Boosting(BoostingSettings {
        n_trees: 8,
        max_depth: 3,
        ..BoostingSettings::default()
    })
}

/// Rows without meaning, with every seventh value gone.
fn with_gaps(schema: &FeatureSchema, n_rows: usize) -> Dataset {
    let data = synthetic_rows(schema, n_rows, 11).unwrap();
    let values = data.features().iter().enumerate();
    let values = values.map(|(index, x)| if index % 7 == 3 { f32::NAN } else { *x });
    Dataset::new(
        schema.clone(),
        values.collect(),
        data.labels().to_vec(),
        "gaps",
    )
    .unwrap()
}

const PLANS: [&str; 4] = [
    r#"{"impute": {"knn": {"n-neighbours": 3, "weights": "distance"}}, "missing-indicators": true}"#,
    r#"{"impute": "median", "encode": {"target": {}}, "scale": "robust"}"#,
    r#"{"impute": "mean", "encode": "one-hot", "scale": "standard"}"#,
    r#"{"encode": "ordinal", "encode-ordinal": true, "missing-indicators": true}"#,
];

#[test]
fn a_model_scores_raw_rows_as_it_learned_from_transformed_ones() {
    for schema in [
        phishing_schema().unwrap(),
        FeatureSchema::from_toml(NSL_KDD).unwrap(),
    ] {
        let data = with_gaps(&schema, 160);
        for text in PLANS {
            for learner in [
                small_boosting(),
                Learner::Logistic(LogisticSettings::default()),
            ] {
                let trained = train(&data, &options(text, learner), Reporter::Silent).unwrap();
                let model = Model::load(&trained.bytes).unwrap();
                let artifact = model.artifact();
                assert!(!artifact.transform.0.is_empty());
                assert_eq!(artifact.reference.features.len(), schema.n_features());
                assert!([0, schema.n_features()].contains(&artifact.card.importances.len()));
                for (name, value) in plan(text).parameters() {
                    assert_eq!(artifact.card.parameters[&name], value);
                }
                let scores = Scores::of(&model, &data).unwrap();
                let mut scorer = Scorer::new(&model);
                let mut explainer = Explainer::new(&model);
                for row_idx in 0..20 {
                    let row = data.row(row_idx);
                    let expected = naive::score(&model, row).unwrap();
                    assert_eq!(
                        scores.margins[row_idx].to_bits(),
                        expected.margin.0.to_bits()
                    );
                    assert_eq!(scorer.score(row), Ok(expected));
                    let explanation = explainer.explain(row).unwrap();
                    assert_eq!(explanation.contributions.len(), schema.n_features());
                }
            }
        }
    }
}

#[test]
fn the_file_is_the_same_for_every_number_of_threads() {
    let schema = FeatureSchema::from_toml(NSL_KDD).unwrap();
    let data = with_gaps(&schema, 400);
    for text in PLANS {
        let options = options(text, small_boosting());
        let on = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(n_threads)
                .build();
            pool.unwrap()
                .install(|| train(&data, &options, Reporter::Silent).unwrap().bytes)
        };
        assert_eq!(on(1), on(3), "{text}");
    }
}

#[test]
fn phishing_neighbours_are_small() {
    let schema = phishing_schema().unwrap();
    let data = if let Some(folder) = std::env::var_os("PICKET_DATA_DIR") {
        Dataset::open_csv(&schema, &Path::new(&folder).join("phishing.csv")).unwrap()
    } else {
        println!("PICKET_DATA_DIR is not set: the size is that of as many synthetic rows");
        synthetic_rows(&schema, 11_055, 1).unwrap()
    };
    let bytes = |text: &str| {
        train(&data, &options(text, small_boosting()), Reporter::Silent)
            .unwrap()
            .bytes
    };
    let (without, with) = (bytes("{}"), bytes(r#"{"impute": {"knn": {}}}"#));
    let artifact = Artifact::decode(&with).unwrap();
    let [Step::Neighbours(imputer)] = &artifact.transform.0[..] else {
        panic!("expected one step")
    };
    let n_bytes = with.len() - without.len();
    println!(
        "{} distinct rows of {} bytes; {n_bytes} bytes beside the model",
        imputer.rows.n_rows,
        imputer.rows.row_bytes()
    );
    assert!(imputer.rows.row_bytes() <= 8);
    assert!(n_bytes < MAX_NEIGHBOUR_BYTES, "{n_bytes} bytes");
}

#[test]
fn hashed_texts_are_categories_to_every_model() {
    let text = NSL_KDD.lines().map(|line| {
        if line.contains("\"aol\"") {
            "domain = { hashed = 1000 }"
        } else {
            line
        }
    });
    let schema = FeatureSchema::from_toml(&text.collect::<Vec<_>>().join("\n")).unwrap();
    let data = synthetic_rows(&schema, 300, 5).unwrap();
    for text in ["{}", r#"{"encode": {"target": {}}}"#] {
        for learner in [
            small_boosting(),
            Learner::Logistic(LogisticSettings::default()),
        ] {
            let trained = train(&data, &options(text, learner), Reporter::Silent).unwrap();
            let model = Model::load(&trained.bytes).unwrap();
            let mut scorer = Scorer::new(&model);
            for row_idx in 0..20 {
                let row = data.row(row_idx);
                assert_eq!(scorer.score(row), Ok(naive::score(&model, row).unwrap()));
            }
        }
    }
}
