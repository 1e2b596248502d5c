//! A right document, and the error that a changed one gives.

use picket_schema::{Artifact, ArtifactError};

use super::{array, bin, float, float32, map, map_with, nil, text, uint};

pub(crate) type Entries = Vec<(&'static str, Vec<u8>)>;

pub(crate) fn class(name: &str, values: &[&str]) -> Vec<u8> {
    let values: Vec<_> = values.iter().map(|value| text(value)).collect();
    map(&[("name", text(name)), ("values", array(&values))])
}

pub(crate) fn feature(name: &str, domain: Vec<u8>) -> Vec<u8> {
    map(&[
        ("name", text(name)),
        ("domain", domain),
        ("unit", text("")),
        ("missing", text("accept")),
        ("description", text("")),
    ])
}

/// Feature 0 is numeric, feature 1 categorical with three categories.
pub(crate) fn schema() -> Entries {
    let range = map(&[("range", array(&[float(0.0), float(9.0)]))]);
    let categories = map(&[("categories", array(&[text("a"), text("b"), text("c")]))]);
    vec![
        ("name", text("s")),
        (
            "label",
            map(&[
                ("name", text("y")),
                ("positive", class("bad", &["1"])),
                ("negative", class("good", &[])),
            ]),
        ),
        (
            "features",
            array(&[feature("x", range), feature("c", categories)]),
        ),
    ]
}

pub(crate) fn table(width: u8, bytes: &[u8]) -> Vec<u8> {
    map(&[("width", uint(width)), ("bytes", bin(bytes))])
}

/// `x <= 0.5`, missing goes left.
pub(crate) const X_LE_HALF: [u8; 8] = [0, 0, 1, 0, 0, 0, 0, 0x3f];
/// The category is in the set at word 0.
pub(crate) const C_IN_SET: [u8; 8] = [1, 0, 2, 0, 0, 0, 0, 0];

/// One tree: x <= 0.5 ? (c in {a, c} ? 1 : 2) : 3, and a lone leaf 4.
pub(crate) fn trees() -> Entries {
    vec![
        ("operator", text("le")),
        ("base", uint(5)),
        ("scale_log2", uint(2)),
        ("conditions", bin(&[X_LE_HALF, C_IN_SET].concat())),
        ("category_sets", bin(&[0b101, 0, 0, 0])),
        // Inner, inner, leaf, leaf, leaf; leaf.
        ("shape", bin(&[0b00_0011])),
        ("node_conditions", table(8, &[0, 1])),
        ("leaves", table(8, &[1, 2, 3, 4])),
        ("leaf_values", bin(&[])),
        ("covers", table(8, &[1, 1, 1, 3])),
        ("cover_values", bin(&[])),
    ]
}

pub(crate) fn numeric_term() -> Entries {
    vec![
        ("feature", uint(0)),
        ("fill", float32(1.0)),
        ("mean", float(1.0)),
        ("scale", float(2.0)),
        ("weight", float(3.0)),
        ("missing_weight", float(0.0)),
        ("background", float(0.0)),
    ]
}

pub(crate) fn one_hot_term() -> Entries {
    vec![
        ("feature", uint(1)),
        (
            "weights",
            bin(&[[0; 8], 1_f64.to_le_bytes(), [0; 8]].concat()),
        ),
        ("missing_weight", float(0.0)),
        ("background", float(0.0)),
    ]
}

pub(crate) fn card() -> Entries {
    vec![
        ("name", text("m")),
        ("algorithm", text("tree")),
        ("code_version", text("0")),
        ("seed", uint(1)),
        ("data_digest", bin(&[7; 32])),
        ("parent", nil()),
        ("parameters", map(&[("depth", text("2"))])),
        ("metrics", array(&[metric(0.5)])),
        ("split", text("grouped")),
        ("n_rows_train", uint(8)),
        ("n_rows_test", uint(2)),
        ("memorised_share", float(0.0)),
        ("importances", array(&[])),
        ("notes", array(&[])),
    ]
}

pub(crate) fn metric(low: f64) -> Vec<u8> {
    map(&[
        ("name", text("f1")),
        ("value", float(0.9)),
        ("low", float(low)),
        ("high", float(1.0)),
    ])
}

pub(crate) fn platt(slope: Vec<u8>, intercept: Vec<u8>) -> Vec<u8> {
    map(&[("platt", map(&[("slope", slope), ("intercept", intercept)]))])
}

pub(crate) fn isotonic(margins: &[f64], scores: &[f64]) -> Vec<u8> {
    let bytes = |numbers: &[f64]| -> Vec<u8> {
        let numbers = numbers.iter();
        numbers.flat_map(|number| number.to_le_bytes()).collect()
    };
    map(&[(
        "isotonic",
        map(&[
            ("margins", bin(&bytes(margins))),
            ("scores", bin(&bytes(scores))),
        ]),
    )])
}

pub(crate) fn document() -> Entries {
    vec![
        ("magic", text("picket")),
        ("version", uint(1)),
        ("schema", map(&schema())),
        ("transform", array(&[])),
        ("model", map(&[("trees", map(&trees()))])),
        ("calibration", platt(float(1.0), float(0.0))),
        (
            "decision",
            map(&[("threshold", float(0.5)), ("uncertain", nil())]),
        ),
        (
            "reference",
            map(&[("features", array(&[])), ("scores", bin(&[]))]),
        ),
        ("card", map(&card())),
    ]
}

/// A choice's variant with its keys.
pub(crate) fn variant(name: &'static str, entries: &Entries) -> Vec<u8> {
    map(&[(name, map(entries))])
}

/// The `neighbours` step over feature 0: three rows, the last of which has no value, in a bit each.
pub(crate) fn neighbours() -> Entries {
    vec![
        ("n_neighbours", uint(2)),
        ("weights", text("uniform")),
        ("columns", bin(&[0, 0])),
        ("rows", map(&packed_rows())),
        ("counts", table(8, &[1, 5, 2])),
    ]
}

pub(crate) fn packed_rows() -> Entries {
    let levels: Vec<u8> = [0.5_f32, 2.0, f32::NAN]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    vec![
        ("n_rows", uint(3)),
        ("levels", array(&[bin(&levels)])),
        ("bits", bin(&[0, 1, 2])),
    ]
}

pub(crate) fn error_of(bytes: &[u8]) -> ArtifactError {
    Artifact::decode(bytes).expect_err("the document is wrong")
}

pub(crate) fn error_with(key: &str, value: Vec<u8>) -> ArtifactError {
    error_of(&map_with(&document(), &[(key, value)]))
}

pub(crate) fn error_with_trees(replaced: &[(&str, Vec<u8>)]) -> ArtifactError {
    error_with("model", map(&[("trees", map_with(&trees(), replaced))]))
}

pub(crate) fn linear(bias: f64, terms: &[Vec<u8>]) -> Vec<u8> {
    map(&[(
        "linear",
        map(&[("bias", float(bias)), ("terms", array(terms))]),
    )])
}

pub(crate) fn error_with_term(
    kind: &str,
    entries: &Entries,
    replaced: &[(&str, Vec<u8>)],
) -> ArtifactError {
    error_with(
        "model",
        linear(0.0, &[map(&[(kind, map_with(entries, replaced))])]),
    )
}
