//! The bytes of blends, neighbours and kernels, and what is refused in them.

#![allow(clippy::unwrap_used, reason = "functions of a test are tests too")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use picket_schema::artifact::{
    Blend, Calibration, Card, Decision, IntTable, Kernel, Linear, Member, ModelTable,
    NeighbourWeights, Neighbours, PackedRows, Reference, Transform,
};
use picket_schema::{Artifact, ArtifactError, DataDigest, FeatureSchema};

fn artifact(model: ModelTable<'static>) -> Artifact<'static> {
    let text = r#"
        name = "s"
        label = { name = "y", positive = { name = "bad", values = ["1"] }, negative = { name = "good" } }
        [[features]]
        name = "a"
        domain = { range = [0, 1] }
        [[features]]
        name = "b"
        domain = { categories = ["p", "q", "r"] }
    "#;
    Artifact {
        schema: FeatureSchema::from_toml(text).unwrap(),
        transform: Transform::default(),
        model,
        calibration: Calibration::IDENTITY,
        decision: Decision {
            threshold: 0.5,
            uncertain: None,
        },
        reference: Reference::default(),
        card: Card {
            name: "n".into(),
            algorithm: "a".into(),
            code_version: "0".into(),
            seed: 0,
            data_digest: DataDigest::of(b""),
            parent: None,
            parameters: BTreeMap::new(),
            metrics: vec![],
            split: "none".into(),
            n_rows_train: 0,
            n_rows_test: 0,
            memorised_share: 0.0,
            importances: vec![],
            notes: vec![],
        },
    }
}

fn f32s(numbers: &[f32]) -> Cow<'static, [u8]> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn f64s(numbers: &[f64]) -> Cow<'static, [u8]> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn neighbours() -> Neighbours<'static> {
    Neighbours {
        n_neighbours: 2,
        weights: NeighbourWeights::Distance,
        scales: f64s(&[0.5, 1.0]),
        rows: PackedRows::pack(2, &[0.0, 1.0, 1.0, 2.0]),
        counts: IntTable::pack([1, 3]),
        positives: IntTable::pack([0, 3]),
    }
}

fn kernel() -> Kernel<'static> {
    Kernel {
        gamma: 0.5,
        bias: -0.25,
        fills: f32s(&[0.5, 0.0]),
        scales: f64s(&[0.5, 1.0]),
        rows: PackedRows::pack(2, &[0.0, 1.0, 1.0, 2.0]),
        coefficients: f64s(&[1.0, -1.0]),
        baseline: f32s(&[0.5, 1.0]),
    }
}

fn blend(n_members: usize) -> Blend<'static> {
    let member = Member {
        weight: 0.5,
        model: ModelTable::Linear(Linear::default()),
    };
    Blend {
        bias: 1.0,
        members: vec![member; n_members],
    }
}

#[test]
fn a_blend_is_these_bytes() {
    let bytes = artifact(ModelTable::Blend(blend(1))).encode().unwrap();
    let f64_of = |x: f64| [&[0xcb][..], &x.to_be_bytes()].concat();
    let text = |text: &str| [&[0xa0 + text.len() as u8][..], text.as_bytes()].concat();
    let expected = [
        text("model"),
        vec![0x81],
        text("blend"),
        vec![0x82],
        text("bias"),
        f64_of(1.0),
        text("members"),
        vec![0x91, 0x82],
        text("weight"),
        f64_of(0.5),
        text("model"),
        vec![0x81],
        text("linear"),
        vec![0x82],
        text("bias"),
        f64_of(0.0),
        text("terms"),
        vec![0x90],
        text("calibration"),
    ]
    .concat();
    assert!(bytes.windows(expected.len()).any(|part| part == expected));
}

#[test]
fn the_kinds_are_read_back() {
    let members = [
        ModelTable::Neighbours(neighbours()),
        ModelTable::Kernel(kernel()),
        ModelTable::Linear(Linear::default()),
    ];
    let members = members.map(|model| Member {
        weight: -2.0,
        model,
    });
    let all = Blend {
        bias: 0.0,
        members: members.to_vec(),
    };
    for model in [
        ModelTable::Neighbours(neighbours()),
        ModelTable::Kernel(kernel()),
        ModelTable::Blend(all),
    ] {
        let artifact = artifact(model);
        let bytes = artifact.encode().unwrap();
        let read = Artifact::decode(&bytes).unwrap();
        assert_eq!(read, artifact);
        assert_eq!(read.encode().unwrap(), bytes);
        // No byte less, and no byte of the model that may be anything.
        for end in 0..bytes.len() {
            assert!(Artifact::decode(&bytes[..end]).is_err(), "{end} bytes");
        }
    }
}

fn refused(model: ModelTable<'static>) -> ArtifactError {
    artifact(model).encode().expect_err("the model is wrong")
}

#[test]
fn hostile_blends_are_refused() {
    use ArtifactError as E;
    let error = refused(ModelTable::Blend(blend(0)));
    assert!(
        matches!(
            error,
            E::Count {
                what: "members",
                ..
            }
        ),
        "{error}"
    );
    let error = refused(ModelTable::Blend(blend(33)));
    assert!(matches!(error, E::Count { found: 33, .. }), "{error}");
    let mut nested = blend(1);
    nested.members[0].model = ModelTable::Blend(blend(1));
    let error = refused(ModelTable::Blend(nested)).to_string();
    assert!(error.contains("found \"blend\""), "{error}");
    let mut wrong = blend(2);
    wrong.members[1].weight = f64::NAN;
    let error = refused(ModelTable::Blend(wrong)).to_string();
    assert!(error.contains("weight of member 1"), "{error}");
    let mut wrong = blend(2);
    wrong.bias = f64::INFINITY;
    let error = refused(ModelTable::Blend(wrong));
    assert!(matches!(error, E::NotFinite { .. }), "{error}");
    // What is wrong with a member is wrong with the blend.
    let mut wrong = blend(1);
    let mut table = kernel();
    table.gamma = 0.0;
    wrong.members[0].model = ModelTable::Kernel(table);
    let error = refused(ModelTable::Blend(wrong));
    assert!(matches!(error, E::OutOfRange { .. }), "{error}");
}

#[test]
fn hostile_neighbours_are_refused() {
    use ArtifactError as E;
    let error_of = |change: fn(&mut Neighbours<'static>)| {
        let mut table = neighbours();
        change(&mut table);
        refused(ModelTable::Neighbours(table))
    };
    for (n, what) in [
        (0, "n_neighbours"),
        (5, "training rows seen"),
        (2000, "n_neighbours"),
    ] {
        let mut table = neighbours();
        table.n_neighbours = n;
        let error = refused(ModelTable::Neighbours(table));
        assert!(
            matches!(error, E::Count { what: w, .. } if w == what),
            "{error}"
        );
    }
    let error = error_of(|table| table.scales = f64s(&[1.0]));
    assert!(
        matches!(
            error,
            E::TableLength {
                table: "scales",
                ..
            }
        ),
        "{error}"
    );
    for scale in [0.0, -1.0, 1e300, f64::NAN] {
        let mut table = neighbours();
        table.scales = f64s(&[1.0, scale]);
        let error = refused(ModelTable::Neighbours(table)).to_string();
        assert!(error.contains("scale of column 1"), "{error}");
    }
    let error = error_of(|table| table.rows = PackedRows::pack(1, &[1.0, 2.0]));
    assert!(
        matches!(
            error,
            E::Count {
                what: "packed columns",
                ..
            }
        ),
        "{error}"
    );
    let error = error_of(|table| table.counts = IntTable::pack([1, 3, 1]));
    assert!(
        matches!(
            error,
            E::TableLength {
                table: "counts",
                ..
            }
        ),
        "{error}"
    );
    let error = error_of(|table| table.positives = IntTable::pack([0]));
    assert!(
        matches!(
            error,
            E::TableLength {
                table: "positives",
                ..
            }
        ),
        "{error}"
    );
    let error = error_of(|table| table.counts = IntTable::pack([0, 3])).to_string();
    assert!(error.contains("count of row 0"), "{error}");
    let error = error_of(|table| table.positives = IntTable::pack([0, 4])).to_string();
    assert!(error.contains("count of row 1"), "{error}");
}

#[test]
fn hostile_kernels_are_refused() {
    use ArtifactError as E;
    let error_of = |change: fn(&mut Kernel<'static>)| {
        let mut table = kernel();
        change(&mut table);
        refused(ModelTable::Kernel(table))
    };
    let named = |change: fn(&mut Kernel<'static>), name: &str| {
        let error = error_of(change).to_string();
        assert!(error.contains(name), "{error}");
    };
    named(|table| table.gamma = -1.0, "gamma");
    named(|table| table.gamma = f64::NAN, "gamma");
    named(|table| table.bias = 1e16, "bias");
    named(
        |table| table.fills = f32s(&[f32::NAN, 0.0]),
        "fills of column 0",
    );
    named(
        |table| table.baseline = f32s(&[0.0, f32::INFINITY]),
        "baseline of column 1",
    );
    named(
        |table| table.coefficients = f64s(&[1.0, f64::NAN]),
        "coefficient of row 1",
    );
    named(
        |table| table.scales = f64s(&[1.0, 0.0]),
        "scale of column 1",
    );
    for (change, name) in [
        (
            (|table| table.fills = f32s(&[0.0])) as fn(&mut Kernel<'static>),
            "fills",
        ),
        (|table| table.baseline = f32s(&[0.0; 3]), "baseline"),
        (|table| table.coefficients = f64s(&[0.0; 3]), "coefficients"),
        (|table| table.scales = f64s(&[]), "scales"),
    ] {
        let error = error_of(change);
        assert!(
            matches!(error, E::TableLength { table, .. } if table == name),
            "{error}"
        );
    }
}
