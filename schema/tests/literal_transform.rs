//! The transform held against bytes written by hand, and what can be wrong inside it.

mod msgpack;

use msgpack::document::{
    Entries, document, error_with, linear, neighbours, numeric_term, packed_rows, table, variant,
};
use msgpack::{array, bin, float, float32, map, map_with, text, uint};
use picket_schema::artifact::{Column, ColumnKind, ModelColumn, NeighbourWeights, Step, Transform};
use picket_schema::{Artifact, ArtifactError as E};

/// The `NaN` that stands for nothing.
const NONE: [u8; 4] = [0, 0, 0xc0, 0x7f];

fn floats(numbers: &[f32]) -> Vec<u8> {
    bin(&numbers
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect::<Vec<_>>())
}

fn fill(numbers: &[f32]) -> Vec<u8> {
    map(&[("fill", floats(numbers))])
}

fn scale() -> Entries {
    vec![
        ("column", uint(0)),
        ("centre", float(1.0)),
        ("scale", float(2.0)),
    ]
}

/// A number for each of feature 1's three categories, and 9 for everything else.
fn lookup() -> Entries {
    vec![
        ("column", uint(1)),
        ("levels", bin(&[])),
        ("values", floats(&[0.25, 0.5, 0.75, 9.0])),
    ]
}

fn one_hot() -> Entries {
    vec![("column", uint(1)), ("value", float32(2.0))]
}

fn columns(columns: &[Vec<u8>]) -> Vec<u8> {
    map(&[("columns", array(columns))])
}

/// Every kind of step and of column.
fn steps() -> Vec<Vec<u8>> {
    vec![
        map(&[("neighbours", map(&neighbours()))]),
        fill(&[f32::NAN, 1.0]),
        columns(&[
            map(&[("copy", uint(1))]),
            variant("scale", &scale()),
            variant("lookup", &lookup()),
            variant("one_hot", &one_hot()),
            map(&[("is_missing", uint(0))]),
        ]),
    ]
}

fn error_of_steps(steps: &[Vec<u8>]) -> E {
    error_with("transform", array(steps))
}

fn error_of_column(column: Vec<u8>) -> E {
    error_of_steps(&[columns(&[column])])
}

fn artifact_with(steps: &[Vec<u8>]) -> Vec<u8> {
    let model = linear(0.5, &[map(&[("numeric", map(&numeric_term()))])]);
    map_with(
        &document(),
        &[("transform", array(steps)), ("model", model)],
    )
}

#[test]
fn every_step_is_read_and_written_byte_for_byte() {
    // The term reads column 0, which must stay numeric.
    let mut steps = steps();
    steps.push(columns(&[map(&[("copy", uint(2))])]));
    let bytes = artifact_with(&steps);
    let artifact = Artifact::decode(&bytes).unwrap();
    assert_eq!(artifact.encode().unwrap(), bytes);
    let Transform(steps) = &artifact.transform;
    let Step::Neighbours(imputer) = &steps[0] else {
        panic!("expected neighbours")
    };
    assert_eq!(imputer.weights, NeighbourWeights::Uniform);
    assert_eq!(imputer.rows.value(1, 0), Some(2.0));
    assert_eq!(imputer.iter_columns().collect::<Vec<_>>(), [0]);
    assert_eq!(
        (steps[1].fill_value(0), steps[1].fill_value(1)),
        (None, Some(1.0))
    );
    let after = Transform(steps[..3].to_vec()).columns((&artifact.schema).into());
    let column = |feature_idx, kind| ModelColumn { kind, feature_idx };
    let categorical = ColumnKind::Categorical { n_categories: 3 };
    let numeric = ColumnKind::Numeric;
    let expected = [
        column(1, categorical),
        column(0, numeric),
        column(1, numeric),
        column(1, numeric),
        column(0, numeric),
    ];
    assert_eq!(after.0, expected);
    assert_eq!(artifact.columns().0, [column(1, numeric)]);
}

#[test]
fn columns_have_the_values_that_the_format_says() {
    let lookup = |levels: &[f32], values: &[f32]| Column::Lookup {
        column: 0,
        levels: levels.iter().flat_map(|x| x.to_le_bytes()).collect(),
        values: values.iter().flat_map(|x| x.to_le_bytes()).collect(),
    };
    let numeric = ColumnKind::Numeric;
    let categorical = ColumnKind::Categorical { n_categories: 2 };
    let of_levels = lookup(&[-1.0, 0.0, 3.0], &[10.0, 20.0, 30.0, 40.0]);
    for (x, expected) in [
        (-1.0, 10.0),
        (-0.0, 20.0),
        (3.0, 30.0),
        (1.0, 40.0),
        (f32::NAN, 40.0),
        (f32::INFINITY, 40.0),
    ] {
        assert_eq!(of_levels.value(x, numeric), expected, "{x}");
    }
    let of_codes = lookup(&[], &[10.0, 20.0, 30.0]);
    for (x, expected) in [
        (0.0, 10.0),
        (1.0, 20.0),
        (2.0, 30.0),
        (0.5, 30.0),
        (f32::NAN, 30.0),
    ] {
        assert_eq!(of_codes.value(x, categorical), expected, "{x}");
    }
    let scale = Column::Scale {
        column: 0,
        centre: 1.0,
        scale: 3.0,
    };
    assert_eq!(scale.value(2.0, numeric), (1.0_f64 / 3.0) as f32);
    assert_eq!(scale.value(f32::INFINITY, numeric), f32::INFINITY);
    assert!(scale.value(f32::NAN, numeric).is_nan());
    let one_hot = Column::OneHot {
        column: 0,
        value: 1.0,
    };
    assert_eq!(
        [1.0, 0.0, f32::NAN].map(|x| one_hot.value(x, categorical)),
        [1.0, 0.0, 0.0]
    );
    let is_missing = Column::IsMissing(0);
    let of = |kind| [1.0, 2.0, f32::NAN].map(|x| is_missing.value(x, kind));
    assert_eq!(
        (of(numeric), of(categorical)),
        ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])
    );
}

#[test]
fn step_errors() {
    let unknown = error_of_steps(&[map(&[("rotate", uint(1))])]).to_string();
    assert!(unknown.contains("fill, neighbours or columns"), "{unknown}");
    let many = vec![fill(&[0.0, 0.0]); 15];
    assert!(Artifact::decode(&artifact_with(&many)).is_ok());
    let mut many = vec![0xdc, 0, 17];
    many.extend(vec![fill(&[0.0, 0.0]); 17].concat());
    assert!(matches!(
        error_with("transform", many),
        E::Count { found: 17, .. }
    ));
    for (numbers, index) in [
        (vec![f32::INFINITY, 0.0], 0),
        // Not a code, and a NaN of other bits.
        (vec![0.0, 3.0], 1),
        (vec![0.0, 0.5], 1),
        (vec![f32::from_bits(0x7fc0_0001), 0.0], 0),
    ] {
        let error = error_of_steps(&[fill(&numbers)]);
        let E::OutOfRange { field, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*field, format!("the fill of column {index}"));
    }
    let error = error_of_steps(&[fill(&[0.0])]);
    assert!(
        matches!(
            error,
            E::TableLength {
                table: "fill",
                found: 4,
                ..
            }
        ),
        "{error}"
    );
    let error = error_of_steps(&[columns(&[])]);
    assert!(matches!(error, E::Count { found: 0, .. }), "{error}");
    // The model and the next step see the columns, not the features.
    let one = columns(&[map(&[("copy", uint(0))])]);
    let error = error_of_steps(&[one.clone(), fill(&[0.0, 0.0])]);
    assert!(
        matches!(error, E::TableLength { table: "fill", .. }),
        "{error}"
    );
    let error = error_of_steps(&[one]);
    assert!(
        matches!(
            error,
            E::FeatureIndex {
                place: "condition",
                found: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn column_errors() {
    let unknown = error_of_column(map(&[("log", uint(0))])).to_string();
    assert!(
        unknown.contains("copy, scale, lookup, one_hot or is_missing"),
        "{unknown}"
    );
    for kind in ["copy", "is_missing"] {
        let error = error_of_column(map(&[(kind, uint(2))]));
        assert!(matches!(error, E::FeatureIndex { found: 2, .. }), "{error}");
    }
    let with = |kind, entries: &Entries, key: &str, value: Vec<u8>| {
        error_of_column(map(&[(kind, map_with(entries, &[(key, value)]))]))
    };
    let error = with("scale", &scale(), "column", uint(1));
    assert!(matches!(error, E::FeatureIndex { found: 1, .. }), "{error}");
    for number in [0.0, -1.0, 1e40, 1e-40] {
        let error = with("scale", &scale(), "scale", float(number));
        assert!(matches!(error, E::OutOfRange { .. }), "{error}");
    }
    let error = with("scale", &scale(), "centre", float(f64::NAN));
    assert!(matches!(error, E::NotFinite { .. }), "{error}");
    for (key, value) in [
        ("values", floats(&[0.0; 3])),
        ("values", bin(&[0; 15])),
        // A categorical column has no levels.
        ("levels", floats(&[0.0, 1.0, 2.0])),
    ] {
        let error = with("lookup", &lookup(), key, value);
        assert!(matches!(error, E::TableLength { .. }), "{error}");
    }
    let error = with(
        "lookup",
        &lookup(),
        "values",
        floats(&[0.0, 1.0, f32::INFINITY, 0.0]),
    );
    assert!(matches!(error, E::NotFinite { .. }), "{error}");
    // A numeric column needs levels, ascending.
    let numeric = |levels: &[f32]| {
        let values = vec![0.0; levels.len() + 1];
        let entries = map_with(
            &lookup(),
            &[
                ("column", uint(0)),
                ("levels", floats(levels)),
                ("values", floats(&values)),
            ],
        );
        error_of_column(map(&[("lookup", entries)]))
    };
    assert!(matches!(numeric(&[]), E::Count { found: 0, .. }));
    assert!(matches!(numeric(&[1.0, 1.0]), E::LevelOrder { index: 1 }));
    assert!(matches!(
        numeric(&[1.0, f32::NAN]),
        E::LevelOrder { index: 1 }
    ));
    for (value, is_number) in [(f32::NAN, false), (3.0, true), (-1.0, true)] {
        let error = with("one_hot", &one_hot(), "value", float32(value));
        assert_eq!(
            matches!(error, E::FeatureIndex { .. }),
            is_number,
            "{error}"
        );
        assert_eq!(matches!(error, E::NotFinite { .. }), !is_number, "{error}");
    }
}

#[test]
fn neighbours_errors() {
    let with = |key: &str, value: Vec<u8>| {
        let entries = map_with(&neighbours(), &[(key, value)]);
        error_of_steps(&[map(&[("neighbours", entries)])])
    };
    let unknown = with("weights", text("cosine")).to_string();
    assert!(unknown.contains("uniform or distance"), "{unknown}");
    assert!(matches!(
        with("n_neighbours", uint(0)),
        E::Count { found: 0, .. }
    ));
    let many = vec![0xcd, 4, 1];
    assert!(matches!(
        with("n_neighbours", many),
        E::Count { found: 1025, .. }
    ));
    assert!(matches!(with("columns", bin(&[0])), E::TableLength { .. }));
    // Categories have no distance; columns ascend.
    assert!(matches!(
        with("columns", bin(&[1, 0])),
        E::FeatureIndex { found: 1, .. }
    ));
    assert!(matches!(
        with("columns", bin(&[0, 0, 0, 0])),
        E::FeatureIndex { index: 1, .. }
    ));
    assert!(matches!(with("columns", bin(&[])), E::Count { .. }));
    assert!(matches!(
        with("counts", table(8, &[1, 0, 2])),
        E::ZeroCount { row: 1 }
    ));
    assert!(matches!(
        with("counts", table(8, &[1, 5])),
        E::TableLength { .. }
    ));
    let with_rows =
        |key: &str, value: Vec<u8>| with("rows", map_with(&packed_rows(), &[(key, value)]));
    let error = with_rows("bits", bin(&[0, 1, 3]));
    assert!(
        matches!(error, E::PackedCode { row: 2, column: 0 }),
        "{error}"
    );
    let error = with_rows("bits", bin(&[0, 1, 4]));
    assert!(matches!(error, E::PackedSpareBits { row: 2 }), "{error}");
    let error = with_rows(
        "levels",
        array(&[bin(&[&[0; 4][..], &NONE, &[0; 4]].concat())]),
    );
    assert!(matches!(error, E::LevelOrder { index: 1 }), "{error}");
    let error = with_rows("levels", array(&[]));
    assert!(matches!(error, E::Count { found: 0, .. }), "{error}");
}

#[test]
fn every_malformed_field_of_a_step_is_named() {
    for (kind, entries) in [
        ("scale", scale()),
        ("lookup", lookup()),
        ("one_hot", one_hot()),
    ] {
        for (key, _) in &entries {
            let entries = map_with(&entries, &[(key, vec![0xc3])]);
            let error = error_of_column(map(&[(kind, entries)])).to_string();
            assert!(error.contains(&format!("{key} (byte ")), "{error}");
        }
    }
    for (key, _) in &neighbours() {
        let entries = map_with(&neighbours(), &[(key, vec![0xc3])]);
        let error = error_of_steps(&[map(&[("neighbours", entries)])]).to_string();
        assert!(error.contains(&format!("{key} (byte ")), "{error}");
    }
}

#[test]
fn any_changed_byte_is_refused_or_comes_back() {
    let mut steps = steps();
    steps.push(columns(&[map(&[("copy", uint(1))])]));
    let right = artifact_with(&steps);
    let start = right.windows(9).position(|part| part == b"transform");
    let start = start.expect("the key stands there");
    let end = right.len().min(start + 400);
    for index in start..end {
        for byte in 0..=u8::MAX {
            let mut bytes = right.clone();
            bytes[index] = byte;
            if let Ok(read) = Artifact::decode(&bytes) {
                assert_eq!(read.encode().unwrap(), bytes, "byte {index} is {byte}");
            }
        }
    }
}
