//! Models of every kind, built without a trainer: random trees with a little sense in them, and
//! linear models, on both schemas of the project.

use std::borrow::Cow;
use std::collections::BTreeMap;

use picket_schema::artifact::{
    Calibration, Card, Decision, FeatureHistogram, Linear, Metric, ModelTable, Operator, Platt,
    Reference, Term, Transform, TreeNode, TreesBuilder,
};
use picket_schema::{Artifact, DataDigest, Domain, Feature, FeatureSchema};

use crate::random::Random;

/// An artifact with a name for messages.
#[derive(Clone, Debug)]
pub struct NamedArtifact {
    /// Such as `phishing-trees-le`.
    pub name: String,
    /// The artifact's file.
    pub bytes: Vec<u8>,
}

/// The schema of the phishing data.
///
/// # Panics
/// Where the file is not a schema, which the schema's own tests would show.
#[must_use]
pub fn phishing() -> FeatureSchema {
    FeatureSchema::from_toml(include_str!("../../schema/schemas/phishing.toml"))
        .expect("the project's own schema")
}

/// The schema of the NSL-KDD data.
///
/// # Panics
/// Where the file is not a schema, which the schema's own tests would show.
#[must_use]
pub fn nsl_kdd() -> FeatureSchema {
    FeatureSchema::from_toml(include_str!("../../schema/schemas/nsl-kdd.toml"))
        .expect("the project's own schema")
}

/// A model of every kind on both schemas: trees with either operator, category sets, missing
/// values to both sides, lone leaves, wide and narrow tables; linear terms of both sorts.
#[must_use]
pub fn every_kind() -> Vec<NamedArtifact> {
    let mut artifacts = Vec::new();
    for schema in [phishing(), nsl_kdd()] {
        for (kind, operator) in [("le", Operator::LessEqual), ("lt", Operator::Less)] {
            let name = format!("{}-trees-{kind}", schema.name);
            artifacts.push(trees(&name, &schema, operator, 60, 7));
        }
        artifacts.push(trees(
            &format!("{}-stumps", schema.name),
            &schema,
            Operator::Less,
            3,
            1,
        ));
        artifacts.push(linear(&format!("{}-linear", schema.name), &schema));
    }
    artifacts
}

/// The trained models: the frozen fixtures of the format, one for every learner on both schemas.
///
/// # Panics
/// Where the fixtures cannot be read.
#[must_use]
pub fn trained() -> Vec<NamedArtifact> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/testdata/v1");
    let entries = std::fs::read_dir(folder).expect("the fixtures are in the checkout");
    let mut artifacts: Vec<NamedArtifact> = entries
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "picket")
        })
        .map(|path| NamedArtifact {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            bytes: std::fs::read(&path).expect("a readable fixture"),
        })
        .collect();
    artifacts.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!artifacts.is_empty(), "there are no fixtures");
    artifacts
}

/// Random trees. Low numbers lean to the positive class, so that the page has something to show.
///
/// # Panics
/// Where the format refuses what is built here, which is a mistake of this code.
#[must_use]
pub fn trees(
    name: &str,
    schema: &FeatureSchema,
    operator: Operator,
    n_trees: usize,
    depth: usize,
) -> NamedArtifact {
    let mut random = Random::new(11);
    let mut builder = TreesBuilder::new(operator, -3000, 16);
    for _ in 0..n_trees {
        let mut nodes = Vec::new();
        grow(&mut nodes, schema, depth, 0.0, &mut random);
        builder.push(nodes);
    }
    builder.push(vec![TreeNode::Leaf {
        value: 1234,
        cover: 100,
    }]);
    let trees = builder.build().expect("random trees are trees");
    finish(name, schema, ModelTable::Trees(trees))
}

/// Adds a subtree whose leaves lie around `lean`; returns its root's position.
fn grow(
    nodes: &mut Vec<TreeNode>,
    schema: &FeatureSchema,
    depth: usize,
    lean: f64,
    random: &mut Random,
) -> usize {
    let root = nodes.len();
    // Some branches end early, so that trees are not all full.
    if depth == 0 || (root > 0 && random.below(8) == 0) {
        let value = ((lean + 0.2 * (random.unit() - 0.5)) * 6000.0) as i32;
        nodes.push(TreeNode::Leaf {
            value,
            cover: 1 + random.below(500) as u32,
        });
        return root;
    }
    let feature_idx = random.below(schema.n_features());
    let feature = &schema.features[feature_idx];
    let missing_left = random.below(2) == 0;
    let pull = random.unit();
    // Children come after their parent; their positions are filled in when they are known.
    nodes.push(TreeNode::Leaf { value: 0, cover: 1 });
    let left = grow(nodes, schema, depth - 1, lean + pull, random);
    let right = grow(nodes, schema, depth - 1, lean - pull, random);
    let feature_number = feature_idx as u16;
    nodes[root] = match &feature.domain {
        Domain::Categories(_) | Domain::Hashed(_) => TreeNode::CategorySet {
            feature_idx: feature_number,
            words: random_set(feature.n_categories(), random),
            missing_left,
            left,
            right,
        },
        Domain::Range(_) | Domain::Values(_) => TreeNode::Threshold {
            feature_idx: feature_number,
            threshold: random_threshold(feature, random),
            missing_left,
            left,
            right,
        },
    };
    root
}

fn random_set(n_categories: usize, random: &mut Random) -> Vec<u32> {
    let mut words = vec![0; n_categories.div_ceil(32)];
    for code in 0..n_categories {
        words[code / 32] |= u32::from(random.below(2) == 0) << (code % 32);
    }
    words
}

fn random_threshold(feature: &Feature, random: &mut Random) -> f32 {
    match &feature.domain {
        Domain::Values(values) => {
            let index = random.below(values.len());
            // On a value, between two, or on signed zero: all are allowed.
            match random.below(3) {
                0 => values[index] as f32,
                1 => values[index] as f32 - 0.5,
                _ => -0.0,
            }
        }
        Domain::Range([min, max]) => in_range(*min, *max, random),
        Domain::Categories(_) | Domain::Hashed(_) => 0.0,
    }
}

/// A number of a range: small ones are likelier where the range is wide.
pub(crate) fn in_range(min: f64, max: f64, random: &mut Random) -> f32 {
    let width = (max - min).min(*random.one_of(&[1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7]));
    ((min + width * random.unit()) as f32).clamp(min as f32, max as f32)
}

/// A linear model with a term for every feature.
///
/// # Panics
/// Where the format refuses what is built here, which is a mistake of this code.
#[must_use]
pub fn linear(name: &str, schema: &FeatureSchema) -> NamedArtifact {
    let mut random = Random::new(12);
    let terms = schema
        .features
        .iter()
        .enumerate()
        .map(|(feature_idx, feature)| {
            let feature_number = feature_idx as u32;
            let background = random.unit() - 0.5;
            let missing_weight = random.unit() - 0.5;
            match &feature.domain {
                Domain::Categories(_) | Domain::Hashed(_) => Term::OneHot {
                    feature: feature_number,
                    weights: (0..feature.n_categories())
                        .flat_map(|_| (random.unit() - 0.5).to_le_bytes())
                        .collect(),
                    missing_weight,
                    background,
                },
                Domain::Range(_) | Domain::Values(_) => Term::Numeric {
                    feature: feature_number,
                    fill: random.unit() as f32,
                    mean: random.unit(),
                    scale: 0.1 + 10.0 * random.unit(),
                    weight: -random.unit(),
                    missing_weight,
                    background,
                },
            }
        });
    let model = Linear {
        bias: 0.3,
        terms: terms.collect(),
    };
    finish(name, schema, ModelTable::Linear(model))
}

fn finish(name: &str, schema: &FeatureSchema, model: ModelTable<'_>) -> NamedArtifact {
    let artifact = Artifact {
        schema: schema.clone(),
        transform: Transform::default(),
        model,
        calibration: Calibration::Platt(Platt {
            slope: 0.731,
            intercept: -0.119,
        }),
        decision: Decision {
            threshold: 0.5,
            uncertain: Some([0.4, 0.6]),
        },
        reference: reference(schema),
        card: card(name, schema),
    };
    NamedArtifact {
        name: name.to_owned(),
        bytes: artifact
            .encode()
            .expect("the format takes what it describes"),
    }
}

/// Histograms of rows that never were: a bin for each value, a few for a range.
fn reference(schema: &FeatureSchema) -> Reference<'static> {
    let mut random = Random::new(13);
    let mut counts = |n: usize| -> Cow<'static, [u8]> {
        (0..n)
            .flat_map(|_| (random.below(900) as u32).to_le_bytes())
            .collect()
    };
    let features = schema.features.iter().map(|feature| {
        let edges: Vec<f32> = match &feature.domain {
            Domain::Range([min, max]) if *max > 1000.0 => vec![*min as f32, 10.0, 200.0, 5000.0],
            Domain::Range([min, max]) => (0..5)
                .map(|part| (min + (max - min) * f64::from(part) / 5.0) as f32)
                .collect(),
            Domain::Values(values) => values[..values.len() - 1]
                .iter()
                .map(|value| *value as f32)
                .collect(),
            Domain::Categories(_) | Domain::Hashed(_) => (0..feature.n_categories() - 1)
                .map(|code| code as f32)
                .collect(),
        };
        FeatureHistogram {
            counts: counts(edges.len() + 2),
            edges: edges.iter().flat_map(|edge| edge.to_le_bytes()).collect(),
        }
    });
    Reference {
        features: features.collect(),
        scores: counts(picket_schema::limits::SCORE_BINS),
    }
}

fn card(name: &str, schema: &FeatureSchema) -> Card {
    Card {
        name: name.to_owned(),
        algorithm: "built by hand".to_owned(),
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: u64::MAX,
        data_digest: DataDigest::of(b"no data"),
        parent: None,
        parameters: BTreeMap::from([("depth".to_owned(), "7".to_owned())]),
        metrics: vec![Metric {
            name: "f1".to_owned(),
            value: 0.5,
            low: 0.4,
            high: 0.6,
        }],
        split: "none".to_owned(),
        n_rows_train: 0,
        n_rows_test: 0,
        memorised_share: 0.0,
        importances: vec![1.0 / schema.n_features() as f64; schema.n_features()],
        notes: vec!["Built for tests: it knows nothing of threats.".to_owned()],
    }
}
