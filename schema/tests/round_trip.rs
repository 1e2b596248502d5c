//! decode → encode → decode, for artifacts built from random trees and for mutated files.

use std::collections::BTreeMap;

use picket_schema::artifact::{
    Calibration, Card, Decision, FeatureHistogram, Isotonic, Metric, ModelTable, Operator, Platt,
    Reference, Transform, TreeLayout, TreeNode, TreesBuilder,
};
use picket_schema::{Artifact, DataDigest, Feature, FeatureSchema};
use proptest::prelude::*;

fn schema() -> FeatureSchema {
    let text = r#"
        name = "mixed"
        label = { name = "y", positive = { name = "bad", values = ["1"] }, negative = { name = "good" } }
        [[features]]
        name = "a"
        domain = { range = [-100, 100] }
        [[features]]
        name = "b"
        domain = { values = [-1, 0, 1] }
        [[features]]
        name = "c"
        domain = { categories = ["p", "q", "r"] }
    "#;
    FeatureSchema::from_toml(text).expect("the test schema is right")
}

/// A node before its children are placed.
#[derive(Clone, Debug)]
enum Shape {
    Leaf(i32, u32),
    Split(u16, f32, u32, bool, Box<(Shape, Shape)>),
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = (any::<i32>(), 1..u32::MAX).prop_map(|(value, cover)| Shape::Leaf(value, cover));
    leaf.prop_recursive(8, 64, 2, |inner| {
        let threshold = prop_oneof![-100_f32..100.0, Just(0.0), Just(-0.0), Just(0.5)];
        let split = (
            0..3_u16,
            threshold,
            0..8_u32,
            any::<bool>(),
            inner.clone(),
            inner,
        );
        split.prop_map(|(feature, threshold, set, missing, left, right)| {
            Shape::Split(feature, threshold, set, missing, Box::new((left, right)))
        })
    })
}

fn place(shape: &Shape, nodes: &mut Vec<TreeNode>) -> usize {
    let position = nodes.len();
    match shape {
        Shape::Leaf(value, cover) => nodes.push(TreeNode::Leaf {
            value: *value,
            cover: *cover,
        }),
        Shape::Split(feature_idx, threshold, set, missing_left, children) => {
            nodes.push(TreeNode::Leaf { value: 0, cover: 1 });
            let left = place(&children.0, nodes);
            let right = place(&children.1, nodes);
            let (feature_idx, threshold, missing_left) = (*feature_idx, *threshold, *missing_left);
            nodes[position] = if feature_idx == 2 {
                TreeNode::CategorySet {
                    feature_idx,
                    words: vec![*set],
                    missing_left,
                    left,
                    right,
                }
            } else {
                TreeNode::Threshold {
                    feature_idx,
                    threshold,
                    missing_left,
                    left,
                    right,
                }
            };
        }
    }
    position
}

fn artifact(shapes: &[Shape], base: i64, scale_log2: u8) -> Artifact<'static> {
    let mut builder = TreesBuilder::new(Operator::Less, base, scale_log2);
    for shape in shapes {
        let mut nodes = Vec::new();
        place(shape, &mut nodes);
        builder.push(nodes);
    }
    Artifact {
        schema: schema(),
        transform: Transform::default(),
        model: ModelTable::Trees(builder.build().expect("random trees are trees")),
        calibration: Calibration::Platt(Platt {
            slope: 1.5,
            intercept: -0.25,
        }),
        decision: Decision {
            threshold: 0.5,
            uncertain: Some([0.4, 0.6]),
        },
        reference: Reference::default(),
        card: Card {
            name: "random".into(),
            algorithm: "boosting".into(),
            code_version: "0.1.0".into(),
            seed: u64::MAX,
            data_digest: DataDigest::of(b"rows"),
            parent: None,
            parameters: BTreeMap::from([("depth".into(), "8".into())]),
            metrics: vec![Metric {
                name: "f1".into(),
                value: 0.9,
                low: 0.8,
                high: 0.95,
            }],
            split: "grouped".into(),
            n_rows_train: 100,
            n_rows_test: 25,
            memorised_share: 0.5,
            importances: vec![0.5, 0.25, 0.25],
            notes: vec!["made by a test".into()],
        },
    }
}

/// Margins and scores drawn apart, each put in order.
fn isotonic(drawn: &[(f64, f64)]) -> Isotonic<'static> {
    let (mut margins, mut scores): (Vec<f64>, Vec<f64>) = drawn.iter().copied().unzip();
    margins.sort_by(f64::total_cmp);
    margins.dedup();
    scores.sort_by(f64::total_cmp);
    Isotonic::from_knots(&margins.into_iter().zip(scores).collect::<Vec<_>>())
}

fn n_splits(shape: &Shape) -> usize {
    match shape {
        Shape::Leaf(..) => 0,
        Shape::Split(.., children) => 1 + n_splits(&children.0) + n_splits(&children.1),
    }
}

proptest! {
    #[test]
    fn built_artifacts_come_back(
        shapes in prop::collection::vec(shape(), 1..6),
        base in -1_i64 << 51..=1 << 51,
        scale_log2 in 0..=52_u8,
        knots in prop::collection::vec((-1e100..1e100, 0.0..=1.0), 0..40),
    ) {
        let mut written = artifact(&shapes, base, scale_log2);
        if !knots.is_empty() {
            written.calibration = Calibration::Isotonic(isotonic(&knots));
        }
        let bytes = written.encode().unwrap();
        let read = Artifact::decode(&bytes).unwrap();
        prop_assert_eq!(&read, &written);
        prop_assert_eq!(&read.encode().unwrap(), &bytes);
        let ModelTable::Trees(trees) = &read.model else { panic!("expected trees") };
        let layout = TreeLayout::of(trees).unwrap();
        let sizes: Vec<usize> = layout.spans.iter().map(|span| span.size as usize).collect();
        prop_assert_eq!(sizes, shapes.iter().map(n_splits).collect::<Vec<_>>());
    }

    #[test]
    fn mutated_files_are_refused_or_come_back(
        shapes in prop::collection::vec(shape(), 1..4),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        knots in prop::collection::vec((-9.0..9.0, 0.0..=1.0), 0..9),
    ) {
        let mut written = artifact(&shapes, 0, 16);
        if !knots.is_empty() {
            written.calibration = Calibration::Isotonic(isotonic(&knots));
        }
        let mut bytes = written.encode().unwrap();
        for (index, byte) in mutations {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Ok(read) = Artifact::decode(&bytes) {
            prop_assert_eq!(&read.encode().unwrap(), &bytes);
        }
    }

    /// Headers of every width: what the encoder writes short, the decoder wants short.
    #[test]
    fn numbers_and_lengths_of_every_width_come_back(
        seed_bits in 0..=64_u32,
        base in -(1_i64 << 51)..=1 << 51,
        base_shift in 0..=52_u32,
        n_text in prop_oneof![0..40_usize, 250..260_usize, 65_530..65_540_usize],
        n_notes in 0..20_usize,
        n_parameters in 0..20_usize,
        n_edges in 0..70_usize,
    ) {
        let mut artifact = artifact(&[Shape::Leaf(1, 1)], base >> base_shift, 0);
        artifact.card.seed = u64::MAX.checked_shr(seed_bits).unwrap_or(0);
        artifact.card.n_rows_train = artifact.card.seed / 2 + 1;
        artifact.card.notes = vec!["n".into(); n_notes];
        artifact.card.notes.push("\u{e9}".repeat(n_text / 2));
        artifact.card.parameters =
            (0..n_parameters).map(|i| (format!("{i:03}"), "p".repeat(n_text % 300))).collect();
        let edges: Vec<u8> = (0..n_edges).flat_map(|i| (i as f32).to_le_bytes()).collect();
        artifact.reference = Reference {
            features: vec![
                FeatureHistogram {
                    edges: edges.clone().into(),
                    counts: vec![1; 4 * (n_edges + 2)].into(),
                };
                3
            ],
            scores: vec![0; 80].into(),
        };
        let bytes = artifact.encode().unwrap();
        let read = Artifact::decode(&bytes).unwrap();
        prop_assert_eq!(&read, &artifact);
        prop_assert_eq!(&read.encode().unwrap(), &bytes);
        prop_assert_eq!(Artifact::schema_digest(&bytes), Ok(artifact.schema.digest()));
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Artifact::decode(&bytes).is_err());
        let prefixed = [&b"\x89\xa5magic\xa6picket\xa7version\x01"[..], &bytes].concat();
        prop_assert!(Artifact::decode(&prefixed).is_err());
    }

    #[test]
    fn category_codes_are_exactly_the_codes(bits in any::<u32>(), n_categories in 1_usize..5000) {
        let x = f32::from_bits(bits);
        let expected = (0..n_categories).find(|code| *code as f32 == x);
        prop_assert_eq!(Feature::category_code(n_categories, x), expected);
    }
}
