//! LightGBM's text format.

use picket_schema::artifact::Operator;
use picket_trainer::import::{ImportOptions, SourceFormat};

use crate::subject::{
    assert_margin, assert_says, calibration, imported, notes, operator, options, refusal,
};

const FILE: &str = include_str!("../../testdata/import/lightgbm.txt");
const LIGHTGBM: SourceFormat = SourceFormat::LightgbmText;
const X: f32 = 0.0;
const Y: f32 = 1.0;
const Z: f32 = 2.0;

#[test]
fn rows_go_where_the_file_says() {
    let model = imported(LIGHTGBM, FILE.as_bytes(), &options());
    assert_eq!(operator(&model), Operator::LessEqual);
    assert_eq!(calibration(&model).slope, 2.0);
    // The threshold 0.1 of 64 bits lies just below the f32 0.1, which so goes right.
    let [at, below] = [0.1_f32, 0.1_f32.next_down()];
    assert_margin(&model, [at, 0.5, Y], &[-1.0, -0.5, 0.25, -2.0]);
    assert_margin(&model, [below, 0.5, Y], &[1.0, -0.5, 0.25, -2.0]);
    // NaN: left by default in tree 0; read as 0 in tree 1, which is right of -0.5.
    assert_margin(&model, [f32::NAN, 0.5, Y], &[1.0, -0.5, 0.25, -2.0]);
    assert_margin(&model, [-0.5, 0.5, Y], &[1.0, 0.5, 0.25, -2.0]);
    // Zero is missing in tree 2 and goes right, where all below 0.75 goes left.
    for zero in [0.0, -0.0, 1e-35, -1e-35, f32::NAN] {
        assert_margin(&model, [1.0, zero, Y], &[-1.0, -0.5, -0.25, -2.0]);
    }
    for number in [1e-35_f32.next_up(), -(1e-35_f32.next_up()), 0.75, f32::NEG_INFINITY] {
        assert_margin(&model, [1.0, number, Y], &[-1.0, -0.5, 0.25, -2.0]);
    }
    assert_margin(&model, [1.0, 0.75_f32.next_up(), Y], &[-1.0, -0.5, -0.25, -2.0]);
    // Its second split: zero and NaN of a go right too.
    assert_margin(&model, [0.0, 1.0, Y], &[1.0, -0.5, 0.125, -2.0]);
    assert_margin(&model, [f32::NAN, 1.0, Y], &[1.0, -0.5, 0.125, -2.0]);
    // The set has the codes 0 and 2, which the file's last line calls z and x.
    assert_margin(&model, [1.0, 0.5, X], &[-1.0, -0.5, 0.25, 2.0]);
    assert_margin(&model, [1.0, 0.5, Z], &[-1.0, -0.5, 0.25, 2.0]);
    assert_margin(&model, [1.0, 0.5, f32::NAN], &[-1.0, -0.5, 0.25, -2.0]);
    assert_margin(&model, [1.0, 0.5, 3.0], &[-1.0, -0.5, 0.25, -2.0]);
}

#[test]
fn columns_without_names_are_taken_in_order() {
    let file = FILE.replace("feature_names=a b kind", "feature_names=Column_0 Column_1 Column_2");
    let model = imported(LIGHTGBM, file.as_bytes(), &options());
    assert_margin(&model, [1.0, 0.5, Y], &[-1.0, -0.5, 0.25, -2.0]);
    assert_says(&notes(&model), &["does not name its features"]);
}

#[test]
fn a_random_forest_is_averaged() {
    let file = FILE.replace("tree_sizes", "average_output\ntree_sizes");
    let model = imported(LIGHTGBM, file.as_bytes(), &options());
    assert_margin(&model, [1.0, 0.5, Y], &[-0.25, -0.125, 0.0625, -0.5]);
    let turned = ImportOptions {
        positive_class: Some(0),
        ..options()
    };
    let model = imported(LIGHTGBM, file.as_bytes(), &turned);
    assert_margin(&model, [1.0, 0.5, Y], &[0.25, 0.125, -0.0625, 0.5]);
}

#[test]
fn a_lone_leaf_is_a_tree() {
    let lone = "Tree=4\nnum_leaves=1\nnum_cat=0\nsplit_feature=\nleaf_value=0.75\nshrinkage=1\n\nend of trees";
    let file = FILE.replace("end of trees", lone);
    let model = imported(LIGHTGBM, file.as_bytes(), &options());
    assert_margin(&model, [1.0, 0.5, Y], &[-1.0, -0.5, 0.25, -2.0, 0.75]);
}

#[test]
fn what_cannot_be_carried_is_named() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("tree\n", "forest\n", &["not LightGBM's text format", "first line"]),
        ("end of trees", "", &["not LightGBM's text format", "end of trees"]),
        ("version=v4", "version=v2", &["version", "v2", "v3 or v4"]),
        ("version=v4\n", "", &["header", "version is missing"]),
        ("num_class=1", "num_class=3", &["num_class", "3", "two classes"]),
        ("objective=binary sigmoid:2", "objective=multiclass num_class:3", &["objective", "multiclass"]),
        ("objective=binary sigmoid:2", "objective=binary sigmoid:-1", &["objective", "positive sigmoid"]),
        ("objective=binary sigmoid:2", "objective=regression sqrt", &["objective", "without sqrt"]),
        ("objective=binary sigmoid:2", "objective=regression", &["regression", "--output"]),
        ("objective=binary sigmoid:2\n", "", &["without an objective", "--output"]),
        ("feature_names=a b kind", "feature_names=a b", &["feature_names", "2 names"]),
        ("feature_names=a b kind", "feature_names=a b knid", &["\"knid\"", "did you mean \"kind\""]),
        ("max_feature_idx=2", "max_feature_idx=18446744073709551615", &["feature_names"]),
        ("feature_infos=[-3:3] [-3:3] 0:1:2", "feature_infos=none", &["feature_infos", "1 entries"]),
        ("feature_infos=[-3:3] [-3:3] 0:1:2", "feature_infos=[-3:3] 0:1 0:1:2", &["pandas_categorical", "1 lists"]),
        ("[[\"z\", \"y\", \"x\"]]", "[[\"p\", \"q\"]]", &["\"kind\"", "p, q", "one of x, y, z"]),
        ("[[\"z\", \"y\", \"x\"]]", "[3]", &["pandas_categorical", "a list of lists"]),
        ("threshold=0.75 2", "threshold=0.75", &["tree 2", "threshold", "1 numbers"]),
        ("threshold=0.75 2", "threshold=0.75 x", &["tree 2", "threshold", "x", "a number"]),
        ("threshold=0.75 2", "threshold=0.75 nan", &["tree 2, node 1", "threshold"]),
        ("threshold=-0.5", "threshold=-1e300", &["tree 1, node 0", "separates no finite number"]),
        ("left_child=-1 -2", "left_child=-1 0", &["tree 2", "node 0 is reached twice"]),
        ("left_child=-1 -2", "left_child=-1 -1", &["tree 2", "is reached twice"]),
        ("left_child=-1 -2", "left_child=-1 -9", &["tree 2, node 1", "child -9"]),
        ("left_child=-1 -2", "left_child=-1 5", &["tree 2, node 1", "child 5"]),
        ("split_feature=1 0", "split_feature=1 3", &["tree 2, node 1", "feature 3"]),
        ("decision_type=4 4", "decision_type=4 12", &["tree 2, node 1", "decision_type", "12"]),
        ("decision_type=10", "decision_type=1", &["tree 0, node 0", "threshold"]),
        ("split_feature=2", "split_feature=1", &["tree 3, node 0", "\"b\"", "categorical"]),
        ("cat_boundaries=0 1", "cat_boundaries=0 2", &["tree 3", "cat_boundaries", "0 to 2"]),
        ("cat_boundaries=0 1", "cat_boundaries=0", &["tree 3", "cat_boundaries", "num_cat + 1"]),
        ("leaf_value=2 -2", "leaf_value=2 inf", &["tree 3", "inf"]),
        ("leaf_value=2 -2\n", "", &["tree 3", "leaf_value is missing"]),
        ("leaf_value=2 -2", "leaf_value=2e12 -2", &["the largest leaf is"]),
        ("num_leaves=3", "num_leaves=0", &["tree 2"]),
        ("num_leaves=3", "num_leaves=99999999999999", &["tree 2", "leaf_value"]),
        ("cat_threshold=5\nis_linear=0", "cat_threshold=5\nis_linear=1", &["tree 3", "is_linear"]),
    ];
    for (old, new, words) in cases {
        assert!(FILE.contains(old), "{old}");
        let file = FILE.replacen(old, new, 1);
        assert_says(&refusal(LIGHTGBM, file.as_bytes(), &options()), words);
    }
    assert_says(&refusal(LIGHTGBM, b"tree\xff", &options()), &["UTF-8"]);
}

#[test]
fn a_tree_that_grows_too_much_is_refused() {
    // A chain of splits on b, each of which wants zero to the right: carried exactly, each doubles what is below it.
    let n = 40_usize;
    let lines = |key: &str, value: &dyn Fn(usize) -> String, n: usize| {
        let values: Vec<String> = (0..n).map(value).collect();
        format!("{key}={}\n", values.join(" "))
    };
    let mut tree = format!("Tree=4\nnum_leaves={}\nnum_cat=0\n", n + 1);
    tree += &lines("split_feature", &|_| "1".into(), n);
    tree += &lines("threshold", &|at| (100 - at).to_string(), n);
    tree += &lines("decision_type", &|_| "4".into(), n);
    let next = |at: usize| if at + 1 < n { at as i64 + 1 } else { -1 };
    tree += &lines("left_child", &|at| next(at).to_string(), n);
    tree += &lines("right_child", &|at| (-(at as i64) - 2).to_string(), n);
    tree += &lines("leaf_value", &|at| at.to_string(), n + 1);
    let file = FILE.replace("end of trees", &format!("{tree}\nend of trees"));
    let refusal = refusal(LIGHTGBM, file.as_bytes(), &options());
    assert_says(&refusal, &["tree 4", "zero, missing and infinite", "more than"]);
}
