//! Shadow mode: a challenger looks at a share of the rows after their answer went out, and never answers.

use picket_record::{ShadowShare, ShadowTally};
use picket_schema::record::{ChampionAnswer, ModelName, Record, ShadowRecord};
use picket_service::{IdSource, PredictionId, Predictions, Scoring as _, ServedModel, only};
use picket_wasm_model::{OwnedModel, Scored};

use crate::record::Batches;

/// The most rows of one request that a challenger looks at.
const MAX_ROWS: usize = 1024;

/// A row that a challenger is shown.
#[derive(Clone, Debug)]
pub struct ShownRow {
    values: Vec<f32>,
    champion: Scored,
    prediction: PredictionId,
    source: Option<String>,
}

/// The rows of a request that its challenger is shown.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    rows: Vec<ShownRow>,
    n_left_out: u64,
}

impl Shown {
    /// Chooses rows of what is about to be answered.
    #[must_use]
    pub fn choose(made: &Predictions<'_>, share: &ShadowShare, source: Option<&str>) -> Self {
        let n_features = (made.rows.len() / made.ids.len().max(1)).max(1);
        let rows = made.rows.chunks_exact(n_features);
        let mut shown = Self::default();
        for ((values, scored), id) in rows.zip(made.scored).zip(made.ids) {
            if !share.takes(values) {
                continue;
            }
            if shown.rows.len() == MAX_ROWS {
                shown.n_left_out += 1;
                continue;
            }
            shown.rows.push(ShownRow {
                values: values.to_vec(),
                champion: *scored,
                prediction: *id,
                source: source.map(str::to_owned),
            });
        }
        shown
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// The challenger of a release.
#[derive(Debug)]
pub struct Challenger {
    model: OwnedModel,
    share: ShadowShare,
    champion: ModelName,
    name: ModelName,
    tally: ShadowTally,
}

/// What stands in the records of a challenger's answers.
#[derive(Clone, Copy, Debug)]
pub struct ShadowStamp<'a> {
    /// The node's name.
    pub node: Option<&'a str>,
    /// The time in milliseconds since 1970.
    pub now_ms: u64,
}

impl Challenger {
    /// Puts a challenger beside a champion.
    #[must_use]
    pub fn new(
        model: OwnedModel,
        share: ShadowShare,
        champion: &ServedModel,
        tally: impl FnOnce(&str) -> ShadowTally,
    ) -> Self {
        let name = ModelName {
            version: model.model().artifact().card.name.clone(),
            digest: picket_schema::ArtifactDigest::of(model.bytes()).to_string(),
        };
        Self {
            share,
            champion: ModelName {
                version: champion.version().to_owned(),
                digest: champion.digest().to_owned(),
            },
            tally: tally(&name.version),
            name,
            model,
        }
    }

    /// Its version and digest.
    #[must_use]
    pub fn name(&self) -> &ModelName {
        &self.name
    }

    /// Which rows it looks at.
    #[must_use]
    pub fn share(&self) -> &ShadowShare {
        &self.share
    }

    /// Scores rows and compares. Gives a record of each where there is a stamp.
    #[must_use]
    pub fn compare(
        &self,
        shown: &Shown,
        stamp: Option<ShadowStamp<'_>>,
        ids: &dyn IdSource,
    ) -> Batches {
        let mut batches = Batches::default();
        if shown.n_left_out > 0 {
            self.tally.left_out(shown.n_left_out);
        }
        for row in &shown.rows {
            let Ok(scored) = self.model.score(&row.values).and_then(|it| only(&it)) else {
                self.tally.failed();
                continue;
            };
            self.tally.compared(&row.champion, &scored);
            let Some(stamp) = stamp else { continue };
            // One that is too large tells of a model whose name is: it is left out.
            let _ = batches.push(&Record::Shadow(ShadowRecord {
                id: ids.next_id().to_string(),
                time_ms: stamp.now_ms,
                node: stamp.node.map(str::to_owned),
                prediction: row.prediction.to_string(),
                model: self.name.clone(),
                verdict: scored.verdict,
                score: scored.score.0,
                margin: scored.margin.0,
                champion: ChampionAnswer {
                    model: self.champion.clone(),
                    verdict: row.champion.verdict,
                    score: row.champion.score.0,
                },
                source: row.source.clone(),
            }));
        }
        batches
    }
}

#[cfg(test)]
#[path = "challenger_test.rs"]
mod tests;
