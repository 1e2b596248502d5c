//! A schema, and what an imported model says of rows.

use picket_schema::artifact::{Calibration, ModelTable, Operator, Platt};
use picket_schema::{Artifact, Class, Domain, Feature, FeatureSchema, Label, MissingPolicy};
use picket_trainer::Reporter;
use picket_trainer::import::{ImportOptions, Imported, SourceFormat, import};
use picket_wasm_model::{Model, naive};

/// `a` and `b` are numbers, `kind` is one of x, y, z. The positive class is `bad`, with the value 7.
pub(crate) fn schema() -> FeatureSchema {
    let feature = |name: &str, domain| Feature {
        name: name.to_owned(),
        domain,
        unit: String::new(),
        missing: MissingPolicy::Accept,
        description: String::new(),
    };
    let class = |name: &str, value: &str| Class {
        name: name.to_owned(),
        values: vec![value.to_owned()],
    };
    let kinds = ["x", "y", "z"].map(str::to_owned).to_vec();
    FeatureSchema {
        name: "subject".to_owned(),
        label: Label {
            name: "class".to_owned(),
            positive: class("bad", "7"),
            negative: class("good", "3"),
        },
        features: vec![
            feature("a", Domain::Range([-10.0, 10.0])),
            feature("b", Domain::Range([-10.0, 10.0])),
            feature("kind", Domain::Categories(kinds)),
        ],
    }
}

/// Few rows: these models are small.
pub(crate) fn options() -> ImportOptions {
    ImportOptions {
        n_random_rows: 500,
        ..ImportOptions::default()
    }
}

/// Imports a file, which must work.
#[track_caller]
pub(crate) fn imported(format: SourceFormat, bytes: &[u8], options: &ImportOptions) -> Imported {
    let imported = import(format, bytes, &schema(), options, Reporter::Silent).unwrap();
    let certificate = &imported.certificate;
    assert_eq!(certificate.n_leaves_reached, certificate.n_leaves);
    assert!(certificate.max_difference <= certificate.max_difference_bound);
    imported
}

/// What is said of a file that must be refused.
#[track_caller]
pub(crate) fn refusal(format: SourceFormat, bytes: &[u8], options: &ImportOptions) -> String {
    let error = import(format, bytes, &schema(), options, Reporter::Silent).unwrap_err();
    assert!(error.is_input_error(), "{error}");
    error.to_string()
}

#[track_caller]
pub(crate) fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

/// The margin of a row of `a`, `b`, `kind`.
pub(crate) fn margin(imported: &Imported, row: [f32; 3]) -> f64 {
    let model = Model::load(&imported.bytes).unwrap();
    naive::margin(&model, &row).unwrap().0
}

/// The margin is the sum of these, within the rounding that the certificate states.
#[track_caller]
pub(crate) fn assert_margin(imported: &Imported, row: [f32; 3], terms: &[f64]) {
    let expected: f64 = terms.iter().sum();
    let (found, bound) = (
        margin(imported, row),
        imported.certificate.max_difference_own_type_bound,
    );
    assert!(
        (found - expected).abs() <= bound && bound < 1e-4,
        "{row:?}: found {found}, expected {expected} within {bound}"
    );
}

pub(crate) fn calibration(imported: &Imported) -> Platt {
    match Artifact::decode(&imported.bytes).unwrap().calibration {
        Calibration::Platt(platt) => platt,
        other @ Calibration::Isotonic(_) => panic!("expected a sigmoid, not {other:?}"),
    }
}

pub(crate) fn n_conditions(imported: &Imported) -> usize {
    match Artifact::decode(&imported.bytes).unwrap().model {
        ModelTable::Trees(trees) => trees.n_conditions(),
        _ => panic!("expected trees"),
    }
}

pub(crate) fn operator(imported: &Imported) -> Operator {
    match Artifact::decode(&imported.bytes).unwrap().model {
        ModelTable::Trees(trees) => trees.operator,
        _ => panic!("expected trees"),
    }
}

/// All that the card tells.
pub(crate) fn notes(imported: &Imported) -> String {
    Artifact::decode(&imported.bytes)
        .unwrap()
        .card
        .notes
        .join("\n")
}
