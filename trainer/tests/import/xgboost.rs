//! XGBoost's JSON.

use picket_schema::artifact::{Artifact, Operator};
use picket_trainer::import::{ImportOptions, MarginKind, SourceFormat};
use serde_json::{Value, json};

use crate::subject::{
    assert_margin, assert_says, calibration, imported, notes, operator, options, refusal,
};

const FILE: &str = include_str!("../../testdata/import/xgboost.json");
const XGBOOST: SourceFormat = SourceFormat::XgboostJson;
const X: f32 = 0.0;
const Y: f32 = 1.0;
const Z: f32 = 2.0;

/// The file, changed.
fn changed(change: impl Fn(&mut Value)) -> Vec<u8> {
    let mut document: Value = serde_json::from_str(FILE).unwrap();
    change(&mut document);
    serde_json::to_vec(&document).unwrap()
}

fn tree(document: &mut Value, tree: usize) -> &mut Value {
    &mut document["learner"]["gradient_booster"]["model"]["trees"][tree]
}

/// The log-odds of 1/4.
fn base() -> f64 {
    (1.0_f64 / 3.0).ln()
}

#[test]
fn rows_go_where_the_file_says() {
    let model = imported(XGBOOST, FILE.as_bytes(), &options());
    assert_eq!(operator(&model), Operator::Less);
    // Below 1.5 left; 1.5 itself right, then b.
    assert_margin(&model, [1.5_f32.next_down(), 0.0, X], &[base(), 0.5, 1.0]);
    assert_margin(&model, [1.5, -0.31_f32.next_up(), X], &[base(), -0.25, 1.0]);
    assert_margin(&model, [1.5, -0.31, X], &[base(), 0.125, 1.0]);
    assert_margin(&model, [f32::INFINITY, -1.0, X], &[base(), -0.25, 1.0]);
    // Missing: a goes left by default, b right.
    assert_margin(&model, [f32::NAN, 0.0, X], &[base(), 0.5, 1.0]);
    assert_margin(&model, [2.0, f32::NAN, X], &[base(), 0.125, 1.0]);
    // The set holds x, by the file's own order of categories; the file does not know z, so it is missing.
    assert_margin(&model, [0.0, 0.0, Y], &[base(), 0.5, -1.0]);
    assert_margin(&model, [0.0, 0.0, Z], &[base(), 0.5, 1.0]);
    assert_margin(&model, [0.0, 0.0, f32::NAN], &[base(), 0.5, 1.0]);
    assert_margin(&model, [0.0, 0.0, 17.0], &[base(), 0.5, 1.0]);
    assert_eq!((calibration(&model).slope, calibration(&model).intercept), (1.0, 0.0));
    assert_says(&notes(&model), &["Parity certificate", "XGBoost 3.2.0", "log-odds of class 1"]);
}

#[test]
fn a_missing_category_follows_the_default_and_not_the_set() {
    let model = imported(
        XGBOOST,
        &changed(|document| tree(document, 1)["default_left"][0] = json!(1)),
        &options(),
    );
    assert_margin(&model, [0.0, 0.0, X], &[base(), 0.5, 1.0]);
    assert_margin(&model, [0.0, 0.0, Z], &[base(), 0.5, -1.0]);
    assert_margin(&model, [0.0, 0.0, f32::NAN], &[base(), 0.5, -1.0]);
}

#[test]
fn older_files_are_read() {
    // Before 3.1 there are no brackets and no categories' names, and booleans are words.
    let old = changed(|document| {
        document["learner"]["learner_model_param"]["base_score"] = json!("5E-1");
        let model = &mut document["learner"]["gradient_booster"]["model"];
        model.as_object_mut().unwrap().remove("cats");
        document["version"] = json!([1, 7, 6]);
        let first = tree(document, 0);
        first["default_left"] = json!([true, false, false, false, false]);
    });
    let model = imported(XGBOOST, &old, &options());
    // Without names 1 is the schema's second category.
    assert_margin(&model, [f32::NAN, 0.0, Y], &[0.5, 1.0]);
    assert_margin(&model, [f32::NAN, 0.0, X], &[0.5, -1.0]);
    assert_says(&notes(&model), &["does not name the categories of \"kind\""]);
}

#[test]
fn the_other_class_turns_the_sign() {
    let turned = ImportOptions {
        positive_class: Some(0),
        ..options()
    };
    let model = imported(XGBOOST, FILE.as_bytes(), &turned);
    assert_margin(&model, [0.0, 0.0, X], &[-base(), -0.5, -1.0]);
    assert_says(&model.positive_class, &["class 0", "--positive-class-index"]);
}

#[test]
fn dropped_trees_of_dart_keep_their_weight() {
    let dart = changed(|document| {
        let model = document["learner"]["gradient_booster"]["model"].take();
        document["learner"]["gradient_booster"] =
            json!({"name": "dart", "gbtree": {"model": model, "name": "gbtree"}, "weight_drop": [0.5, 0.25]});
    });
    let model = imported(XGBOOST, &dart, &options());
    assert_margin(&model, [0.0, 0.0, X], &[base(), 0.25, 0.25]);
    let algorithm = Artifact::decode(&model.bytes).unwrap().card.algorithm;
    assert_eq!(algorithm, "xgboost dart");
}

#[test]
fn a_regression_needs_a_word() {
    let regression =
        changed(|document| document["learner"]["objective"] = json!({"name": "reg:squarederror"}));
    assert_says(
        &refusal(XGBOOST, &regression, &options()),
        &["reg:squarederror", "--output log-odds or --output probability"],
    );
    let probability = ImportOptions {
        output: Some(MarginKind::Probability),
        ..options()
    };
    let model = imported(XGBOOST, &regression, &probability);
    // The base score is the margin's own.
    assert_margin(&model, [0.0, 0.0, X], &[0.25, 0.5, 1.0]);
    let calibration = calibration(&model);
    assert_eq!(calibration.slope * 0.5 + calibration.intercept, 0.0);
    let other = refusal(XGBOOST, FILE.as_bytes(), &probability);
    assert_says(&other, &["--output", "log-odds, as the file says"]);
}

#[test]
fn numbers_are_read_as_32_bits_at_once() {
    // Halfway between two f32 but for a digit that 64 bits do not hold: rounding twice would go to the even one.
    let text = FILE.replacen("1.5,", "1.00000005960464477539062500001,", 1);
    let model = imported(XGBOOST, text.as_bytes(), &options());
    assert_margin(&model, [1.0, 0.0, X], &[base(), 0.5, 1.0]);
    assert_margin(&model, [1.0_f32.next_up(), 0.0, X], &[base(), 0.125, 1.0]);
}

#[test]
fn what_cannot_be_carried_is_named() {
    let learner = |path: &str, value: Value| {
        let path = format!("/learner/{path}");
        changed(move |document| *document.pointer_mut(&path).unwrap() = value.clone())
    };
    let first = |field: &str, value: Value| {
        let field = field.to_owned();
        changed(move |document| tree(document, 0)[&field] = value.clone())
    };
    let second = |field: &str, value: Value| {
        let field = field.to_owned();
        changed(move |document| tree(document, 1)[&field] = value.clone())
    };
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (b"{".to_vec(), &["not XGBoost's JSON", "EOF"]),
        (b"[1]".to_vec(), &["not XGBoost's JSON"]),
        (learner("learner_model_param/num_class", json!("3")), &["num_class", "found 3", "two classes"]),
        (learner("learner_model_param/num_target", json!("2")), &["num_target", "found 2"]),
        (learner("learner_model_param/base_score", json!("[1E0,2E0]")), &["base_score", "one finite number"]),
        (learner("learner_model_param/base_score", json!("1.5")), &["base_score", "1.5", "above 0 and below 1"]),
        (learner("learner_model_param/num_feature", json!("many")), &["num_feature", "many"]),
        (learner("learner_model_param/num_feature", json!("99999999")), &["num_feature", "at most 4096"]),
        (learner("gradient_booster/name", json!("gblinear")), &["booster", "gblinear", "gbtree or dart"]),
        (learner("gradient_booster/name", json!("dart")), &["gradient_booster", "gbtree is missing"]),
        (learner("gradient_booster/model/trees", json!([])), &["0 trees", "1 to 16384"]),
        (learner("objective/name", json!("multi:softprob")), &["objective", "multi:softprob"]),
        (learner("feature_names", json!(["a", "b"])), &["feature_names", "2 names", "3"]),
        (learner("feature_names", json!(["b", "kind", "a_"])), &["\"a_\"", "does not have"]),
        (learner("feature_names", json!(["b", "knid", "a"])), &["\"knid\"", "did you mean \"kind\""]),
        (learner("feature_names", json!(["a", "kind", "a"])), &["two features named \"a\""]),
        (first("left_children", json!([1, -1, 0, -1, -1])), &["tree 0", "node 0 is reached twice"]),
        (first("left_children", json!([1, -1, 4, -1, -1])), &["tree 0", "node 4 is reached twice"]),
        (first("left_children", json!([1, -1, 9, -1, -1])), &["tree 0, node 2", "child 9", "less than 5"]),
        (first("left_children", json!([1, -1, -1, -1, -1])), &["tree 0, node 2", "child -1"]),
        (first("left_children", json!([1, -1])), &["tree 0", "right_children", "5 entries"]),
        (first("left_children", json!([])), &["tree 0", "right_children"]),
        (first("split_indices", json!([3, 0, 0, 0, 0])), &["tree 0, node 0", "feature 3", "less than 3"]),
        (first("split_indices", json!([-1, 0, 0, 0, 0])), &["tree 0, node 0", "split_indices", "-1"]),
        (first("split_type", json!([2, 0, 0, 0, 0])), &["tree 0, node 0", "split_type", "0 or 1"]),
        (first("split_type", json!([1, 0, 0, 0, 0])), &["tree 0, node 0", "categories_nodes"]),
        (first("split_conditions", json!([1.5, 1e39, 0.0, 0.0, 0.0])), &["tree 0, node 1", "leaf is inf"]),
        (first("split_conditions", json!([1.5, "x", 0.0, 0.0, 0.0])), &["tree 0, node 1", "split_conditions", "a number"]),
        (first("sum_hessian", json!([1.0, -1.0, 1.0, 1.0, 1.0])), &["tree 0, node 1", "cover"]),
        (first("tree_param", json!({"size_leaf_vector": "2"})), &["tree 0", "size_leaf_vector"]),
        (second("split_indices", json!([2, 0, 0])), &["tree 1, node 0", "\"a\"", "categorical"]),
        (second("categories", json!([-1])), &["tree 1", "categories", "-1"]),
        (second("categories", json!([4096])), &["tree 1", "categories", "4096"]),
        (second("categories_sizes", json!([2])), &["tree 1", "categories_segments", "0 with 2"]),
        (second("categories_sizes", json!([])), &["tree 1", "categories_sizes is missing"]),
        (second("categories_nodes", json!([7])), &["tree 1", "categories_nodes", "7"]),
    ];
    for (bytes, words) in cases {
        assert_says(&refusal(XGBOOST, &bytes, &options()), words);
    }
}

#[test]
fn a_tree_as_deep_as_a_list_is_refused_and_not_walked_by_recursion() {
    let n_levels = 100_000_i64;
    let n_nodes = 2 * n_levels + 1;
    // Node 2k splits into leaf 2k + 1 and node 2k + 2.
    let child = |node: i64, at: i64| if node % 2 == 0 && node + 2 < n_nodes { node + at } else { -1 };
    let list = |at: i64| (0..n_nodes).map(|node| child(node, at)).collect::<Vec<_>>();
    let zeros = vec![0; n_nodes as usize];
    let bytes = changed(|document| {
        let first = tree(document, 0);
        first["left_children"] = json!(list(1));
        first["right_children"] = json!(list(2));
        for field in ["split_indices", "split_conditions", "default_left", "split_type", "sum_hessian"] {
            first[field] = json!(zeros);
        }
    });
    assert_says(&refusal(XGBOOST, &bytes, &options()), &["tree 0", "255 levels"]);
}
