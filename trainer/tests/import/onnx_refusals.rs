//! What an ONNX file must not be.

use picket_trainer::import::{ImportOptions, MarginKind};

use crate::onnx::{ONNX, ensemble, flat_trees, logistic, zero_one};
use crate::onnx_bytes::{Attribute, Value, file, node, stumps, weights};
use crate::subject::{assert_says, options, refusal};

fn good() -> Vec<Attribute> {
    let mut attributes = stumps(&[(0, "BRANCH_LEQ", 0.0, 0)]);
    attributes.extend(weights("class", &[(0, 1, 0, 1.0), (0, 2, 0, -1.0)]));
    logistic(attributes, zero_one())
}

fn with(mut attributes: Vec<Attribute>, name: &'static str, value: Value) -> Vec<Attribute> {
    attributes.retain(|(other, _)| *other != name);
    attributes.push((name, value));
    attributes
}

#[test]
fn wrong_lists_are_named() {
    let ints = |values: &[i64]| Value::Ints(values.to_vec());
    let cases: Vec<(&'static str, Value, &[&str])> = vec![
        ("nodes_nodeids", ints(&[0, 1]), &["nodes_nodeids", "2 entries", "3"]),
        ("nodes_nodeids", ints(&[0, 1, 1]), &["nodes_nodeids", "1 twice in tree 0"]),
        ("nodes_truenodeids", ints(&[9, 0, 0]), &["tree 0, node 0", "child 9"]),
        ("nodes_truenodeids", ints(&[0, 0, 0]), &["tree 0", "reached twice"]),
        ("nodes_truenodeids", ints(&[2, 0, 0]), &["tree 0", "reached twice"]),
        ("nodes_featureids", ints(&[3, 0, 0]), &["tree 0, node 0", "feature 3", "less than 3"]),
        ("nodes_featureids", ints(&[-1, 0, 0]), &["tree 0, node 0", "nodes_featureids"]),
        ("nodes_modes", Value::Texts(vec!["BRANCH_MEMBER", "LEAF", "LEAF"]), &["tree 0, node 0", "BRANCH_MEMBER", "BRANCH_LEQ"]),
        ("nodes_values", Value::Floats(vec![f32::NAN, 0.0, 0.0]), &["tree 0, node 0", "threshold"]),
        ("class_weights", Value::Floats(vec![f32::INFINITY, 0.0]), &["tree 0", "inf"]),
        ("class_weights", Value::Floats(vec![1.0]), &["class_weights", "1 entries"]),
        ("class_nodeids", ints(&[1, 7]), &["tree 0, node 7", "a node of the tree"]),
        ("class_nodeids", ints(&[1, 1]), &["tree 0, node 1", "two weights for 0"]),
        ("class_ids", ints(&[2, 2]), &["tree 0, node 1", "0 or 1"]),
        ("classlabels_int64s", ints(&[0, 1, 2]), &["classlabels", "3", "two classes"]),
        ("post_transform", Value::Text("PROBIT"), &["post_transform", "PROBIT"]),
        ("post_transform", Value::Text("SOFTMAX"), &["post_transform", "SOFTMAX"]),
        ("post_transform", Value::Text("NONE"), &["post_transform NONE", "--output"]),
        ("base_values", Value::Floats(vec![0.0, 1.0]), &["base_values", "2 numbers"]),
        ("aggregate_function", Value::Text("MIN"), &["aggregate_function", "MIN"]),
    ];
    for (name, value, words) in cases {
        let file = ensemble("TreeEnsembleClassifier", with(good(), name, value));
        assert_says(&refusal(ONNX, &file, &options()), words);
    }
}

#[test]
fn wrong_flat_lists_are_named() {
    let ints = |values: &[i64]| Value::Ints(values.to_vec());
    let cases: Vec<(&'static str, Value, &[&str])> = vec![
        ("tree_roots", ints(&[0, 9]), &["tree 1", "child 9", "less than 3"]),
        ("tree_roots", ints(&[0, 1]), &["tree 1", "node 1 is reached twice"]),
        ("tree_roots", ints(&[]), &["0 trees"]),
        ("nodes_truenodeids", ints(&[0, 0, 2]), &["tree 0", "node 0 is reached twice"]),
        ("nodes_truenodeids", ints(&[1, 3, 2]), &["tree 0", "child 3"]),
        ("nodes_truenodeids", ints(&[1, 0]), &["nodes_truenodeids", "2 entries"]),
        ("nodes_modes", Value::Raw(2, vec![7, 6, 0]), &["tree 0, node 0", "nodes_modes", "7"]),
        ("nodes_modes", Value::Raw(1, vec![1, 6, 0]), &["nodes_modes", "type 1"]),
        ("nodes_splits", Value::Raw(7, vec![0; 12]), &["nodes_splits", "type 7"]),
        ("leaf_targetids", ints(&[0, 0]), &["leaf_targetids", "2 entries"]),
        ("leaf_targetids", ints(&[0, 1, 0]), &["target ids", "[0, 1]"]),
        ("membership_values", Value::Raw(1, 0.5_f32.to_le_bytes().to_vec()), &["membership_values", "0.5"]),
        ("membership_values", Value::Raw(1, 1.0_f32.to_le_bytes().to_vec()), &["membership_values", "0 sets"]),
        ("nodes_featureids", ints(&[0, 1, 1]), &["tree 0, node 1", "\"b\"", "categorical"]),
        ("nodes_featureids", ints(&[-1, 2, 1]), &["tree 0", "feature"]),
        ("n_targets", Value::Int(2), &["n_targets", "2"]),
        ("post_transform", Value::Int(1), &["post_transform", "1"]),
        ("aggregate_function", Value::Int(3), &["aggregate_function", "3"]),
    ];
    for (name, value, words) in cases {
        let file = ensemble("TreeEnsemble", with(flat_trees(), name, value));
        assert_says(&refusal(ONNX, &file, &options()), words);
    }
}

#[test]
fn strange_graphs_are_named() {
    let trees = |input: &str| node("TreeEnsembleClassifier", &[input], &["label", "scores"], &good());
    let inputs: &[(&str, i64)] = &[("X", 3)];
    let scaler = node("Scaler", &["X"], &["scaled"], &[]);
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (b"\xff\xff".to_vec(), &["not ONNX"]),
        (Vec::new(), &["not ONNX", "no graph"]),
        (file(&[], inputs), &["tree ensembles", "found 0"]),
        (file(&[trees("X"), trees("X")], inputs), &["tree ensembles", "found 2"]),
        (file(&[scaler, trees("scaled")], inputs), &["Scaler"]),
        (file(&[trees("Y")], inputs), &["the input of the trees", "Y"]),
        (file(&[trees("X")], &[("X", 4)]), &["4 features without names", "expected 3"]),
        (
            file(&[node("Identity", &["X"], &["X"], &[]), trees("loop"), node("Cast", &["loop"], &["loop"], &[])], inputs),
            &["the input of the trees", "loop"],
        ),
        (
            file(&[node("Concat", &["X", "Y"], &["Z"], &[]), trees("Z")], &[("X", 1)]),
            &["an input of Concat", "Y"],
        ),
        (
            file(&[node("Concat", &["X", "X"], &["Z"], &[]), trees("Z")], &[("X", 2)]),
            &["an input of Concat", "one column"],
        ),
        (
            file(&[trees("X"), node("Sigmoid", &["scores"], &["p"], &[])], inputs),
            &["Sigmoid"],
        ),
    ];
    for (bytes, words) in cases {
        assert_says(&refusal(ONNX, &bytes, &options()), words);
    }
    let probability = ImportOptions {
        output: Some(MarginKind::Probability),
        ..options()
    };
    let file = ensemble("TreeEnsembleClassifier", good());
    assert_says(&refusal(ONNX, &file, &probability), &["--output", "log-odds"]);
    // Cut anywhere, it is refused or still whole enough; it never panics.
    for end in 0..file.len() {
        let _ = picket_trainer::import::import(
            ONNX,
            &file[..end],
            &crate::subject::schema(),
            &options(),
            picket_trainer::Reporter::Silent,
        );
    }
}
