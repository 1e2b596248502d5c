//! The format held against bytes written by hand: the right document, and what is wrong with a
//! document as a whole. `literal_tables.rs` has what is wrong inside the model.

mod msgpack;

use msgpack::document::{
    card, document, error_of, error_with, error_with_trees, feature, linear, metric, numeric_term,
    one_hot_term, platt, schema, table, trees,
};
use msgpack::{array, bin, float, float32, map, map_with, nil, text, uint};
use picket_schema::artifact::{Condition, IntTable, ModelTable, Operator, Test};
use picket_schema::{Artifact, ArtifactError, SchemaError, limits};

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
fn tables_are_packed_bit_by_bit() {
    // Four numbers of 9 bits, the lowest bit first: 1, -2, 255, -256.
    let leaves = table(9, &[0x01, 0xfc, 0xff, 0x03, 0x08]);
    let model = map(&[("trees", map_with(&trees(), &[("leaves", leaves)]))]);
    let bytes = map_with(&document(), &[("model", model)]);
    let artifact = Artifact::decode(&bytes).unwrap();
    assert_eq!(artifact.encode().unwrap(), bytes);
    let ModelTable::Trees(trees) = &artifact.model else {
        panic!("expected trees")
    };
    let values: Vec<_> = (0..5).map(|leaf| trees.leaf_value(leaf)).collect();
    assert_eq!(values, [Some(1), Some(-2), Some(255), Some(-256), None]);
    assert_eq!(
        IntTable::pack_signed([1, -2, 255, -256]),
        trees.leaves,
        "the writer packs as the format says"
    );
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
    // The grammar itself ends nesting: no type holds itself.
    let deep = (0..16).fold(nil(), |value, _| array(&[value]));
    assert!(matches!(
        error_with("card", deep),
        ArtifactError::Malformed { .. }
    ));
    let mut many = vec![0xdd, 0, 2, 0, 0];
    many.extend(vec![0xa0; 0x20000]);
    assert_eq!(
        error_with("card", map_with(&card(), &[("notes", many)])),
        ArtifactError::TooManyValues
    );
    // 0xc1 is never used; 0xd4 starts an extension type.
    for marker in [0xc1, 0xd4] {
        let error = error_with("card", vec![marker, 0, 0]);
        assert!(
            matches!(error, ArtifactError::UnexpectedMarker { marker: found, .. } if found == marker)
        );
    }
    // A length of 4 GiB in a short file is found before anything is allocated.
    for (key, huge) in [("data_digest", 0xc6), ("name", 0xdb), ("notes", 0xdd)] {
        let value = vec![huge, 0xff, 0xff, 0xff, 0xff];
        let error = error_with("card", map_with(&card(), &[(key, value)]));
        assert!(
            matches!(error, ArtifactError::Truncated { .. }),
            "{key}: {error}"
        );
    }
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
    let shortest = map(&document());
    // The same number, string, bytes, array or map behind a longer header, and where it starts.
    for (key, value, longer) in [
        ("seed", vec![1], vec![0xcc, 1]),
        ("seed", vec![1], vec![0xcd, 0, 1]),
        ("seed", vec![1], vec![0xce, 0, 0, 0, 1]),
        ("seed", vec![1], vec![0xcf, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("base", vec![5], vec![0xd0, 5]),
        ("base", vec![5], vec![0xd3, 0, 0, 0, 0, 0, 0, 0, 5]),
        ("algorithm", vec![0xa4], vec![0xd9, 4]),
        ("algorithm", vec![0xa4], vec![0xda, 0, 4]),
        ("data_digest", vec![0xc4, 32], vec![0xc5, 0, 32]),
        ("data_digest", vec![0xc4, 32], vec![0xc6, 0, 0, 0, 32]),
        ("notes", vec![0x90], vec![0xdc, 0, 0]),
        ("notes", vec![0x90], vec![0xdd, 0, 0, 0, 0]),
        ("parameters", vec![0x81], vec![0xde, 0, 1]),
        ("parameters", vec![0x81], vec![0xdf, 0, 0, 0, 1]),
    ] {
        let offset = place_of(&shortest, &[text(key), value.clone()].concat()) + 1 + key.len();
        let mut bytes = shortest.clone();
        bytes.splice(offset..offset + value.len(), longer);
        let expected = ArtifactError::NotCanonical { offset };
        assert_eq!(error_of(&bytes), expected, "{key}");
    }
    // A key behind a longer header.
    let offset = place_of(&shortest, &text("slope"));
    let mut bytes = shortest.clone();
    bytes.splice(offset..=offset, [0xd9, 5]);
    assert_eq!(error_of(&bytes), ArtifactError::NotCanonical { offset });
    // Negative numbers have forms of their own.
    for longer in [
        vec![0xd0, 0xe0],
        vec![0xd1, 0xff, 0x80],
        vec![0xd2, 0xff, 0xff, 0x80, 0],
        vec![0xd3, 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0],
    ] {
        let error = error_with_trees(&[("base", longer)]);
        assert!(
            matches!(error, ArtifactError::NotCanonical { .. }),
            "{error}"
        );
    }
    // Parameters ascend.
    for second in ["a", "depth"] {
        let parameters = map(&[("depth", text("2")), (second, text("1"))]);
        let error = error_with("card", map_with(&card(), &[("parameters", parameters)]));
        assert!(
            matches!(error, ArtifactError::NotCanonical { .. }),
            "{error}"
        );
    }
    let mut reordered = schema();
    reordered.swap(0, 1);
    // A float of the other width, and a whole number for a float, are other types.
    for (key, value, reason) in [
        (
            "schema",
            map(&reordered),
            "schema (byte 31): found key \"label\"; expected \"name\"",
        ),
        (
            "calibration",
            platt(float32(1.0), float(0.0)),
            "found a 32-bit float; expected a 64-bit float",
        ),
        (
            "calibration",
            platt(uint(1), float(0.0)),
            "found a whole number; expected a 64-bit float",
        ),
    ] {
        let error = error_with(key, value);
        assert!(matches!(error, ArtifactError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    // Fields without their names are not even the same content.
    let positional = error_with(
        "calibration",
        map(&[("platt", array(&[float(1.0), float(0.0)]))]),
    );
    assert!(
        positional
            .to_string()
            .contains("found an array; expected a map"),
        "{positional}"
    );
}

/// Where `part` stands; it must stand once.
fn place_of(bytes: &[u8], part: &[u8]) -> usize {
    let mut places = (0..bytes.len()).filter(|start| bytes[*start..].starts_with(part));
    let place = places.next().expect("the part is there");
    assert_eq!(places.next(), None, "the part stands twice");
    place
}

#[test]
fn every_malformed_field_is_named() {
    for (section, entries) in [("card", card()), ("schema", schema())] {
        for (key, _) in &entries {
            // No field is a boolean.
            let error = error_with(section, map_with(&entries, &[(key, vec![0xc3])]));
            let ArtifactError::Malformed { reason } = error else {
                panic!("{key}: {error}")
            };
            assert!(reason.starts_with(&format!("{key} (byte ")), "{reason}");
            assert!(
                reason.contains("found true or false; expected "),
                "{reason}"
            );
        }
    }
    for (key, _) in trees() {
        let error = error_with_trees(&[(key, vec![0xc3])]).to_string();
        assert!(error.contains(&format!("{key} (byte ")), "{error}");
    }
}

#[test]
fn the_schema_digest_is_that_of_the_file() {
    let bytes = map(&document());
    let written = Artifact::decode(&bytes).unwrap().schema.digest();
    assert_eq!(Artifact::schema_digest(&bytes), Ok(written));
    let without_card = &bytes[..place_of(&bytes, &text("card"))];
    assert_eq!(Artifact::schema_digest(without_card), Ok(written));
    let within = &bytes[..place_of(&bytes, &text("label"))];
    assert!(matches!(
        Artifact::schema_digest(within),
        Err(ArtifactError::Truncated { .. })
    ));
}

#[test]
fn a_hashed_feature_is_read_and_written_byte_for_byte() {
    // The trees' set has three categories.
    let with = |n_buckets: u8| {
        let range = map(&[("range", array(&[float(0.0), float(9.0)]))]);
        let hashed = map(&[("hashed", uint(n_buckets))]);
        let features = array(&[feature("x", range), feature("c", hashed)]);
        let schema = map_with(&schema(), &[("features", features)]);
        map_with(&document(), &[("schema", schema)])
    };
    let bytes = with(3);
    let artifact = Artifact::decode(&bytes).unwrap();
    assert_eq!(artifact.encode().unwrap(), bytes);
    assert_eq!(
        Artifact::schema_digest(&bytes),
        Ok(artifact.schema.digest())
    );
    assert!(matches!(
        error_of(&with(0)),
        ArtifactError::Schema(SchemaError::DomainSize { found: 0, .. })
    ));
    // Its set then names unknown categories.
    assert!(matches!(
        error_of(&with(2)),
        ArtifactError::CategorySet { .. }
    ));
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
fn decision_reference_and_card_errors() {
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
        ("features", array(std::slice::from_ref(&empty))),
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
