//! What can be wrong inside a model: one document written by hand for every cause.

mod msgpack;

use msgpack::document::{
    C_IN_SET, X_LE_HALF, error_with, error_with_term, error_with_trees, linear, numeric_term,
    one_hot_term, table,
};
use msgpack::{bin, float, float32, map, uint};
use picket_schema::{ArtifactError, limits};

#[test]
fn table_errors() {
    let error = error_with_trees(&[("leaves", table(33, &[0; 33]))]);
    assert_eq!(
        error,
        ArtifactError::TableWidth {
            table: "leaves",
            found: 33
        }
    );
    let error = error_with_trees(&[("node_conditions", table(0, &[]))]);
    assert_eq!(
        error,
        ArtifactError::TableWidth {
            table: "node_conditions",
            found: 0
        }
    );
    for (name, value) in [
        ("leaves", table(8, &[1, 2, 3])),
        ("leaves", table(9, &[1, 0, 0, 0, 0, 0])),
        ("leaves", table(24, &[1, 0, 0, 0])),
        ("covers", table(16, &[1, 0])),
        ("node_conditions", table(16, &[0])),
        ("shape", bin(&[])),
        ("shape", bin(&[0b00_0011, 0])),
        ("conditions", bin(&X_LE_HALF[..7])),
        ("category_sets", bin(&[1])),
        ("leaf_values", bin(&[1, 2])),
        ("cover_values", bin(&[1, 2])),
    ] {
        let error = error_with_trees(&[(name, value)]);
        assert!(
            matches!(error, ArtifactError::TableLength { .. }),
            "{name}: {error}"
        );
    }
    for (width, bytes) in [(9, [1, 0, 0, 0, 0x10]), (9, [1, 0, 0, 0, 0x80])] {
        assert_eq!(
            error_with_trees(&[("leaves", table(width, &bytes))]),
            ArtifactError::TableSpareBits { table: "leaves" }
        );
    }
    let error = error_with_trees(&[("node_conditions", table(8, &[0, 0, 0, 0]))]);
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
        error_with_trees(&[("node_conditions", table(8, &[0, 2]))]),
        ArtifactError::ConditionIndex {
            node: 1,
            found: 2,
            n_conditions: 2
        }
    );
    for (shape, found) in [(0b00_0111, 3), (0b00_0001, 1), (0b0100_0001, 2)] {
        let expected = 2;
        assert_eq!(
            error_with_trees(&[("shape", bin(&[shape]))]),
            ArtifactError::ShapeNodes { found, expected },
            "{shape:b}"
        );
    }
    // A lone leaf, a tree of one inner node, and a tree that has one leaf too few.
    assert_eq!(
        error_with_trees(&[("shape", bin(&[0b01_0010]))]),
        ArtifactError::ShapeOpen { tree: 2 }
    );
    // Three whole trees, and the root of a fourth.
    assert_eq!(
        error_with_trees(&[("shape", bin(&[0b10_0010]))]),
        ArtifactError::ShapeOpen { tree: 3 }
    );
    let deep = |shape: &[u8]| {
        [
            ("shape", bin(shape)),
            (
                "node_conditions",
                map(&[("width", uint(8)), ("bytes", long_bin(&[0; 256]))]),
            ),
            (
                "leaves",
                map(&[("width", uint(8)), ("bytes", long_bin(&[0; 257]))]),
            ),
            (
                "covers",
                map(&[("width", uint(8)), ("bytes", long_bin(&[1; 257]))]),
            ),
        ]
    };
    // 256 levels, down the left: all inner nodes first; down the right: a leaf after each.
    let left_chain = [[0xff; 32].as_slice(), &[0; 33]].concat();
    let right_chain = [[0b0101_0101; 64].as_slice(), &[0]].concat();
    for shape in [left_chain, right_chain] {
        assert_eq!(
            error_with_trees(&deep(&shape)),
            ArtifactError::TreeDepth { tree: 0 }
        );
    }
    assert_eq!(
        error_with_trees(&[("leaf_values", bin(&[0; 16]))]),
        ArtifactError::LeafIndex {
            leaf: 3,
            table: "leaf",
            found: 4,
            n_values: 4
        }
    );
    assert_eq!(
        error_with_trees(&[("cover_values", bin(&[1, 0, 0, 0, 1, 0, 0, 0]))]),
        ArtifactError::LeafIndex {
            leaf: 3,
            table: "cover",
            found: 3,
            n_values: 2
        }
    );
    assert_eq!(
        error_with_trees(&[(
            "cover_values",
            bin(&[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])
        )]),
        ArtifactError::ZeroCover { leaf: 1 }
    );
    assert_eq!(
        error_with_trees(&[("covers", table(8, &[1, 0, 1, 1]))]),
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
