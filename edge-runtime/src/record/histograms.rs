//! Counts of what was scored in a window of time: enough to see drift, no row in it.

use picket_schema::{Artifact, Verdict};
use picket_service::Predictions;
use serde_json::{Value, json};

/// The bins of the scores, of equal width.
const SCORE_BINS: usize = picket_schema::limits::SCORE_BINS;

/// Histograms of the features and scores of one model in one window.
#[derive(Clone, Debug)]
pub(super) struct Histograms {
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
    pub(super) n_rows: u64,
}

impl Histograms {
    /// Empty ones, with the bins of the model's reference; one bin a feature where the model has none.
    pub(super) fn new(made: &Predictions<'_>) -> Self {
        let schema = made.model.schema();
        let edges = reference_edges(made.model.artifact(), schema.n_features());
        Self {
            model: (
                made.model.version().to_owned(),
                made.model.digest().to_owned(),
            ),
            counts: edges.iter().map(|it| vec![0; it.len() + 2]).collect(),
            edges,
            names: schema.features.iter().map(|it| it.name.clone()).collect(),
            scores: vec![0; SCORE_BINS],
            verdicts: [0; 3],
            n_rows: 0,
        }
    }

    pub(super) fn is_of(&self, digest: &str) -> bool {
        self.model.1 == digest
    }

    pub(super) fn add(&mut self, made: &Predictions<'_>) {
        let n_features = self.edges.len().max(1);
        for row in made.rows.chunks_exact(n_features) {
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
        for scored in made.scored {
            let bin = (scored.score.0 * SCORE_BINS as f64) as usize;
            self.scores[bin.min(SCORE_BINS - 1)] += 1;
            let verdict = match scored.verdict {
                Verdict::Positive => 0,
                Verdict::Negative => 1,
                Verdict::Uncertain => 2,
            };
            self.verdicts[verdict] += 1;
        }
        self.n_rows += made.scored.len() as u64;
    }

    /// As a record, but for its id and time.
    pub(super) fn document(&self) -> Value {
        let features = self.names.iter().zip(&self.edges).zip(&self.counts);
        let features: Vec<Value> = features
            .map(|((name, edges), counts)| json!({"name": name, "edges": edges, "counts": counts}))
            .collect();
        let [positive, negative, uncertain] = self.verdicts;
        json!({
            "model": {"version": self.model.0, "digest": self.model.1},
            "n_rows": self.n_rows,
            "verdicts": {"positive": positive, "negative": negative, "uncertain": uncertain},
            "scores": self.scores,
            "features": features,
        })
    }
}

/// The bounds that the artifact's reference has, by feature.
fn reference_edges(artifact: &[u8], n_features: usize) -> Vec<Vec<f32>> {
    let decoded = Artifact::decode(artifact).ok();
    let reference = decoded.map(|it| it.reference);
    let mut edges: Vec<Vec<f32>> = reference
        .iter()
        .flat_map(|it| &it.features)
        .map(|it| {
            let (words, _) = it.edges.as_chunks::<4>();
            words.iter().map(|it| f32::from_le_bytes(*it)).collect()
        })
        .collect();
    edges.resize(n_features, Vec::new());
    edges
}
