//! Random models for the tests: a small deterministic generator, seeded by the test.

use std::collections::BTreeMap;

use picket_schema::artifact::{
    Blend, Calibration, Card, Decision, IntTable, Kernel, Linear, Member, ModelTable,
    NeighbourWeights, Neighbours, Operator, PackedRows, Platt, Reference, Term, Transform,
    TreeNode, TreesBuilder,
};
use picket_schema::{Artifact, DataDigest, FeatureSchema};

/// `SplitMix64` (Steele, Lea and Flood, 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
}

/// Five features: two numeric, one ordinal, one with 40 categories (two words a set), one unused.
pub(crate) fn schema() -> FeatureSchema {
    let categories: Vec<String> = (0..40).map(|code| format!("\"c{code}\"")).collect();
    let text = format!(
        r#"
        name = "mixed"
        label = {{ name = "y", positive = {{ name = "bad", values = ["1"] }}, negative = {{ name = "good" }} }}
        features = [
            {{ name = "a", domain = {{ range = [-10, 10] }} }},
            {{ name = "b", domain = {{ values = [-1, 0, 1] }} }},
            {{ name = "c", domain = {{ categories = [{}] }} }},
            {{ name = "d", domain = {{ range = [0, 1e9] }} }},
            {{ name = "unused", domain = {{ range = [0, 1] }} }},
        ]
        "#,
        categories.join(", ")
    );
    FeatureSchema::from_toml(&text).expect("the test schema is right")
}

const THRESHOLDS: [f32; 7] = [-2.5, -0.0, 0.1, 0.5, 1.0, 3.75, 1e6];

fn grow(random: &mut Random, nodes: &mut Vec<TreeNode>, depth: usize) -> (usize, u32) {
    let position = nodes.len();
    let cover = 1 + random.below(100) as u32;
    let value = (random.bits() as u32).cast_signed() >> 8;
    nodes.push(TreeNode::Leaf { value, cover });
    if depth == 0 || random.below(5) == 0 {
        return (position, cover);
    }
    let (left, _) = grow(random, nodes, depth - 1);
    let (right, _) = grow(random, nodes, depth - 1);
    let missing_left = random.below(2) == 0;
    let feature_idx = random.below(4) as u16;
    nodes[position] = if feature_idx == 2 {
        let words = vec![random.bits() as u32, random.bits() as u32 & 0xff];
        TreeNode::CategorySet {
            feature_idx,
            words,
            missing_left,
            left,
            right,
        }
    } else {
        let threshold = THRESHOLDS[random.below(THRESHOLDS.len())];
        TreeNode::Threshold {
            feature_idx,
            threshold,
            missing_left,
            left,
            right,
        }
    };
    (position, cover)
}

/// A model's file.
pub(crate) fn artifact(schema: FeatureSchema, model: ModelTable<'static>) -> Vec<u8> {
    artifact_with(schema, Transform::default(), model)
}

/// A model's file with a transform.
pub(crate) fn artifact_with(
    schema: FeatureSchema,
    transform: Transform<'static>,
    model: ModelTable<'static>,
) -> Vec<u8> {
    let artifact = Artifact {
        schema,
        transform,
        model,
        calibration: Calibration::Platt(Platt {
            slope: 1.25,
            intercept: -0.5,
        }),
        decision: Decision {
            threshold: 0.5,
            uncertain: Some([0.45, 0.55]),
        },
        reference: Reference::default(),
        card: Card {
            name: "random".into(),
            algorithm: "random".into(),
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
    };
    artifact.encode().expect("the test artifact is right")
}

/// A tree model's file.
pub(crate) fn trees(seed: u64, operator: Operator, n_trees: usize, depth: usize) -> Vec<u8> {
    artifact(schema(), trees_table(seed, operator, n_trees, depth))
}

/// Trees.
pub(crate) fn trees_table(
    seed: u64,
    operator: Operator,
    n_trees: usize,
    depth: usize,
) -> ModelTable<'static> {
    let mut random = Random(seed);
    let mut builder = TreesBuilder::new(operator, random.bits().cast_signed() >> 20, 20);
    for _ in 0..n_trees {
        let mut nodes = Vec::new();
        grow(&mut random, &mut nodes, depth);
        builder.push(nodes);
    }
    ModelTable::Trees(builder.build().expect("the test trees are right"))
}

/// A linear model's file.
pub(crate) fn linear(seed: u64) -> Vec<u8> {
    artifact(schema(), linear_table(seed))
}

/// A linear table.
pub(crate) fn linear_table(seed: u64) -> ModelTable<'static> {
    let mut random = Random(seed);
    let mut number = move || f64::from((random.bits() as u32).cast_signed()) / f64::from(1 << 28);
    let numeric = |feature: u32, number: &mut dyn FnMut() -> f64| Term::Numeric {
        feature,
        fill: number() as f32,
        mean: number(),
        scale: number().abs() + 0.1,
        weight: number(),
        missing_weight: number(),
        background: number(),
    };
    let mut terms = vec![
        numeric(0, &mut number),
        numeric(1, &mut number),
        numeric(3, &mut number),
    ];
    let weights: Vec<u8> = (0..40).flat_map(|_| number().to_le_bytes()).collect();
    terms.push(Term::OneHot {
        feature: 2,
        weights: weights.into(),
        missing_weight: number(),
        background: number(),
    });
    ModelTable::Linear(Linear {
        bias: number(),
        terms,
    })
}

/// A row that is in the domain, on a threshold or beside it, missing, infinite, or any bits at all.
pub(crate) fn row(random: &mut Random) -> Vec<f32> {
    let value = |random: &mut Random| match random.below(8) {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::NEG_INFINITY,
        3 => f32::from_bits(random.bits() as u32),
        4 => THRESHOLDS[random.below(THRESHOLDS.len())],
        5 => THRESHOLDS[random.below(THRESHOLDS.len())].next_up(),
        6 => THRESHOLDS[random.below(THRESHOLDS.len())].next_down(),
        _ => random.below(42) as f32 - 1.0,
    };
    (0..5).map(|_| value(random)).collect()
}

/// Numbers like those of rows, with gaps; categories for the third column.
fn stored_rows(random: &mut Random, n_rows: usize, with_gaps: bool) -> Vec<f32> {
    let mut value = |column: usize| match (column, random.below(8)) {
        (_, 0) if with_gaps => f32::NAN,
        (2, _) => random.below(40) as f32,
        (3, n) if n < 6 => (random.bits() as u32) as f32 / 4e3,
        (1, _) => random.below(3) as f32 - 1.0,
        _ => THRESHOLDS[random.below(THRESHOLDS.len())],
    };
    (0..5 * n_rows).map(|at| value(at % 5)).collect()
}

fn scales(random: &mut Random) -> Vec<u8> {
    let mut scale = || 0.25 + random.below(1000) as f64 / 300.0;
    (0..5).flat_map(|_| scale().to_le_bytes()).collect()
}

/// A table that asks the nearest rows.
pub(crate) fn neighbours_table(
    random: &mut Random,
    n_rows: usize,
    n_neighbours: u32,
    weights: NeighbourWeights,
) -> ModelTable<'static> {
    let counts: Vec<u32> = (0..n_rows).map(|_| 1 + random.below(4) as u32).collect();
    let positives = counts.iter().map(|n| random.below(*n as usize + 1) as u32);
    ModelTable::Neighbours(Neighbours {
        n_neighbours,
        weights,
        positives: IntTable::pack(positives.collect::<Vec<_>>()),
        counts: IntTable::pack(counts),
        scales: scales(random).into(),
        rows: PackedRows::pack(5, &stored_rows(random, n_rows, true)),
    })
}

/// A table of radial basis functions.
pub(crate) fn kernel_table(random: &mut Random, n_rows: usize) -> ModelTable<'static> {
    let mut number = || f64::from((random.bits() as u32).cast_signed()) / f64::from(1 << 28);
    let coefficients = (0..n_rows).flat_map(|_| number().to_le_bytes());
    let coefficients: Vec<u8> = coefficients.collect();
    let fills: Vec<u8> = (0..5)
        .flat_map(|_| (number() as f32).to_le_bytes())
        .collect();
    let baseline = [0.5_f32, -1.0, 3.0, 100.0, 0.0];
    ModelTable::Kernel(Kernel {
        gamma: 0.1 + number().abs() / 16.0,
        bias: number(),
        fills: fills.into(),
        coefficients: coefficients.into(),
        baseline: baseline.iter().flat_map(|x| x.to_le_bytes()).collect(),
        scales: scales(random).into(),
        rows: PackedRows::pack(5, &stored_rows(random, n_rows, false)),
    })
}

/// A blend of the members given.
pub(crate) fn blend(seed: u64, members: Vec<ModelTable<'static>>) -> Vec<u8> {
    let mut random = Random(seed);
    let mut number = move || f64::from((random.bits() as u32).cast_signed()) / f64::from(1 << 28);
    let member = |model| Member {
        weight: number(),
        model,
    };
    let members = members.into_iter().map(member).collect();
    artifact(schema(), ModelTable::Blend(Blend { bias: 0.3, members }))
}
