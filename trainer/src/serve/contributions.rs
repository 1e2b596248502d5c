//! Which features speak for a threat in the rows that were taken for one most recently.

use std::collections::BTreeMap;

use picket_schema::Verdict;
use picket_schema::record::{PredictionRecord, Record, RecordKind};
use picket_wasm_model::Explainer;
use serde::Serialize;

use crate::monitor::{KnownModels, LiveView};
use crate::records::{RecordQuery, RecordStore, RecordsError};

/// Rows that are explained: enough for a ranking, few enough for models that are slow to explain.
const MAX_ROWS: usize = 200;
/// Features that are named.
const MAX_FEATURES: usize = 20;

/// Where the shares come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ContributionKind {
    /// Rows of the field, explained by the models that answered.
    Explained,
    /// No row is recorded: the importances in the model's card.
    Importances,
}

/// A feature's share of all that speaks for a threat.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct FeatureShare {
    pub(crate) feature: String,
    /// From 0 to 1; the shares of all features add up to 1.
    pub(crate) share: f64,
}

/// Which features speak for a threat, the strongest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Contributions {
    pub(crate) kind: ContributionKind,
    /// The version of the model that answered last.
    pub(crate) model: String,
    /// Rows explained.
    pub(crate) n_rows: u64,
    pub(crate) features: Vec<FeatureShare>,
}

impl Contributions {
    /// Explains the newest positive rows of the span; where no row is recorded, takes the importances of the model in
    /// charge. `None` where no model is known.
    pub(crate) fn of(
        store: &dyn RecordStore,
        known: &KnownModels,
        view: &LiveView,
    ) -> Result<Option<Self>, RecordsError> {
        let rows = newest_threats(store, known, view)?;
        Ok(explained(&rows, known).or_else(|| importances(known, view)))
    }
}

/// The newest positive rows that are recorded and whose model is known.
fn newest_threats(
    store: &dyn RecordStore,
    known: &KnownModels,
    view: &LiveView,
) -> Result<Vec<PredictionRecord>, RecordsError> {
    let query = RecordQuery {
        kinds: vec![RecordKind::Prediction],
        from_ms: view.from_ms,
        to_ms: view.to_ms,
    };
    let mut newest: BTreeMap<(u64, String), PredictionRecord> = BTreeMap::new();
    store.read(&query, &mut |record| {
        let Record::Prediction(record) = record else {
            return;
        };
        let is_wanted = record.verdict == Verdict::Positive
            && record.features.is_some()
            && known.get(&record.model.digest).is_some();
        if is_wanted {
            newest.insert((record.time_ms, record.id.clone()), record);
            if newest.len() > MAX_ROWS {
                newest.pop_first();
            }
        }
    })?;
    Ok(newest.into_values().collect())
}

fn explained(rows: &[PredictionRecord], known: &KnownModels) -> Option<Contributions> {
    let mut by_digest: BTreeMap<&str, Vec<&PredictionRecord>> = BTreeMap::new();
    for row in rows {
        by_digest.entry(&row.model.digest).or_default().push(row);
    }
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    let mut n_rows = 0;
    for (digest, rows) in by_digest {
        let model = known.get(digest)?.model.model();
        let mut explainer = Explainer::new(model);
        for row in rows {
            let values = row.features.as_deref().unwrap_or_default().iter();
            let values: Vec<f32> = values.map(|value| value.unwrap_or(f32::NAN)).collect();
            // A row of another length, or out of its domain, is no row of this model: whoever wrote it was wrong.
            let Ok(explanation) = explainer.explain(&values) else {
                continue;
            };
            n_rows += 1;
            let features = &model.schema().features;
            for (feature, contribution) in features.iter().zip(explanation.contributions) {
                *sums.entry(&feature.name).or_default() += contribution.max(0.0);
            }
        }
    }
    let model = rows.last()?.model.version.clone();
    let features = shares(sums.into_iter())?;
    Some(Contributions {
        kind: ContributionKind::Explained,
        model,
        n_rows,
        features,
    })
}

fn importances(known: &KnownModels, view: &LiveView) -> Option<Contributions> {
    let champion = view.versions.iter().find(|version| version.is_champion);
    let version = champion.or_else(|| view.versions.iter().max_by_key(|version| version.last_ms));
    let in_charge = version.and_then(|version| known.get(&version.model.digest));
    let artifact = in_charge
        .or_else(|| known.newest())?
        .model
        .model()
        .artifact();
    let names = artifact.schema.features.iter().map(|it| it.name.as_str());
    let features = shares(names.zip(artifact.card.importances.iter().copied()))?;
    Some(Contributions {
        kind: ContributionKind::Importances,
        model: artifact.card.name.clone(),
        n_rows: 0,
        features,
    })
}

/// The strongest features; `None` where nothing speaks for anything.
fn shares<'n>(sums: impl Iterator<Item = (&'n str, f64)>) -> Option<Vec<FeatureShare>> {
    let mut sums: Vec<(&str, f64)> = sums.collect();
    let total: f64 = sums.iter().map(|(_, sum)| sum).sum();
    if !(total.is_finite() && total > 0.0) {
        return None;
    }
    sums.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    sums.truncate(MAX_FEATURES);
    let share = |(feature, sum): (&str, f64)| FeatureShare {
        feature: feature.to_owned(),
        share: sum / total,
    };
    Some(sums.into_iter().map(share).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_come_first_and_shares_are_of_all() {
        let sums = (0..30).map(|idx| (["a", "b", "c"][idx % 3], if idx < 2 { 4.0 } else { 0.5 }));
        let found = shares(sums).unwrap();
        assert_eq!(found.len(), MAX_FEATURES);
        assert_eq!(
            (found[0].feature.as_str(), found[1].feature.as_str()),
            ("a", "b")
        );
        assert!((found[0].share - 4.0 / 22.0).abs() < 1e-12, "{found:?}");
        assert_eq!(shares([("a", 0.0)].into_iter()), None);
        assert_eq!(shares([("a", f64::NAN)].into_iter()), None);
    }
}
