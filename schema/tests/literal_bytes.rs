//! The format held against bytes written by hand: the right document, and one wrong document for
//! every cause of failure.

#[path = "msgpack/mod.rs"]
mod msgpack;

use msgpack::{array, bin, float, float32, map, map_with, nil, text, uint};
use picket_schema::artifact::{Condition, ModelTable, Operator, Test};
use picket_schema::{Artifact, ArtifactError, SchemaError, limits};

type Entries = Vec<(&'static str, Vec<u8>)>;

fn class(name: &str, values: &[&str]) -> Vec<u8> {
    let values: Vec<_> = values.iter().map(|value| text(value)).collect();
    map(&[("name", text(name)), ("values", array(&values))])
}

fn feature(name: &str, domain: Vec<u8>) -> Vec<u8> {
    map(&[
        ("name", text(name)),
        ("domain", domain),
        ("unit", text("")),
        ("missing", text("accept")),
        ("description", text("")),
    ])
}

/// Feature 0 is numeric, feature 1 categorical with three categories.
fn schema() -> Entries {
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

fn table(width: u8, bytes: &[u8]) -> Vec<u8> {
    map(&[("width", uint(width)), ("bytes", bin(bytes))])
}

/// `x <= 0.5`, missing goes left.
const X_LE_HALF: [u8; 8] = [0, 0, 1, 0, 0, 0, 0, 0x3f];
/// The category is in the set at word 0.
const C_IN_SET: [u8; 8] = [1, 0, 2, 0, 0, 0, 0, 0];

/// One tree: x <= 0.5 ? (c in {a, c} ? 1 : 2) : 3, and a lone leaf 4.
fn trees() -> Entries {
    vec![
        ("operator", text("le")),
        ("base", uint(5)),
        ("scale_log2", uint(2)),
        ("conditions", bin(&[X_LE_HALF, C_IN_SET].concat())),
        ("category_sets", bin(&[0b101, 0, 0, 0])),
        ("tree_sizes", table(1, &[2, 0])),
        ("node_conditions", table(1, &[0, 1])),
        ("left_sizes", table(1, &[1, 0])),
        ("leaves", table(1, &[1, 2, 3, 4])),
        ("leaf_values", bin(&[])),
        ("covers", table(1, &[1, 1, 1, 3])),
    ]
}

fn numeric_term() -> Entries {
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

fn one_hot_term() -> Entries {
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

fn card() -> Entries {
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

fn metric(low: f64) -> Vec<u8> {
    map(&[
        ("name", text("f1")),
        ("value", float(0.9)),
        ("low", float(low)),
        ("high", float(1.0)),
    ])
}

fn document() -> Entries {
    vec![
        ("magic", text("picket")),
        ("version", uint(1)),
        ("schema", map(&schema())),
        ("model", map(&[("trees", map(&trees()))])),
        (
            "calibration",
            map(&[("slope", float(1.0)), ("intercept", float(0.0))]),
        ),
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

fn error_of(bytes: &[u8]) -> ArtifactError {
    Artifact::decode(bytes).expect_err("the document is wrong")
}

fn error_with(key: &str, value: Vec<u8>) -> ArtifactError {
    error_of(&map_with(&document(), &[(key, value)]))
}

fn error_with_trees(replaced: &[(&str, Vec<u8>)]) -> ArtifactError {
    error_with("model", map(&[("trees", map_with(&trees(), replaced))]))
}

fn linear(bias: f64, terms: &[Vec<u8>]) -> Vec<u8> {
    map(&[(
        "linear",
        map(&[("bias", float(bias)), ("terms", array(terms))]),
    )])
}

fn error_with_term(kind: &str, entries: &Entries, replaced: &[(&str, Vec<u8>)]) -> ArtifactError {
    error_with(
        "model",
        linear(0.0, &[map(&[(kind, map_with(entries, replaced))])]),
    )
}

#[test]
fn the_right_document_is_read_and_written_byte_for_byte() {
    let bytes = map(&document());
    let artifact = Artifact::decode(&bytes).unwrap();
    assert_eq!(artifact.encode().unwrap(), bytes);
    let ModelTable::Trees(trees) = &artifact.model else {
        panic!("expected trees")
    };
    assert_eq!((trees.n_trees(), trees.base, trees.scale_log2), (2, 5, 2));
    assert_eq!(trees.operator, Operator::LessEqual);
    assert_eq!(
        trees.iter_conditions().collect::<Vec<_>>(),
        [
            Condition {
                feature_idx: 0,
                missing_left: true,
                test: Test::Threshold(0.5)
            },
            Condition {
                feature_idx: 1,
                missing_left: false,
                test: Test::CategorySet(0)
            },
        ]
    );
    assert_eq!(trees.leaf_value(3), Some(4));
}

#[test]
fn tables_are_borrowed_from_the_input() {
    let bytes = map(&document());
    let artifact = Artifact::decode(&bytes).unwrap();
    let ModelTable::Trees(trees) = &artifact.model else {
        panic!("expected trees")
    };
    let input = bytes.as_ptr_range();
    for table in [
        &trees.conditions,
        &trees.leaves.bytes,
        &trees.node_conditions.bytes,
    ] {
        assert!(input.contains(&table.as_ptr()), "a table was copied");
    }
}

#[test]
fn a_linear_document_is_read_and_written_byte_for_byte() {
    let terms = [
        map(&[("numeric", map(&numeric_term()))]),
        map(&[("one_hot", map(&one_hot_term()))]),
    ];
    let bytes = map_with(&document(), &[("model", linear(0.5, &terms))]);
    let artifact = Artifact::decode(&bytes).unwrap();
    assert_eq!(artifact.encode().unwrap(), bytes);
    let ModelTable::Linear(linear) = &artifact.model else {
        panic!("expected linear")
    };
    assert_eq!(linear.terms[1].category_weight(1), Some(1.0));
}

#[test]
fn container_errors() {
    let right = map(&document());
    let too_large = vec![0; limits::MAX_ARTIFACT_BYTES + 1];
    assert_eq!(
        error_of(&too_large),
        ArtifactError::TooLarge {
            found: too_large.len()
        }
    );
    assert_eq!(
        error_of(b"PK\x03\x04"),
        ArtifactError::WrongMagic {
            found: b"PK\x03\x04".into()
        }
    );
    assert_eq!(error_of(b""), ArtifactError::WrongMagic { found: vec![] });
    assert_eq!(
        error_with("version", uint(2)),
        ArtifactError::UnknownVersion { found: 2 }
    );
    assert_eq!(
        error_with("version", vec![0xcc, 200]),
        ArtifactError::UnknownVersion { found: 0xcc }
    );
    for end in 22..right.len() {
        let error = error_of(&right[..end]);
        assert!(
            matches!(error, ArtifactError::Truncated { .. }),
            "cut at {end}: {error}"
        );
    }
    let longer = [&right[..], b"\0\0"].concat();
    assert_eq!(error_of(&longer), ArtifactError::TrailingBytes { count: 2 });
    let deep = (0..16).fold(nil(), |value, _| array(&[value]));
    assert!(matches!(
        error_with("card", deep),
        ArtifactError::TooDeep { .. }
    ));
    let mut many = vec![0xdd, 0, 2, 0, 0];
    many.extend(vec![0; 0x20000]);
    assert_eq!(error_with("card", many), ArtifactError::TooManyValues);
    // 0xc1 is never used; 0xd4 starts an extension type.
    for marker in [0xc1, 0xd4] {
        let error = error_with("card", vec![marker, 0, 0]);
        assert!(
            matches!(error, ArtifactError::UnexpectedMarker { marker: found, .. } if found == marker)
        );
    }
    // A length of 4 GiB in a short file is found before anything is allocated.
    let error = error_with("card", vec![0xc6, 0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(error, ArtifactError::Truncated { .. }));
}

#[test]
fn content_errors() {
    assert!(matches!(
        error_with("card", nil()),
        ArtifactError::Malformed { .. }
    ));
    let mut unknown_key = schema();
    unknown_key[0].0 = "nome";
    assert!(matches!(
        error_with("schema", map(&unknown_key)),
        ArtifactError::Malformed { .. }
    ));
    let mut doubled = schema();
    doubled.push(doubled[0].clone());
    assert!(matches!(
        error_with("schema", map(&doubled)),
        ArtifactError::Malformed { .. }
    ));
    let unknown_model = map(&[("forest", map(&trees()))]);
    assert!(matches!(
        error_with("model", unknown_model),
        ArtifactError::Malformed { .. }
    ));
}

#[test]
fn every_other_form_of_the_same_content_is_refused() {
    let mut reordered = schema();
    reordered.swap(0, 1);
    // The digest would differ, so these are errors although every value is right.
    let positional = array(&[float(1.0), float(0.0)]);
    let long_integer = map_with(&card(), &[("seed", vec![0xcd, 0, 1])]);
    for (key, value) in [
        ("schema", map(&reordered)),
        ("calibration", positional),
        ("card", long_integer),
    ] {
        let error = error_with(key, value);
        assert!(
            matches!(error, ArtifactError::NotCanonical { .. }),
            "{key}: {error}"
        );
    }
}

#[test]
fn schema_errors_come_through() {
    let twice = map(&[("range", array(&[float(0.0), float(9.0)]))]);
    let features = array(&[feature("x", twice.clone()), feature("x", twice)]);
    let error = error_with("schema", map_with(&schema(), &[("features", features)]));
    assert_eq!(
        error,
        SchemaError::DuplicateName { name: "x".into() }.into()
    );
}

#[test]
fn table_errors() {
    let error = error_with_trees(&[("leaves", table(5, &[0; 20]))]);
    assert_eq!(
        error,
        ArtifactError::TableWidth {
            table: "leaves",
            found: 5
        }
    );
    let error = error_with_trees(&[("tree_sizes", table(0, &[]))]);
    assert_eq!(
        error,
        ArtifactError::TableWidth {
            table: "tree_sizes",
            found: 0
        }
    );
    for (name, value) in [
        ("leaves", table(1, &[1, 2, 3])),
        ("covers", table(2, &[1, 0])),
        ("node_conditions", table(1, &[0])),
        ("left_sizes", table(1, &[1, 0, 0])),
        ("conditions", bin(&X_LE_HALF[..7])),
        ("category_sets", bin(&[1])),
        ("leaf_values", bin(&[1, 2])),
        // The sum of the sizes overflows 32 bits.
        ("tree_sizes", table(4, &[0xff; 8])),
    ] {
        let error = error_with_trees(&[(name, value)]);
        assert!(
            matches!(error, ArtifactError::TableLength { .. }),
            "{name}: {error}"
        );
    }
    let error = error_with_trees(&[("tree_sizes", table(1, &[]))]);
    let max = limits::MAX_TREES;
    assert_eq!(
        error,
        ArtifactError::Count {
            what: "trees",
            found: 0,
            min: 1,
            max
        }
    );
}

#[test]
fn condition_errors() {
    let with =
        |conditions: &[[u8; 8]]| error_with_trees(&[("conditions", bin(&conditions.concat()))]);
    let nan = [0, 0, 0, 0, 0, 0, 0xc0, 0x7f];
    assert!(matches!(
        with(&[nan, C_IN_SET]),
        ArtifactError::NotFinite { .. }
    ));
    let unknown_flag = [0, 0, 4, 0, 0, 0, 0, 0];
    assert_eq!(
        with(&[unknown_flag]),
        ArtifactError::ConditionFlags { index: 0, found: 4 }
    );
    let padded = [0, 0, 0, 1, 0, 0, 0, 0];
    assert_eq!(
        with(&[padded]),
        ArtifactError::ConditionFlags {
            index: 0,
            found: 0x100
        }
    );
    for wrong in [
        [2, 0, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 2, 0, 0, 0, 0, 0],
    ] {
        let error = with(&[wrong]);
        assert!(
            matches!(
                error,
                ArtifactError::FeatureIndex {
                    place: "condition",
                    ..
                }
            ),
            "{error}"
        );
    }
    assert_eq!(
        with(&[C_IN_SET, X_LE_HALF]),
        ArtifactError::ConditionOrder { index: 1 }
    );
    assert_eq!(
        with(&[X_LE_HALF, X_LE_HALF]),
        ArtifactError::ConditionOrder { index: 1 }
    );
    let past_the_end = [1, 0, 2, 0, 1, 0, 0, 0];
    assert_eq!(
        with(&[X_LE_HALF, past_the_end]),
        ArtifactError::CategorySet { index: 1, found: 1 }
    );
    let unknown_category = error_with_trees(&[("category_sets", bin(&[0b1000, 0, 0, 0]))]);
    assert_eq!(
        unknown_category,
        ArtifactError::CategorySet { index: 1, found: 0 }
    );
}

#[test]
fn tree_errors() {
    assert_eq!(
        error_with_trees(&[("node_conditions", table(1, &[0, 2]))]),
        ArtifactError::ConditionIndex {
            node: 1,
            found: 2,
            n_conditions: 2
        }
    );
    // Node 1 has no inner node below it, so a left size of 1 would leave the tree.
    assert_eq!(
        error_with_trees(&[("left_sizes", table(1, &[1, 1]))]),
        ArtifactError::ChildRange {
            tree: 0,
            node: 1,
            found: 1,
            max: 0
        }
    );
    assert_eq!(
        error_with_trees(&[("left_sizes", table(1, &[2, 0]))]),
        ArtifactError::ChildRange {
            tree: 0,
            node: 0,
            found: 2,
            max: 1
        }
    );
    let chain: Vec<u8> = (0..=255).rev().collect();
    let deep = [
        ("tree_sizes", table(2, &[0, 1])),
        (
            "node_conditions",
            map(&[("width", uint(1)), ("bytes", long_bin(&[0; 256]))]),
        ),
        (
            "left_sizes",
            map(&[("width", uint(1)), ("bytes", long_bin(&chain))]),
        ),
        (
            "leaves",
            map(&[("width", uint(1)), ("bytes", long_bin(&[0; 257]))]),
        ),
        (
            "covers",
            map(&[("width", uint(1)), ("bytes", long_bin(&[1; 257]))]),
        ),
    ];
    assert_eq!(
        error_with_trees(&deep),
        ArtifactError::TreeDepth { tree: 0 }
    );
    assert_eq!(
        error_with_trees(&[("leaf_values", bin(&[0; 16]))]),
        ArtifactError::LeafIndex {
            leaf: 3,
            found: 4,
            n_values: 4
        }
    );
    assert_eq!(
        error_with_trees(&[("covers", table(1, &[1, 0, 1, 1]))]),
        ArtifactError::ZeroCover { leaf: 1 }
    );
    let huge = vec![0xcf, 0x10, 0, 0, 0, 0, 0, 0, 0];
    assert!(matches!(
        error_with_trees(&[("base", huge)]),
        ArtifactError::OutOfRange { .. }
    ));
    assert!(matches!(
        error_with_trees(&[("scale_log2", uint(53))]),
        ArtifactError::OutOfRange { .. }
    ));
}

fn long_bin(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc5];
    bytes.extend((content.len() as u16).to_be_bytes());
    bytes.extend(content);
    bytes
}

#[test]
fn linear_errors() {
    assert!(matches!(
        error_with("model", linear(f64::INFINITY, &[])),
        ArtifactError::NotFinite { .. }
    ));
    let numeric = |key: &'static str, value: Vec<u8>| {
        error_with_term("numeric", &numeric_term(), &[(key, value)])
    };
    assert!(matches!(
        numeric("fill", float32(f32::NAN)),
        ArtifactError::NotFinite { .. }
    ));
    assert!(matches!(
        numeric("weight", float(1e16)),
        ArtifactError::OutOfRange { .. }
    ));
    assert!(matches!(
        numeric("scale", float(0.0)),
        ArtifactError::OutOfRange { .. }
    ));
    assert!(matches!(
        numeric("feature", uint(1)),
        ArtifactError::FeatureIndex { .. }
    ));
    let one_hot = |key: &'static str, value: Vec<u8>| {
        error_with_term("one_hot", &one_hot_term(), &[(key, value)])
    };
    assert!(matches!(
        one_hot("feature", uint(0)),
        ArtifactError::FeatureIndex { .. }
    ));
    assert!(matches!(
        one_hot("feature", uint(9)),
        ArtifactError::FeatureIndex { .. }
    ));
    assert!(matches!(
        one_hot("weights", bin(&[0; 16])),
        ArtifactError::TableLength { .. }
    ));
    let not_a_number = bin(&[f64::NAN.to_le_bytes(), [0; 8], [0; 8]].concat());
    assert!(matches!(
        one_hot("weights", not_a_number),
        ArtifactError::NotFinite { .. }
    ));
}

#[test]
fn calibration_decision_reference_and_card_errors() {
    let slope = map(&[("slope", float(-1.0)), ("intercept", float(0.0))]);
    assert!(matches!(
        error_with("calibration", slope),
        ArtifactError::OutOfRange { .. }
    ));
    let intercept = map(&[("slope", float(1.0)), ("intercept", float(f64::NAN))]);
    assert!(matches!(
        error_with("calibration", intercept),
        ArtifactError::NotFinite { .. }
    ));
    let threshold = map(&[("threshold", float(1.5)), ("uncertain", nil())]);
    assert!(matches!(
        error_with("decision", threshold),
        ArtifactError::OutOfRange { .. }
    ));
    let crossed = array(&[float(0.6), float(0.4)]);
    let band = map(&[("threshold", float(0.5)), ("uncertain", crossed)]);
    assert!(matches!(
        error_with("decision", band),
        ArtifactError::OutOfRange { .. }
    ));
    let scores = map(&[("features", array(&[])), ("scores", bin(&[0; 80]))]);
    assert!(matches!(
        error_with("reference", scores),
        ArtifactError::TableLength { .. }
    ));
    let histogram =
        |edges: &[u8], counts: &[u8]| map(&[("edges", bin(edges)), ("counts", bin(counts))]);
    let empty = histogram(&[], &[0; 8]);
    let one = map(&[
        ("features", array(&[empty.clone()])),
        ("scores", bin(&[0; 80])),
    ]);
    assert!(matches!(
        error_with("reference", one),
        ArtifactError::Count { .. }
    ));
    let edges = [2_f32.to_le_bytes(), 1_f32.to_le_bytes()].concat();
    let falling = array(&[histogram(&edges, &[0; 16]), empty.clone()]);
    let falling = map(&[("features", falling), ("scores", bin(&[0; 80]))]);
    assert!(matches!(
        error_with("reference", falling),
        ArtifactError::OutOfRange { .. }
    ));
    let short = array(&[histogram(&[], &[0; 4]), empty]);
    let short = map(&[("features", short), ("scores", bin(&[0; 80]))]);
    assert!(matches!(
        error_with("reference", short),
        ArtifactError::TableLength { .. }
    ));
    let in_card =
        |key: &'static str, value: Vec<u8>| error_with("card", map_with(&card(), &[(key, value)]));
    let metrics = array(&[metric(f64::NAN)]);
    assert!(matches!(
        in_card("metrics", metrics),
        ArtifactError::NotFinite { .. }
    ));
    assert!(matches!(
        in_card("memorised_share", float(2.0)),
        ArtifactError::OutOfRange { .. }
    ));
    assert!(matches!(
        in_card("importances", array(&[float(1.0)])),
        ArtifactError::Count { .. }
    ));
    assert!(matches!(
        in_card("data_digest", bin(&[7; 31])),
        ArtifactError::Malformed { .. }
    ));
}
