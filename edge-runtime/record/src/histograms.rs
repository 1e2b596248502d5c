//! Counts of what was scored in a window of time: enough to see drift, no row in it.

use picket_schema::Verdict;
use picket_schema::artifact::{Artifact, Reference};
use picket_service::{PredictionId, Predictions, ServedModel};
use picket_wasm_model::Scored;
use serde::Serialize;

use crate::lines::ModelRef;

/// The bins of the scores, of equal width.
const SCORE_BINS: usize = picket_schema::limits::SCORE_BINS;

/// Histograms of the features and scores of one model in one window.
#[derive(Clone, Debug)]
pub struct Histograms {
    /// The model's version and digest.
    model: (String, String),
    /// By feature: the upper bounds of all bins but the last, ascending. A value is in the first bin whose bound is
    /// not below it.
    edges: Vec<Vec<f32>>,
    names: Vec<String>,
    /// By feature: a count a bin, and last the missing values.
    counts: Vec<Vec<u64>>,
    scores: Vec<u64>,
    /// Positive, negative, uncertain.
    verdicts: [u64; 3],
    n_rows: u64,
}

/// What stands in an aggregate beside its counts.
#[derive(Clone, Copy, Debug)]
pub struct AggregateStamp<'a> {
    /// The record's id.
    pub id: PredictionId,
    /// The node.
    pub node: Option<&'a str>,
    /// When the window began, in milliseconds since 1970.
    pub time_ms: u64,
    /// How long it is, in milliseconds.
    pub span_ms: u64,
}

/// A record of the kind `aggregate`, its keys in the order of the alphabet as all versions wrote them.
#[derive(Serialize)]
struct AggregateLine<'a> {
    features: Vec<FeatureLine<'a>>,
    id: PredictionId,
    kind: &'static str,
    model: SortedModelRef<'a>,
    n_rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    scores: &'a [u64],
    span_ms: u64,
    time_ms: u64,
    verdicts: VerdictLine,
}

#[derive(Serialize)]
struct FeatureLine<'a> {
    counts: &'a [u64],
    /// As wide as readers take numbers.
    edges: Vec<f64>,
    name: &'a str,
}

#[derive(Serialize)]
struct SortedModelRef<'a> {
    digest: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct VerdictLine {
    negative: u64,
    positive: u64,
    uncertain: u64,
}

impl Histograms {
    /// Empty ones, with the bins of the model's reference; one bin a feature where the model has none.
    #[must_use]
    pub fn new(model: &ServedModel) -> Self {
        let decoded = Artifact::decode(model.artifact()).ok();
        let reference = decoded.map(|it| it.reference).unwrap_or_default();
        Self::with_reference(model, &reference)
    }

    /// As [`Histograms::new`], for who has the model's reference at hand.
    #[must_use]
    pub fn with_reference(model: &ServedModel, reference: &Reference<'_>) -> Self {
        let schema = model.schema();
        let edges = reference_edges(reference, schema.n_features());
        Self {
            model: (model.version().to_owned(), model.digest().to_owned()),
            counts: edges.iter().map(|it| vec![0; it.len() + 2]).collect(),
            edges,
            names: schema.features.iter().map(|it| it.name.clone()).collect(),
            scores: vec![0; SCORE_BINS],
            verdicts: [0; 3],
            n_rows: 0,
        }
    }

    /// Whether these count for the model of that digest.
    #[must_use]
    pub fn is_of(&self, digest: &str) -> bool {
        self.model.1 == digest
    }

    /// How many rows were counted.
    #[must_use]
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// The model whose answers are counted.
    #[must_use]
    pub fn model(&self) -> ModelRef<'_> {
        ModelRef {
            version: &self.model.0,
            digest: &self.model.1,
        }
    }

    /// Counts what was answered.
    pub fn add(&mut self, made: &Predictions<'_>) {
        self.add_rows(made.rows, made.scored);
    }

    /// Counts rows and what was said of them. Shape of `rows`: `(n_rows, n_features)`, row-major.
    pub fn add_rows(&mut self, rows: &[f32], scored: &[Scored]) {
        let n_features = self.edges.len().max(1);
        for row in rows.chunks_exact(n_features) {
            let bins = self.edges.iter().zip(&mut self.counts);
            for (x, (edges, counts)) in row.iter().zip(bins) {
                let bin = if x.is_nan() {
                    edges.len() + 1
                } else {
                    edges.partition_point(|edge| edge < x)
                };
                counts[bin] += 1;
            }
        }
        for scored in scored {
            let bin = (scored.score.0 * SCORE_BINS as f64) as usize;
            self.scores[bin.min(SCORE_BINS - 1)] += 1;
            let verdict = match scored.verdict {
                Verdict::Positive => 0,
                Verdict::Negative => 1,
                Verdict::Uncertain => 2,
            };
            self.verdicts[verdict] += 1;
        }
        self.n_rows += scored.len() as u64;
    }

    /// The record as one line of JSON, without the line's end.
    #[must_use]
    pub fn to_json(&self, stamp: &AggregateStamp<'_>) -> Vec<u8> {
        let features = self.names.iter().zip(&self.edges).zip(&self.counts);
        let [positive, negative, uncertain] = self.verdicts;
        let line = AggregateLine {
            features: features
                .map(|((name, edges), counts)| FeatureLine {
                    counts,
                    edges: edges.iter().map(|edge| f64::from(*edge)).collect(),
                    name,
                })
                .collect(),
            id: stamp.id,
            kind: "aggregate",
            model: SortedModelRef {
                digest: &self.model.1,
                version: &self.model.0,
            },
            n_rows: self.n_rows,
            node: stamp.node,
            scores: &self.scores,
            span_ms: stamp.span_ms,
            time_ms: stamp.time_ms,
            verdicts: VerdictLine {
                negative,
                positive,
                uncertain,
            },
        };
        // Texts and numbers always encode: writing to memory cannot fail.
        serde_json::to_vec(&line).unwrap_or_default()
    }
}

/// The bounds that the artifact's reference has, by feature.
fn reference_edges(reference: &Reference<'_>, n_features: usize) -> Vec<Vec<f32>> {
    let mut edges: Vec<Vec<f32>> = reference
        .features
        .iter()
        .map(|it| {
            let (words, _) = it.edges.as_chunks::<4>();
            words.iter().map(|it| f32::from_le_bytes(*it)).collect()
        })
        .collect();
    edges.resize(n_features, Vec::new());
    edges
}
