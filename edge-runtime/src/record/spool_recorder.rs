//! Predictions and labels as records in the spool.

mod erasure;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderName;
use picket_record::{AggregateStamp, Histograms, LabelLine, ModelRef, PredictionLine, RecordMode};
use picket_schema::record::{
    ChampionAnswer, ModelName as OwnedModelName, Pseudonyms, Record, ShadowRecord, SpoolState,
    StatusRecord,
};
use picket_service::{
    Durable, IdSource, Label, NotRecorded, PredictionId, Predictions, Receipt, Recorder,
};
use picket_wasm_model::Scored;
use serde_json::json;

use super::ids::RandomIds;
use crate::spool::{Spool, SpoolError, Ticket};
use picket_telemetry::log;

/// Rows of a batch that are queued at a time; a larger batch waits for the disk between.
const ROWS_AT_A_TIME: usize = 4096;

/// Enough for a record without features.
const ROOM: usize = 384;

/// What is recorded, and how.
#[derive(Clone, Debug)]
pub struct RecorderConfig {
    /// How much of an answer is kept.
    pub mode: RecordMode,
    /// The request header that says where a row comes from.
    pub source_header: HeaderName,
    /// Without it sources are not recorded.
    pub pseudonyms: Option<Pseudonyms>,
    /// How long the histograms of one record span.
    pub window: Duration,
    /// The node's name; without one, a random one that the spool's folder keeps.
    pub node: Option<String>,
}

impl Default for RecorderConfig {
    /// Verdicts; the header `picket-source`, but no key; windows of five minutes.
    fn default() -> Self {
        Self {
            mode: RecordMode::default(),
            source_header: HeaderName::from_static("picket-source"),
            pseudonyms: None,
            window: Duration::from_mins(5),
            node: None,
        }
    }
}

/// Writes records to a spool.
#[derive(Debug)]
pub struct SpoolRecorder {
    spool: Arc<Spool>,
    config: RecorderConfig,
    ids: Arc<RandomIds>,
    window: Mutex<Window>,
    /// Milliseconds since 1970, by a clock that may be set at any time.
    clock: fn() -> u64,
}

#[derive(Debug, Default)]
struct Window {
    start_ms: u64,
    histograms: Option<Histograms>,
    /// The model that answered last.
    model: Option<OwnedModelName>,
    /// The window that a status was last written in.
    told_ms: Option<u64>,
}

impl SpoolRecorder {
    /// Records into a spool.
    #[must_use]
    pub fn new(spool: Arc<Spool>, config: RecorderConfig, ids: Arc<RandomIds>) -> Self {
        Self {
            spool,
            config,
            ids,
            window: Mutex::default(),
            clock: unix_ms,
        }
    }

    #[cfg(test)]
    pub(super) fn with_clock(mut self, clock: fn() -> u64) -> Self {
        self.clock = clock;
        self
    }

    /// Puts histograms whose window is over into the spool, and a status once a window; `now` ends every window.
    pub fn flush(&self, now: bool) {
        let mut window = self.window();
        let start_ms = self.window_start((self.clock)());
        if now || window.start_ms != start_ms {
            self.end(&mut window);
        }
        // The first window is not over yet: a program that runs for moments says nothing of itself.
        match window.told_ms.replace(start_ms) {
            Some(told_ms) if told_ms != start_ms && !now => self.tell_status(&window),
            _ => {}
        }
    }

    /// That this node lives, and what its spool holds.
    fn tell_status(&self, window: &Window) {
        let counters = self.spool.counters();
        let record = Record::Status(StatusRecord {
            id: self.ids.next_id().to_string(),
            time_ms: unix_ms(),
            node: self.config.node.clone(),
            model: window.model.clone(),
            spool: SpoolState {
                pending: counters.pending,
                dropped: counters.dropped(),
                bytes: counters.bytes,
                max_bytes: counters.max_bytes,
            },
        });
        self.append_one(&record, "status_not_recorded");
    }

    /// Whether single answers are recorded.
    #[must_use]
    pub fn records_answers(&self) -> bool {
        matches!(
            self.config.mode,
            RecordMode::Verdicts | RecordMode::VerdictsWithFeatures
        )
    }

    /// The pseudonym of where a request's rows come from, where sources are recorded.
    pub(crate) fn source(&self, headers: &http::HeaderMap) -> Option<String> {
        let pseudonyms = self.config.pseudonyms.as_ref()?;
        let source = headers.get(&self.config.source_header)?;
        Some(pseudonyms.of(source.as_bytes()))
    }

    /// Records what a challenger said of a prediction that was recorded.
    pub(crate) fn shadow(
        &self,
        (prediction, source): (PredictionId, Option<String>),
        champion: (&OwnedModelName, &Scored),
        challenger: (&OwnedModelName, &Scored),
    ) {
        let record = Record::Shadow(ShadowRecord {
            id: self.ids.next_id().to_string(),
            time_ms: unix_ms(),
            node: self.config.node.clone(),
            prediction: prediction.to_string(),
            model: challenger.0.clone(),
            verdict: challenger.1.verdict,
            score: challenger.1.score.0,
            margin: challenger.1.margin.0,
            champion: ChampionAnswer {
                model: champion.0.clone(),
                verdict: champion.1.verdict,
                score: champion.1.score.0,
            },
            source,
        });
        self.append_one(&record, "shadow_not_recorded");
    }

    /// Queues a record that nobody waits for.
    fn append_one(&self, record: &Record, event: &str) {
        let bytes = record.to_json().unwrap_or_default();
        if let Err(error) = self.spool.append([bytes.as_slice()]) {
            log("error", event, &[("reason", json!(error.to_string()))]);
        }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn window_start(&self, time_ms: u64) -> u64 {
        let span = (self.config.window.as_millis() as u64).max(1);
        time_ms / span * span
    }

    fn end(&self, window: &mut Window) {
        let Some(histograms) = window.histograms.take().filter(|it| it.n_rows() > 0) else {
            return;
        };
        let bytes = histograms.to_json(&AggregateStamp {
            id: self.ids.next_id(),
            node: self.config.node.as_deref(),
            time_ms: window.start_ms,
            span_ms: self.config.window.as_millis() as u64,
        });
        if let Err(error) = self.spool.append([bytes.as_slice()]) {
            // The window is lost: its rows were answered long ago.
            let fields = [
                ("n_rows", json!(histograms.n_rows())),
                ("reason", json!(error.to_string())),
            ];
            log("error", "aggregate_not_recorded", &fields);
        }
    }

    fn count(&self, made: &Predictions<'_>, time_ms: u64) {
        let start_ms = self.window_start(time_ms);
        let mut window = self.window();
        let goes_on = window.start_ms == start_ms
            && window
                .histograms
                .as_ref()
                .is_some_and(|it| it.is_of(made.model.digest()));
        if !goes_on {
            self.end(&mut window);
            window.start_ms = start_ms;
            window.model = Some(OwnedModelName {
                version: made.model.version().to_owned(),
                digest: made.model.digest().to_owned(),
            });
            window.histograms = Some(Histograms::new(made.model));
        }
        if let Some(histograms) = &mut window.histograms {
            histograms.add(made);
        }
    }

    /// Queues records that stand one after another.
    fn append(&self, records: &[u8], ends: &[usize]) -> Result<Ticket, NotRecorded> {
        let mut start = 0;
        let records = ends.iter().map(|end| {
            let record = &records[start..*end];
            start = *end;
            record
        });
        let appended = self.spool.append(records);
        appended.map_err(|error| not_recorded(&error))
    }

    fn append_rows(&self, made: &Predictions<'_>, time_ms: u64) -> Result<Ticket, NotRecorded> {
        let config = &self.config;
        let source = self.source(made.headers);
        let n_features = made.rows.len() / made.ids.len().max(1);
        let with_features = config.mode == RecordMode::VerdictsWithFeatures;
        let encode = |row_idx: usize, bytes: &mut Vec<u8>| {
            let scored = &made.scored[row_idx];
            let row = &made.rows[row_idx * n_features..(row_idx + 1) * n_features];
            let record = PredictionLine {
                id: made.ids[row_idx],
                time_ms,
                node: config.node.as_deref(),
                model: ModelRef::of(made.model),
                verdict: scored.verdict,
                score: scored.score.0,
                margin: scored.margin.0,
                source: source.as_deref(),
                features: with_features.then_some(row),
            };
            // Strings and numbers always encode: writing to memory cannot fail.
            let _ = serde_json::to_writer(&mut *bytes, &record);
            bytes.len()
        };
        let n_rows = made.ids.len();
        if n_rows == 1 {
            let mut bytes = Vec::with_capacity(ROOM);
            let end = encode(0, &mut bytes);
            return self.append(&bytes, &[end]);
        }
        let mut start = 0;
        loop {
            let end = (start + ROWS_AT_A_TIME).min(n_rows);
            let mut bytes = Vec::with_capacity(ROOM * (end - start));
            let ends: Vec<usize> = (start..end).map(|row| encode(row, &mut bytes)).collect();
            let ticket = self.append(&bytes, &ends)?;
            if end == n_rows {
                return Ok(ticket);
            }
            // So many rows come on a thread that may wait.
            ticket.wait().map_err(|reason| NotRecorded { reason })?;
            start = end;
        }
    }
}

impl Drop for SpoolRecorder {
    fn drop(&mut self) {
        self.flush(true);
    }
}

impl Recorder for SpoolRecorder {
    fn predictions(&self, made: &Predictions<'_>) -> Result<Option<Receipt>, NotRecorded> {
        let time_ms = (self.clock)();
        let receipt = match self.config.mode {
            RecordMode::Off => return Ok(None),
            RecordMode::Aggregates => None,
            RecordMode::Verdicts | RecordMode::VerdictsWithFeatures => {
                Some(receipt(self.append_rows(made, time_ms)?))
            }
        };
        self.count(made, time_ms);
        Ok(receipt)
    }

    fn labels(&self, labels: &[Label]) -> Result<Option<Receipt>, NotRecorded> {
        let time_ms = (self.clock)();
        let mut bytes = Vec::new();
        let encode = |label: &Label| {
            let record = LabelLine {
                id: self.ids.next_id(),
                time_ms,
                node: self.config.node.as_deref(),
                prediction: label.prediction,
                label: &label.class,
            };
            let _ = serde_json::to_writer(&mut bytes, &record);
            bytes.len()
        };
        let ends: Vec<usize> = labels.iter().map(encode).collect();
        Ok(Some(receipt(self.append(&bytes, &ends)?)))
    }

    fn write_metrics(&self, page: &mut String) {
        let counters = self.spool.counters();
        let total = |page: &mut String, name: &str, help: &str| {
            let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} counter\n");
        };
        for (name, help, value) in [
            (
                "picket_spool_accepted_total",
                "Records made durable; always delivered, pending and dropped together.",
                counters.accepted,
            ),
            (
                "picket_spool_delivered_total",
                "Records that the server has.",
                counters.delivered,
            ),
            (
                "picket_spool_refused_total",
                "Times that records were not taken: full, too slow a disk, or a failure of it.",
                self.spool.n_refused(),
            ),
            (
                "picket_spool_torn_bytes_total",
                "Bytes of cut writings found at the start.",
                counters.torn_bytes,
            ),
            (
                "picket_spool_quarantined_bytes_total",
                "Bytes found damaged at the start.",
                counters.quarantined_bytes,
            ),
        ] {
            total(page, name, help);
            let _ = writeln!(page, "{name} {value}");
        }
        let name = "picket_spool_dropped_total";
        total(
            page,
            name,
            "Records that will never be delivered, by reason.",
        );
        for (reason, value) in counters.dropped_by_reason() {
            let _ = writeln!(page, "{name}{{reason=\"{reason}\"}} {value}");
        }
        for (name, help, value) in [
            (
                "picket_spool_pending_records",
                "Records that wait.",
                counters.pending,
            ),
            (
                "picket_spool_bytes",
                "Bytes of the spool's segments.",
                counters.bytes,
            ),
            (
                "picket_spool_max_bytes",
                "Bytes that they may take.",
                counters.max_bytes,
            ),
            (
                "picket_spool_dead_letter_bytes",
                "Bytes of dead letters.",
                counters.dead_bytes,
            ),
        ] {
            let _ = write!(
                page,
                "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n"
            );
        }
    }
}

/// A ticket of the spool as the service knows it.
struct DurableTicket(Ticket);

impl Durable for DurableTicket {
    fn poll_durable(&self, context: &mut Context<'_>) -> Poll<Result<(), NotRecorded>> {
        self.0
            .poll(context)
            .map_err(|reason| NotRecorded { reason })
    }

    fn left(&self) -> &dyn std::any::Any {
        self
    }
}

fn receipt(ticket: Ticket) -> Receipt {
    Receipt(Arc::new(DurableTicket(ticket)))
}

fn not_recorded(error: &SpoolError) -> NotRecorded {
    NotRecorded {
        reason: error.to_string(),
    }
}

/// Milliseconds since 1970; 0 for a clock that stands before.
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |it| it.as_millis() as u64)
}
