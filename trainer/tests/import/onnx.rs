//! ONNX tree ensembles.

use picket_schema::artifact::Operator;
use picket_trainer::import::{ImportOptions, MarginKind, SourceFormat};

use crate::onnx_bytes::{Attribute, Value, file, node, stumps, weights};
use crate::subject::{assert_margin, assert_says, calibration, imported, notes, operator, options};

pub(crate) const ONNX: SourceFormat = SourceFormat::Onnx;
const NAN: f32 = f32::NAN;

/// A file with one ensemble between its input and ZipMap, as converters write it.
pub(crate) fn ensemble(operator: &str, attributes: Vec<Attribute>) -> Vec<u8> {
    let trees = node(operator, &["X"], &["label", "scores"], &attributes);
    let cast = node("Cast", &["label"], &["output_label"], &[("to", Value::Int(7))]);
    let map = node("ZipMap", &["scores"], &["output_probability"], &[]);
    file(&[trees, cast, map], &[("X", 3)])
}

/// One weight a leaf: 2^-tree where the test passes, minus that else.
fn signed_weights(n_trees: i64) -> Vec<(i64, i64, i64, f32)> {
    let pair = |tree: i64| {
        let weight = 0.5_f32.powi(tree as i32);
        [(tree, 1, 0, weight), (tree, 2, 0, -weight)]
    };
    (0..n_trees).flat_map(pair).collect()
}

pub(crate) fn logistic(trees: Vec<Attribute>, labels: Attribute) -> Vec<Attribute> {
    let mut attributes = trees;
    attributes.push(labels);
    attributes.push(("post_transform", Value::Text("LOGISTIC")));
    attributes
}

pub(crate) fn zero_one() -> Attribute {
    ("classlabels_int64s", Value::Ints(vec![0, 1]))
}

#[test]
fn every_mode_goes_where_it_says() {
    let trees = [
        (0, "BRANCH_LEQ", 0.5, 0),
        (0, "BRANCH_LT", 0.5, 1),
        (0, "BRANCH_GTE", 0.5, 0),
        (0, "BRANCH_GT", 0.5, 1),
        (0, "BRANCH_EQ", 0.5, 0),
        (0, "BRANCH_NEQ", 0.5, 0),
        (0, "BRANCH_EQ", 0.5, 1),
    ];
    let mut attributes = stumps(&trees);
    attributes.extend(weights("class", &signed_weights(7)));
    attributes.push(("base_values", Value::Floats(vec![0.25])));
    let file = ensemble("TreeEnsembleClassifier", logistic(attributes, zero_one()));
    let model = imported(ONNX, &file, &options());
    let passes: [(f32, [bool; 7]); 6] = [
        (0.5, [true, false, true, false, true, false, true]),
        (0.5_f32.next_down(), [true, true, false, false, false, true, false]),
        (0.5_f32.next_up(), [false, false, true, true, false, true, false]),
        (f32::INFINITY, [false, false, true, true, false, true, false]),
        (f32::NEG_INFINITY, [true, true, false, false, false, true, false]),
        // No comparison holds for NaN but "not equal"; tracking makes it pass.
        (NAN, [false, true, false, true, false, true, true]),
    ];
    for (x, passes) in passes {
        let leaf = |(tree, passes): (usize, bool)| {
            let weight = 0.5_f64.powi(tree as i32);
            if passes { weight } else { -weight }
        };
        let mut terms: Vec<f64> = passes.into_iter().enumerate().map(leaf).collect();
        terms.push(0.25);
        assert_margin(&model, [x, 0.0, 0.0], &terms);
    }
}

#[test]
fn strict_comparisons_keep_their_thresholds() {
    let mut attributes = stumps(&[(0, "BRANCH_LT", 0.5, 0), (1, "BRANCH_GTE", 0.5, 0)]);
    attributes.extend(weights("class", &signed_weights(2)));
    let file = ensemble("TreeEnsembleClassifier", logistic(attributes, zero_one()));
    assert_eq!(operator(&imported(ONNX, &file, &options())), Operator::Less);
}

#[test]
fn any_test_on_a_category_is_a_set() {
    let mut attributes = stumps(&[
        (2, "BRANCH_EQ", 1.0, 0),
        (2, "BRANCH_LEQ", 0.5, 0),
        (2, "BRANCH_NEQ", 2.0, 0),
    ]);
    attributes.extend(weights("class", &signed_weights(3)));
    let file = ensemble("TreeEnsembleClassifier", logistic(attributes, zero_one()));
    let model = imported(ONNX, &file, &options());
    assert_margin(&model, [0.0, 0.0, 0.0], &[-1.0, 0.5, 0.25]);
    assert_margin(&model, [0.0, 0.0, 1.0], &[1.0, -0.5, 0.25]);
    assert_margin(&model, [0.0, 0.0, 2.0], &[-1.0, -0.5, -0.25]);
    assert_margin(&model, [0.0, 0.0, NAN], &[-1.0, -0.5, 0.25]);
}

/// Two trees that vote with both classes, as scikit-learn's forests do.
fn forest(labels: Attribute, post_transform: &'static str) -> Vec<u8> {
    let mut attributes = stumps(&[(0, "BRANCH_LEQ", 0.0, 0), (1, "BRANCH_LEQ", 0.0, 0)]);
    attributes.extend(weights(
        "class",
        &[
            (0, 1, 0, 0.5),
            (0, 1, 1, 0.0),
            (0, 2, 0, 0.125),
            (0, 2, 1, 0.375),
            (1, 1, 0, 0.5),
            (1, 1, 1, 0.0),
            (1, 2, 0, 0.0),
            (1, 2, 1, 0.5),
        ],
    ));
    attributes.push(labels);
    attributes.push(("post_transform", Value::Text(post_transform)));
    ensemble("TreeEnsembleClassifier", attributes)
}

#[test]
fn a_forests_margin_is_its_probability() {
    let model = imported(ONNX, &forest(zero_one(), "NONE"), &options());
    assert_margin(&model, [1.0, 0.0, 0.0], &[0.375]);
    assert_margin(&model, [1.0, 1.0, 0.0], &[0.875]);
    // The sigmoid leaves 1/2 where it is.
    let calibration = calibration(&model);
    assert_eq!(calibration.slope * 0.5 + calibration.intercept, 0.0);
    for step in 0..=1000 {
        let p = f64::from(step) / 1000.0;
        let score = 1.0 / (1.0 + (-(calibration.slope * p + calibration.intercept)).exp());
        assert!((score - p).abs() <= 0.0562, "{p}: {score}");
    }
    assert_says(&notes(&model), &["probability of class 1", "within 0.0562"]);
    let turned = ImportOptions {
        positive_class: Some(0),
        ..options()
    };
    let model = imported(ONNX, &forest(zero_one(), "NONE"), &turned);
    assert_margin(&model, [1.0, 0.0, 0.0], &[0.625]);
}

#[test]
fn the_files_labels_tell_the_positive_class() {
    let labels = ("classlabels_int64s", Value::Ints(vec![7, 9]));
    // 7 is bad by the schema, 9 unknown: no pair, so class 1.
    let model = imported(ONNX, &forest(labels, "NONE"), &options());
    assert_says(&model.positive_class, &["class 1", "\"9\"", "nothing in the file"]);
    let labels = ("classlabels_strings", Value::Texts(vec!["7", "3"]));
    let model = imported(ONNX, &forest(labels, "NONE"), &options());
    assert_says(&model.positive_class, &["class 0", "\"7\"", "the schema calls bad"]);
    assert_margin(&model, [1.0, 0.0, 0.0], &[0.625]);
}

#[test]
fn a_softmax_of_two_is_the_difference() {
    let model = imported(ONNX, &forest(zero_one(), "SOFTMAX"), &options());
    assert_margin(&model, [1.0, 0.0, 0.0], &[0.375 - 0.125, -0.5]);
    let turned = ImportOptions {
        positive_class: Some(0),
        ..options()
    };
    let model = imported(ONNX, &forest(zero_one(), "SOFTMAX"), &turned);
    assert_margin(&model, [1.0, 0.0, 0.0], &[0.125 - 0.375, 0.5]);
}

#[test]
fn one_weight_a_leaf_is_that_of_class_1() {
    let mut attributes = stumps(&[(0, "BRANCH_LEQ", 0.0, 0)]);
    attributes.extend(weights("class", &[(0, 1, 0, 0.25), (0, 2, 0, 0.75)]));
    attributes.push(zero_one());
    let file = ensemble("TreeEnsembleClassifier", attributes);
    let model = imported(ONNX, &file, &options());
    assert_margin(&model, [1.0, 0.0, 0.0], &[0.75]);
    let turned = ImportOptions {
        positive_class: Some(0),
        ..options()
    };
    assert_margin(&imported(ONNX, &file, &turned), [1.0, 0.0, 0.0], &[0.25]);
}

#[test]
fn a_regressor_with_a_sigmoid_is_log_odds() {
    let mut attributes = stumps(&[(0, "BRANCH_LEQ", 0.0, 0), (1, "BRANCH_LEQ", 0.0, 0)]);
    attributes.extend(weights(
        "target",
        &[(0, 1, 0, 1.0), (0, 2, 0, 2.0), (1, 1, 0, 4.0), (1, 2, 0, 8.0)],
    ));
    attributes.push(("aggregate_function", Value::Text("AVERAGE")));
    attributes.push(("base_values", Value::Floats(vec![0.5])));
    let inputs = [("a", 1), ("b", 1)];
    // Its columns come one by one, in another order than the schema's.
    let cast = node("Cast", &["a"], &["a32"], &[("to", Value::Int(1))]);
    let concat = node("Concat", &["b", "a32"], &["X"], &[("axis", Value::Int(1))]);
    let trees = node("TreeEnsembleRegressor", &["X"], &["y"], &attributes);
    let sigmoid = node("Sigmoid", &["y"], &["p"], &[]);
    let with_sigmoid = file(&[cast.clone(), concat.clone(), trees.clone(), sigmoid], &inputs);
    let model = imported(ONNX, &with_sigmoid, &options());
    assert_margin(&model, [-1.0, 1.0, 0.0], &[1.0, 2.0, 0.5]);
    assert_margin(&model, [1.0, -1.0, 0.0], &[0.5, 4.0, 0.5]);

    let bare = file(&[cast, concat, trees], &inputs);
    let log_odds = ImportOptions {
        output: Some(MarginKind::LogOdds),
        ..options()
    };
    assert_margin(&imported(ONNX, &bare, &log_odds), [-1.0, 1.0, 0.0], &[3.5]);
}

#[test]
fn thresholds_of_64_bits_are_carried() {
    let mut attributes = stumps(&[(0, "BRANCH_LEQ", 0.0, 0)]);
    attributes.retain(|(name, _)| *name != "nodes_values");
    attributes.push(("nodes_values_as_tensor", Value::Doubles(vec![0.1, 0.0, 0.0])));
    attributes.extend(weights("class", &signed_weights(1)));
    let file = ensemble("TreeEnsembleClassifier", logistic(attributes, zero_one()));
    let model = imported(ONNX, &file, &options());
    assert_margin(&model, [0.1, 0.0, 0.0], &[-1.0]);
    assert_margin(&model, [0.1_f32.next_down(), 0.0, 0.0], &[1.0]);
}

#[test]
fn an_infinite_threshold_sets_missing_values_apart() {
    // scikit-learn's histogram boosting splits what is missing from what is not by x <= ∞.
    let mut attributes = stumps(&[(0, "BRANCH_LEQ", f32::INFINITY, 0)]);
    attributes.extend(weights("class", &signed_weights(1)));
    let file = ensemble("TreeEnsembleClassifier", logistic(attributes, zero_one()));
    let model = imported(ONNX, &file, &options());
    for x in [0.0, f32::MAX, f32::INFINITY, f32::NEG_INFINITY] {
        assert_margin(&model, [x, 0.0, 0.0], &[1.0]);
    }
    assert_margin(&model, [NAN, 0.0, 0.0], &[-1.0]);
}

/// Two trees of ai.onnx.ml 5: a split with a set below it, and a leaf that both sides of a split share.
pub(crate) fn flat_trees() -> Vec<Attribute> {
    let floats = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    vec![
        ("tree_roots", Value::Ints(vec![0, 2])),
        ("nodes_featureids", Value::Ints(vec![0, 2, 1])),
        ("nodes_splits", Value::Raw(1, floats(&[0.5, 0.0, 0.0]))),
        ("nodes_modes", Value::Raw(2, vec![1, 6, 0])),
        ("nodes_truenodeids", Value::Ints(vec![1, 0, 2])),
        ("nodes_falsenodeids", Value::Ints(vec![1, 2, 2])),
        ("nodes_trueleafs", Value::Ints(vec![0, 1, 1])),
        ("nodes_falseleafs", Value::Ints(vec![1, 1, 1])),
        ("nodes_missing_value_tracks_true", Value::Ints(vec![0, 1, 0])),
        ("leaf_targetids", Value::Ints(vec![0, 0, 0])),
        ("leaf_weights", Value::Raw(1, floats(&[1.0, 2.0, 4.0]))),
        ("membership_values", Value::Raw(1, floats(&[0.0, 2.0, NAN]))),
        ("n_targets", Value::Int(1)),
        ("post_transform", Value::Int(2)),
    ]
}

#[test]
fn trees_of_version_5_are_read() {
    let model = imported(ONNX, &ensemble("TreeEnsemble", flat_trees()), &options());
    assert_margin(&model, [0.5, 0.0, 0.0], &[2.0, 4.0]);
    assert_margin(&model, [0.0, 0.0, 0.0], &[1.0, 4.0]);
    assert_margin(&model, [0.0, 0.0, 1.0], &[4.0, 4.0]);
    assert_margin(&model, [0.0, 0.0, 2.0], &[1.0, 4.0]);
    assert_margin(&model, [0.0, 0.0, NAN], &[1.0, 4.0]);
    assert_margin(&model, [NAN, 0.0, NAN], &[2.0, 4.0]);
}
