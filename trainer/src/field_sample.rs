//! Synthetic records of a week in the field: what the dashboard is tried with.
//!
//! Rows are those of [`Sampler`]; models that are given score them, so that verdicts, scores and explanations are real
//! ones of made-up rows. Three nodes answer by a daily rhythm. The older model answers at first; the newer looks on for a
//! day and then takes over. Half a day of the week has many threats, two features move in the last two days, and one
//! node falls silent with records in its spool: each panel and rule has something to show.

use picket_schema::limits::SCORE_BINS;
use picket_schema::record::{
    AggregateRecord, ChampionAnswer, FeatureCounts, LabelRecord, ModelName, PredictionRecord,
    Record, ShadowRecord, SpoolState, StatusRecord, VerdictCounts,
};
use picket_schema::{ArtifactDigest, Verdict};
use picket_wasm_model::{OwnedModel, RowError, Scored, Scorer};

use crate::error::TrainerError;
use crate::random::Random;
use crate::sample::Sampler;

const HOUR_MS: u64 = 3_600_000;
/// The nodes, and rows in an hour by day, in the mean.
const NODES: [(&str, f64); 3] = [("gate-1", 34.0), ("gate-2", 24.0), ("gate-3", 14.0)];
/// The node that falls silent, and how many hours ago.
const SILENT: (&str, u64) = ("gate-3", 7);
/// Hours before the end: the newer model looks on, takes over; features move; many threats come.
const LOOKS_ON: u64 = 96;
const TAKES_OVER: u64 = 72;
const MOVES: u64 = 48;
const ATTACK: std::ops::Range<u64> = 56..62;
/// The features that move, to a value that they have seldom.
const MOVED: [(&str, i32); 2] = [("web_traffic", 0), ("URL_Length", 0)];
/// One row of so many gets a label, and one label of so many is wrong.
const LABELLED: usize = 14;
const WRONG: usize = 60;
const SPOOL_BYTES: u64 = 2 << 20;

/// A model that answers.
#[derive(Clone, Copy, Debug)]
pub struct FieldModel<'m> {
    model: &'m OwnedModel,
}

impl<'m> From<&'m OwnedModel> for FieldModel<'m> {
    fn from(model: &'m OwnedModel) -> Self {
        Self { model }
    }
}

impl FieldModel<'_> {
    fn name(self) -> ModelName {
        ModelName {
            version: self.model.model().artifact().card.name.clone(),
            digest: ArtifactDigest::of(self.model.bytes()).to_string(),
        }
    }
}

/// What records are made of.
#[derive(Clone, Copy, Debug)]
pub struct FieldOptions {
    /// The same seed, models and end give the same records.
    pub seed: u64,
    /// The end, in milliseconds since 1970.
    pub to_ms: u64,
    /// How many hours before it the records begin.
    pub n_hours: u64,
}

struct Maker<'m> {
    options: FieldOptions,
    sampler: Sampler,
    random: Random,
    models: Vec<(ModelName, &'m OwnedModel, Scorer<'m, 'm>)>,
    /// Places in a row, and values.
    moved: Vec<(usize, i32)>,
    records: Vec<Record>,
}

/// Counts of one model on one node in one hour.
struct Window {
    model_idx: usize,
    n_rows: u64,
    verdicts: VerdictCounts,
    scores: Vec<u64>,
    features: Vec<FeatureCounts>,
}

/// Makes records, by their time. The last of the models is the newest; with one model nobody looks on.
///
/// # Errors
/// [`TrainerError::Usage`] for a model of other rows than [`Sampler`] draws.
pub fn field_sample(
    models: &[FieldModel<'_>],
    options: FieldOptions,
) -> Result<Vec<Record>, TrainerError> {
    let sampler = Sampler::new(options.seed)?;
    let digest = sampler.schema().digest();
    if models.is_empty()
        || models
            .iter()
            .any(|it| it.model.model().schema().digest() != digest)
    {
        return Err(TrainerError::Usage {
            option: "--model".to_owned(),
            expected: "expected models of the phishing schema, whose rows are drawn".to_owned(),
        });
    }
    let moved = MOVED.iter().filter_map(|(name, value)| {
        let feature_idx = sampler.schema().feature_idx(name)?;
        Some((feature_idx, *value))
    });
    let mut maker = Maker {
        options,
        moved: moved.collect(),
        sampler,
        random: Random::stream(options.seed, 3),
        models: models
            .iter()
            .map(|it| (it.name(), it.model, Scorer::new(it.model.model())))
            .collect(),
        records: Vec::new(),
    };
    for hours_before in (1..=options.n_hours).rev() {
        for (node, rate) in NODES {
            maker
                .hour(node, rate, hours_before)
                .map_err(|error| TrainerError::Usage {
                    option: "--model".to_owned(),
                    expected: format!("expected a model that scores drawn rows; {error}"),
                })?;
        }
    }
    let Maker { mut records, .. } = maker;
    records.retain(|record| record.time_ms() < options.to_ms);
    records.sort_by(|a, b| (a.time_ms(), a.id()).cmp(&(b.time_ms(), b.id())));
    Ok(records)
}

fn count(verdicts: &mut VerdictCounts, verdict: Verdict) {
    match verdict {
        Verdict::Positive => verdicts.positive += 1,
        Verdict::Negative => verdicts.negative += 1,
        Verdict::Uncertain => verdicts.uncertain += 1,
    }
}

impl Maker<'_> {
    fn id(&mut self) -> String {
        format!("{:016x}{:016x}", self.random.bits(), self.random.bits())
    }

    fn hour(&mut self, node: &str, rate: f64, hours_before: u64) -> Result<(), RowError> {
        let start_ms = self.options.to_ms - hours_before * HOUR_MS;
        if node == SILENT.0 && hours_before <= SILENT.1 {
            return Ok(());
        }
        let newest = self.models.len() - 1;
        let in_charge = if hours_before > TAKES_OVER { 0 } else { newest };
        let looks_on = newest > 0 && (TAKES_OVER + 1..=LOOKS_ON).contains(&hours_before);
        // Most rows come in the afternoon (UTC).
        let hour_of_day = (start_ms / HOUR_MS % 24) as f64;
        let day = libm::cos((hour_of_day - 14.0) / 24.0 * std::f64::consts::TAU);
        let is_attack = ATTACK.contains(&hours_before);
        let wanted = rate * (1.0 + 0.75 * day) * (0.8 + 0.4 * self.random.unit());
        let n_rows = wanted as u64 + if is_attack { rate as u64 } else { 0 };
        let mut window = self.window(in_charge);
        for row_idx in 0..n_rows {
            let is_of_attack = is_attack && row_idx >= wanted as u64;
            let (row, is_threat) = self.row(hours_before, is_of_attack);
            let time_ms = start_ms + self.random.below(HOUR_MS as usize) as u64;
            let scored = self.models[in_charge].2.score(&row)?;
            window.add(&row, scored);
            let prediction = self.answer(node, time_ms, in_charge, &row, scored);
            if looks_on {
                let challenger = self.models[newest].2.score(&row)?;
                self.shadow(
                    node,
                    time_ms,
                    &prediction,
                    newest,
                    challenger,
                    (in_charge, scored),
                );
            }
            if self.random.below(LABELLED) == 0 {
                self.label(time_ms, prediction, is_threat);
            }
        }
        self.close(node, start_ms, hours_before, window);
        Ok(())
    }

    /// A row, and whether it is a threat.
    fn row(&mut self, hours_before: u64, must_be_threat: bool) -> (Vec<f32>, bool) {
        let (mut row, mut is_threat) = self.draw();
        // Draws until it fits; a threat is about every second row.
        while must_be_threat && !is_threat {
            (row, is_threat) = self.draw();
        }
        if hours_before <= MOVES {
            for (feature_idx, value) in &self.moved {
                if self.random.below(5) < 2 {
                    row[*feature_idx] = *value;
                }
            }
        }
        (
            row.into_iter().map(|value| value as f32).collect(),
            is_threat,
        )
    }

    fn draw(&mut self) -> (Vec<i32>, bool) {
        let (row, label) = self.sampler.draw();
        let positive = &self.sampler.schema().label.positive;
        (row, positive.values.contains(&label.to_string()))
    }

    fn answer(
        &mut self,
        node: &str,
        time_ms: u64,
        model_idx: usize,
        row: &[f32],
        scored: Scored,
    ) -> String {
        let id = self.id();
        self.records.push(Record::Prediction(PredictionRecord {
            id: id.clone(),
            time_ms,
            node: Some(node.to_owned()),
            model: self.models[model_idx].0.clone(),
            verdict: scored.verdict,
            score: scored.score.0,
            margin: scored.margin.0,
            source: None,
            features: Some(row.iter().map(|value| Some(*value)).collect()),
        }));
        id
    }

    fn shadow(
        &mut self,
        node: &str,
        time_ms: u64,
        prediction: &str,
        model_idx: usize,
        scored: Scored,
        (champion_idx, champion): (usize, Scored),
    ) {
        let record = ShadowRecord {
            id: self.id(),
            time_ms,
            node: Some(node.to_owned()),
            prediction: prediction.to_owned(),
            model: self.models[model_idx].0.clone(),
            verdict: scored.verdict,
            score: scored.score.0,
            margin: scored.margin.0,
            champion: ChampionAnswer {
                model: self.models[champion_idx].0.clone(),
                verdict: champion.verdict,
                score: champion.score.0,
            },
            source: None,
        };
        self.records.push(Record::Shadow(record));
    }

    /// A label some hours later, seldom a wrong one.
    fn label(&mut self, time_ms: u64, prediction: String, is_threat: bool) {
        let is_said = is_threat != (self.random.below(WRONG) == 0);
        let label = &self.sampler.schema().label;
        let class = if is_said {
            &label.positive
        } else {
            &label.negative
        };
        let class = class.name.clone();
        let record = LabelRecord {
            id: self.id(),
            time_ms: time_ms + self.random.below(12 * HOUR_MS as usize) as u64,
            // Whoever judges does so at one node; a node that is silent takes no labels.
            node: Some(NODES[0].0.to_owned()),
            prediction,
            label: class,
        };
        self.records.push(Record::Label(record));
    }

    fn window(&self, model_idx: usize) -> Window {
        let artifact = self.models[model_idx].1.model().artifact();
        let features = artifact.schema.features.iter().enumerate();
        let features = features.map(|(feature_idx, feature)| {
            let reference = artifact.reference.features.get(feature_idx);
            let (words, _) = reference.map_or(&[][..], |it| &it.edges).as_chunks::<4>();
            let edges: Vec<f32> = words.iter().map(|it| f32::from_le_bytes(*it)).collect();
            FeatureCounts {
                name: feature.name.clone(),
                counts: vec![0; edges.len() + 2],
                edges,
            }
        });
        Window {
            model_idx,
            n_rows: 0,
            verdicts: VerdictCounts::default(),
            scores: vec![0; SCORE_BINS],
            features: features.collect(),
        }
    }

    /// Ends an hour: its counts, and what the node says of itself.
    fn close(&mut self, node: &str, start_ms: u64, hours_before: u64, window: Window) {
        let model = self.models[window.model_idx].0.clone();
        let aggregate = AggregateRecord {
            id: self.id(),
            time_ms: start_ms,
            span_ms: HOUR_MS,
            node: Some(node.to_owned()),
            model: model.clone(),
            n_rows: window.n_rows,
            verdicts: window.verdicts,
            scores: window.scores,
            features: window.features,
        };
        self.records.push(Record::Aggregate(aggregate));
        // Before it falls silent the node cannot deliver, and its spool fills.
        let hours_left = hours_before.saturating_sub(SILENT.1);
        let fill = match (node, hours_left) {
            (name, 1..=12) if name == SILENT.0 => 0.86 / 12.0 * (13 - hours_left) as f64,
            _ => 0.002 * self.random.unit(),
        };
        let bytes = (fill * SPOOL_BYTES as f64) as u64;
        let status = StatusRecord {
            id: self.id(),
            // Within the last minute of the hour, so that a node that lives was seen just now.
            time_ms: start_ms + HOUR_MS - 1 - self.random.below(60_000) as u64,
            node: Some(node.to_owned()),
            model: Some(model),
            spool: SpoolState {
                pending: bytes / 400,
                dropped: 0,
                bytes,
                max_bytes: SPOOL_BYTES,
            },
        };
        self.records.push(Record::Status(status));
    }
}

impl Window {
    fn add(&mut self, row: &[f32], scored: Scored) {
        self.n_rows += 1;
        count(&mut self.verdicts, scored.verdict);
        let bin = (scored.score.0 * SCORE_BINS as f64) as usize;
        self.scores[bin.min(SCORE_BINS - 1)] += 1;
        for (value, feature) in row.iter().zip(&mut self.features) {
            let bin = feature.edges.partition_point(|edge| edge < value);
            feature.counts[bin] += 1;
        }
    }
}
