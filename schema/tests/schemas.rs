//! The schema files that come with the project.

#![allow(clippy::unwrap_used, reason = "functions of a test are tests too")]

use picket_schema::{ColumnMap, FeatureSchema, FieldError, HeaderError, Kind, SchemaError};

fn phishing() -> FeatureSchema {
    FeatureSchema::from_toml(include_str!("../schemas/phishing.toml")).unwrap()
}

fn nsl_kdd() -> FeatureSchema {
    FeatureSchema::from_toml(include_str!("../schemas/nsl-kdd.toml")).unwrap()
}

#[test]
fn phishing_is_as_published() {
    let schema = phishing();
    assert_eq!(schema.n_features(), 30);
    assert_eq!(schema.label.positive.name, "phishing");
    assert!(schema.label.is_positive("-1").unwrap());
    assert!(schema.label.is_positive(" -1.0 ").unwrap());
    assert!(!schema.label.is_positive("1").unwrap());
    assert!(matches!(
        schema.label.is_positive("2"),
        Err(FieldError::UnknownClass { .. })
    ));
    assert!(
        schema
            .features
            .iter()
            .all(|feature| feature.kind() == Kind::Ordinal)
    );
    assert_eq!(schema.features[0].parse_text("-1"), Ok(-1.0));
    assert!(schema.features[0].parse_text("").unwrap().is_nan());
    assert!(matches!(
        schema.features[0].parse_text("0"),
        Err(FieldError::OutOfDomain { .. })
    ));
    assert!(matches!(
        schema.features[0].parse_text("x"),
        Err(FieldError::NotANumber { .. })
    ));
}

#[test]
fn nsl_kdd_is_as_published() {
    let schema = nsl_kdd();
    assert_eq!(schema.n_features(), 41);
    let categorical: Vec<&str> = schema
        .features
        .iter()
        .filter(|feature| feature.kind() == Kind::Categorical)
        .map(|feature| feature.name.as_str())
        .collect();
    assert_eq!(categorical, ["protocol_type", "service", "flag"]);
    assert!(schema.label.is_positive("smurf").unwrap());
    assert!(!schema.label.is_positive("normal").unwrap());
    let service = &schema.features[schema.feature_idx("service").unwrap()];
    assert_eq!(service.categories().len(), 70);
    assert!(matches!(
        service.parse_text("gopherx"),
        Err(FieldError::UnknownCategory { .. })
    ));
    assert!(matches!(
        service.parse_text(""),
        Err(FieldError::Missing { .. })
    ));
}

#[test]
fn a_hashed_feature_takes_any_text() {
    let schema = |n_buckets: u32| {
        let text = include_str!("../schemas/nsl-kdd.toml").lines();
        let hashed = format!("domain = {{ hashed = {n_buckets} }}");
        let text = text.map(|line| match line {
            _ if line.contains("\"aol\"") => hashed.as_str(),
            _ => line,
        });
        FeatureSchema::from_toml(&text.collect::<Vec<_>>().join("\n"))
    };
    let right = schema(4096).unwrap();
    let service = &right.features[right.feature_idx("service").unwrap()];
    assert_eq!(
        (service.kind(), service.n_categories()),
        (Kind::Categorical, 4096)
    );
    assert!(service.categories().is_empty());
    assert_eq!(service.parse_text("example.org"), Ok(3283.0));
    assert_eq!(service.parse_text(" tcp "), Ok(191.0));
    // A number is its text, in JSON as in CSV.
    assert_eq!(
        (service.parse_text("80"), service.parse_number(80.0)),
        (Ok(3548.0), Ok(3548.0))
    );
    assert!(matches!(
        service.parse_text("NA"),
        Err(FieldError::Missing { .. })
    ));
    assert_ne!(right.digest(), schema(4095).unwrap().digest());
    for found in [0, 4097] {
        let error = schema(found).unwrap_err();
        let found = found as usize;
        assert!(
            matches!(error, SchemaError::DomainSize { found: size, .. } if size == found),
            "{error}"
        );
    }
}

#[test]
fn a_header_may_be_reordered_and_have_more_columns() {
    let schema = phishing();
    let mut header: Vec<String> = schema
        .features
        .iter()
        .rev()
        .map(|f| f.name.clone())
        .collect();
    header.insert(0, "\u{feff}id".into());
    header.push("Result".into());
    let map = ColumnMap::from_header(&schema, &header).unwrap();
    assert_eq!(map.features[0], 30);
    assert_eq!(map.label, Some(31));
    assert_eq!(map.extra, [0]);
}

#[test]
fn a_missing_column_gets_a_suggestion() {
    let schema = phishing();
    let header: Vec<String> = schema
        .features
        .iter()
        .map(|f| f.name.replace("Shortining_Service", "Shortening_Service"))
        .collect();
    let error = ColumnMap::from_header(&schema, &header).unwrap_err();
    let expected = vec![(
        "Shortining_Service".to_owned(),
        Some("Shortening_Service".to_owned()),
    )];
    assert_eq!(error, HeaderError::MissingColumns { columns: expected });
    let doubled = ["port", "port"];
    assert!(matches!(
        ColumnMap::from_header(&schema, &doubled),
        Err(HeaderError::DuplicateColumn { .. })
    ));
}

#[test]
fn a_wrong_schema_file_says_where() {
    let text = include_str!("../schemas/phishing.toml").replace("missing = ", "mising = ");
    let SchemaError::Toml { reason } = FeatureSchema::from_toml(&text).unwrap_err() else {
        panic!("expected a TOML error");
    };
    assert!(
        reason.contains("mising") && reason.contains("line"),
        "{reason}"
    );
}

#[test]
fn the_digest_tells_schemas_apart() {
    let mut schema = phishing();
    let digest = schema.digest();
    assert_eq!(digest, phishing().digest());
    assert_ne!(digest, nsl_kdd().digest());
    schema.features.swap(0, 1);
    assert_ne!(
        digest,
        schema.digest(),
        "the order of the features is part of the identity"
    );
}
