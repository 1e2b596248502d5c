//! What a model says of itself, as JSON.

use picket_schema::artifact::{
    Calibration, Card, Decision, Metric, ModelTable, Operator, Reference,
};
use picket_schema::{Artifact, FeatureSchema};
use serde::Serialize;
use std::collections::BTreeMap;

use crate::OwnedModel;

#[derive(Serialize)]
struct Description<'a> {
    digest: String,
    schema_digest: String,
    n_bytes: usize,
    n_features: usize,
    schema: &'a FeatureSchema,
    model: ModelDescription,
    calibration: Calibration,
    decision: Decision,
    reference: ReferenceDescription,
    card: CardDescription<'a>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum ModelDescription {
    Trees {
        operator: Operator,
        n_trees: usize,
        n_nodes: usize,
        n_conditions: usize,
    },
    Linear {
        n_terms: usize,
    },
}

/// The reference histograms with numbers in place of packed bytes.
#[derive(Serialize)]
struct ReferenceDescription {
    features: Vec<HistogramDescription>,
    scores: Vec<u32>,
}

#[derive(Serialize)]
struct HistogramDescription {
    edges: Vec<f32>,
    counts: Vec<u32>,
}

/// The card with digests in words.
#[derive(Serialize)]
struct CardDescription<'a> {
    name: &'a str,
    algorithm: &'a str,
    code_version: &'a str,
    /// As text: JavaScript's numbers do not hold every seed.
    seed: String,
    data_digest: String,
    parent: Option<String>,
    parameters: &'a BTreeMap<String, String>,
    metrics: &'a [Metric],
    split: &'a str,
    n_rows_train: u64,
    n_rows_test: u64,
    memorised_share: f64,
    importances: &'a [f64],
    notes: &'a [String],
}

/// The model's description as JSON text.
pub(super) fn json(owned: &OwnedModel) -> String {
    let artifact = owned.model().artifact();
    let description = Description {
        digest: Artifact::digest(owned.bytes()).to_string(),
        schema_digest: artifact.schema.digest().to_string(),
        n_bytes: owned.bytes().len(),
        n_features: artifact.schema.n_features(),
        schema: &artifact.schema,
        model: describe_model(&artifact.model),
        calibration: artifact.calibration,
        decision: artifact.decision,
        reference: describe_reference(&artifact.reference),
        card: describe_card(&artifact.card),
    };
    // Strings and finite numbers in memory: writing them cannot fail.
    serde_json::to_string(&description).unwrap_or_default()
}

fn describe_model(table: &ModelTable<'_>) -> ModelDescription {
    match table {
        ModelTable::Trees(trees) => ModelDescription::Trees {
            operator: trees.operator,
            n_trees: trees.n_trees(),
            n_nodes: trees.node_conditions.len(),
            n_conditions: trees.n_conditions(),
        },
        ModelTable::Linear(linear) => ModelDescription::Linear {
            n_terms: linear.terms.len(),
        },
    }
}

fn describe_reference(reference: &Reference<'_>) -> ReferenceDescription {
    let features = reference
        .features
        .iter()
        .map(|histogram| HistogramDescription {
            edges: histogram
                .edges
                .as_chunks()
                .0
                .iter()
                .map(|edge| f32::from_le_bytes(*edge))
                .collect(),
            counts: counts(&histogram.counts),
        });
    ReferenceDescription {
        features: features.collect(),
        scores: counts(&reference.scores),
    }
}

fn counts(bytes: &[u8]) -> Vec<u32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|count| u32::from_le_bytes(*count))
        .collect()
}

fn describe_card(card: &Card) -> CardDescription<'_> {
    CardDescription {
        name: &card.name,
        algorithm: &card.algorithm,
        code_version: &card.code_version,
        seed: card.seed.to_string(),
        data_digest: card.data_digest.to_string(),
        parent: card.parent.map(|digest| digest.to_string()),
        parameters: &card.parameters,
        metrics: &card.metrics,
        split: &card.split,
        n_rows_train: card.n_rows_train,
        n_rows_test: card.n_rows_test,
        memorised_share: card.memorised_share,
        importances: &card.importances,
        notes: &card.notes,
    }
}
