//! One look at a store: every record read once.

use std::collections::BTreeMap;

use picket_schema::limits::SCORE_BINS;
use picket_schema::record::{
    AggregateRecord, ModelName, PredictionRecord, Record, RecordKind, StatusRecord, VerdictCounts,
};

use super::accuracy::AccuracyTally;
use super::drift_view::DriftTally;
use super::known_models::KnownModels;
use super::live_view::{
    LabelView, LiveView, NodeSpool, NodeView, RecordsView, ScoreHistogram, Totals, VersionView,
    VolumeBin,
};
use super::options::MonitorOptions;
use super::shadow_view::ShadowTally;
use super::volumes::{self, VolumeTally};
use crate::records::{LabelTable, ReadCounts, RecordQuery, RecordStore, RecordsError};

/// The name of nodes that do not say theirs.
const UNNAMED: &str = "unnamed";

/// What is known of a node beside its volumes.
#[derive(Clone, Debug, Default)]
struct Node {
    last_seen_ms: u64,
    model: Option<(u64, ModelName)>,
    spool: Option<NodeSpool>,
}

/// Everything that is counted while records go by.
struct Tally<'t> {
    options: &'t MonitorOptions,
    known: &'t KnownModels,
    labels: &'t LabelTable,
    volumes: VolumeTally,
    accuracy: BTreeMap<ModelName, AccuracyTally>,
    shadows: ShadowTally,
    drift: DriftTally,
    nodes: BTreeMap<String, Node>,
    n_joined: u64,
    n_unknown_class: u64,
    /// Labels of the span by bin.
    labels_by_bin: BTreeMap<u64, u64>,
}

/// Looks at a store. Memory grows with the labels of the span, nodes, models and bins, not with the answers.
///
/// # Errors
/// [`RecordsError`] where the store cannot be read.
pub fn look(
    store: &dyn RecordStore,
    known: &KnownModels,
    options: &MonitorOptions,
) -> Result<LiveView, RecordsError> {
    let (labels, read_labels) = LabelTable::read(store, options.from_ms)?;
    let mut tally = Tally {
        options,
        known,
        labels: &labels,
        volumes: VolumeTally::default(),
        accuracy: BTreeMap::new(),
        shadows: ShadowTally::default(),
        drift: DriftTally::default(),
        nodes: BTreeMap::new(),
        n_joined: 0,
        n_unknown_class: 0,
        labels_by_bin: BTreeMap::new(),
    };
    let query = RecordQuery {
        kinds: RecordKind::ALL.to_vec(),
        from_ms: options.from_ms,
        to_ms: options.to_ms,
    };
    let mut read = store.read(&query, &mut |record| tally.add(&record))?;
    // What is no record was met by both readings; labels of the span too.
    read.n_records += read_labels.n_records;
    let n_again = tally.labels_by_bin.values().sum::<u64>();
    read.n_records -= n_again.min(read.n_records);
    Ok(tally.view(store, &read))
}

impl Tally<'_> {
    fn add(&mut self, record: &Record) {
        let node = record.node().unwrap_or(UNNAMED);
        let time_ms = match record {
            // The end of the window is when it was seen to live.
            Record::Aggregate(it) => it
                .time_ms
                .saturating_add(it.span_ms)
                .min(self.options.to_ms),
            other => other.time_ms(),
        };
        let seen = self.nodes.entry(node.to_owned()).or_default();
        seen.last_seen_ms = seen.last_seen_ms.max(time_ms);
        let model = match record {
            Record::Prediction(it) => Some(&it.model),
            Record::Aggregate(it) => Some(&it.model),
            Record::Status(it) => it.model.as_ref(),
            Record::Shadow(_) | Record::Label(_) => None,
        };
        if let Some(model) = model
            && seen
                .model
                .as_ref()
                .is_none_or(|(at, _)| *at <= record.time_ms())
        {
            seen.model = Some((record.time_ms(), model.clone()));
        }
        match record {
            Record::Prediction(it) => self.add_answer(node, it),
            Record::Aggregate(it) => self.add_aggregate(node, it),
            Record::Status(it) => self.add_status(node, it),
            Record::Shadow(it) => {
                let label = self.labels.get(&it.prediction);
                let classes = self.known.classes(&it.champion.model.digest);
                let is_positive = label.and_then(|label| is_positive(&label.class, classes?));
                self.shadows.add(it, is_positive);
            }
            Record::Label(it) => {
                let bin = self.options.bin_of(it.time_ms);
                *self.labels_by_bin.entry(bin).or_default() += 1;
            }
        }
    }

    fn add_answer(&mut self, node: &str, record: &PredictionRecord) {
        self.volumes.add_answer(node, record, self.options);
        let Some(label) = self.labels.get(&record.id) else {
            return;
        };
        self.n_joined += 1;
        let classes = self.known.classes(&record.model.digest);
        let Some(is_positive) = classes.and_then(|it| is_positive(&label.class, it)) else {
            self.n_unknown_class += 1;
            return;
        };
        let bin = self.options.bin_of(record.time_ms);
        let accuracy = self.accuracy.entry(record.model.clone()).or_default();
        accuracy.add(bin, record.verdict, is_positive);
    }

    fn add_aggregate(&mut self, node: &str, record: &AggregateRecord) {
        self.volumes.add_aggregate(node, record, self.options);
        self.drift.add(record, self.known, self.options);
    }

    fn add_status(&mut self, node: &str, record: &StatusRecord) {
        let Some(seen) = self.nodes.get_mut(node) else {
            return;
        };
        if seen.spool.is_none_or(|it| it.time_ms <= record.time_ms) {
            let fill = record.spool.bytes as f64 / record.spool.max_bytes.max(1) as f64;
            seen.spool = Some(NodeSpool {
                time_ms: record.time_ms,
                pending: record.spool.pending,
                dropped: record.spool.dropped,
                fill: fill.min(1.0),
            });
        }
    }

    /// The longest silent first.
    fn node_views(&self, by_node: &BTreeMap<String, (u64, VerdictCounts)>) -> Vec<NodeView> {
        let nodes = self.nodes.iter().map(|(name, node)| {
            let (n_rows, verdicts) = by_node.get(name).copied().unwrap_or_default();
            let model = node.model.as_ref().map(|(_, model)| model.clone());
            let release = model
                .as_ref()
                .and_then(|it| self.known.get(&it.digest)?.release);
            NodeView {
                node: name.clone(),
                last_seen_ms: node.last_seen_ms,
                silent_ms: self.options.to_ms.saturating_sub(node.last_seen_ms),
                model,
                release,
                n_rows,
                verdicts,
                spool: node.spool,
            }
        });
        let mut nodes: Vec<NodeView> = nodes.collect();
        nodes.sort_by_key(|it| it.last_seen_ms);
        nodes
    }

    fn view(mut self, store: &dyn RecordStore, read: &ReadCounts) -> LiveView {
        let options = self.options;
        let known = self.known;
        let drift = self.drift.views(known, options);
        let volumes = std::mem::take(&mut self.volumes).volumes();
        let mut totals = Totals {
            n_nodes: self.nodes.len() as u64,
            ..Totals::default()
        };
        let mut bins: BTreeMap<u64, VolumeBin> = BTreeMap::new();
        let mut scores = vec![0_u64; SCORE_BINS];
        let mut versions: BTreeMap<ModelName, VersionView> = BTreeMap::new();
        let mut by_node: BTreeMap<String, (u64, VerdictCounts)> = BTreeMap::new();
        for ((node, model), volume) in &volumes {
            totals.n_rows = totals.n_rows.saturating_add(volume.n_rows);
            volumes::add(&mut totals.verdicts, &volume.verdicts);
            for (sum, count) in scores.iter_mut().zip(&volume.scores) {
                *sum = sum.saturating_add(*count);
            }
            for (start_ms, verdicts) in &volume.bins {
                let bin = bins.entry(*start_ms).or_default();
                volumes::add(&mut bin.verdicts, verdicts);
            }
            let (n_rows, verdicts) = by_node.entry(node.clone()).or_default();
            *n_rows = n_rows.saturating_add(volume.n_rows);
            volumes::add(verdicts, &volume.verdicts);
            let version = versions
                .entry(model.clone())
                .or_insert_with(|| version_of(model, known));
            version.first_ms = version.first_ms.min(volume.first_ms);
            version.last_ms = version.last_ms.max(volume.last_ms);
            version.n_rows = version.n_rows.saturating_add(volume.n_rows);
            volumes::add(&mut version.verdicts, &volume.verdicts);
        }
        for (model, tally) in &self.accuracy {
            if let Some(version) = versions.get_mut(model) {
                version.accuracy = tally.view();
                version.accuracy_over_time = tally.over_time();
            }
        }
        let mut versions: Vec<VersionView> = versions.into_values().collect();
        versions.sort_by_key(|it| it.first_ms);
        let nodes = self.node_views(&by_node);
        let classes = known
            .newest()
            .map(|it| &it.model.model().artifact().schema.label);
        let reference = known.newest().map(|it| {
            let (counts, _) = it
                .model
                .model()
                .artifact()
                .reference
                .scores
                .as_chunks::<4>();
            let count = |it: &[u8; 4]| u64::from(u32::from_le_bytes(*it));
            counts.iter().map(count).collect()
        });
        LiveView {
            format: 1,
            generated_ms: options.to_ms,
            from_ms: options.from_ms,
            to_ms: options.to_ms,
            bin_ms: options.bin_ms,
            store: store.address(),
            positive_class: classes.map(|it| it.positive.name.clone()),
            negative_class: classes.map(|it| it.negative.name.clone()),
            totals,
            volumes: without_gaps(&bins, &self.labels_by_bin, options),
            scores: ScoreHistogram {
                counts: scores,
                reference: reference.unwrap_or_default(),
            },
            versions,
            shadows: self.shadows.views(),
            drift,
            nodes,
            labels: LabelView {
                counts: self.labels.counts(),
                n_joined: self.n_joined,
                n_unknown_class: self.n_unknown_class,
            },
            records: RecordsView {
                n_records: read.n_records,
                n_twice: read.n_twice,
                n_invalid: read.n_invalid.clone(),
            },
            alerts: Vec::new(),
        }
    }
}

/// Every bin of the span, also those without rows.
fn without_gaps(
    bins: &BTreeMap<u64, VolumeBin>,
    labels: &BTreeMap<u64, u64>,
    options: &MonitorOptions,
) -> Vec<VolumeBin> {
    let starts = (options.bin_of(options.from_ms)..options.to_ms).step_by(options.bin_ms as usize);
    starts
        .map(|start_ms| {
            let mut bin = bins.get(&start_ms).copied().unwrap_or_default();
            bin.start_ms = start_ms;
            let counts = bin.verdicts;
            bin.n_rows = counts
                .positive
                .saturating_add(counts.negative)
                .saturating_add(counts.uncertain);
            bin.n_labels = labels.get(&start_ms).copied().unwrap_or_default();
            bin
        })
        .collect()
}

fn version_of(model: &ModelName, known: &KnownModels) -> VersionView {
    let found = known.get(&model.digest);
    VersionView {
        model: model.clone(),
        release: found.and_then(|it| it.release),
        is_champion: found.is_some_and(|it| it.is_champion),
        is_known: found.is_some(),
        first_ms: u64::MAX,
        last_ms: 0,
        n_rows: 0,
        verdicts: VerdictCounts::default(),
        accuracy: None,
        accuracy_over_time: Vec::new(),
    }
}

/// Whether a label names the positive class; `None` for a class of neither name.
fn is_positive(class: &str, (positive, negative): (&str, &str)) -> Option<bool> {
    if class == positive {
        return Some(true);
    }
    (class == negative).then_some(false)
}
