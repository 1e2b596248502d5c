//! Looks at the records of the field again and again: what the dashboard shows, what alerts are raised by and what may
//! trigger a training. Requests get what was seen last; they never wait for a store.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use picket_schema::record::RecordKind;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use crate::alert::{AlertState, Rules, Signal, Webhook};
use crate::error::TrainerError;
use crate::jobs::{LiveNumbers, TaskStatus, in_words};
use crate::monitor::{AlertView, KnownModels, LiveView, MonitorOptions, ReadReleases, look};
use crate::publish::open_store;
use crate::records::{RecordQuery, open_records};
use crate::serve::app::{App, Shared};
use crate::serve::contributions::Contributions;
use crate::serve::live::LiveRecords;
use crate::serve::route::{FeedbackStats, MAX_UNFINISHED};
use picket_telemetry::log;

/// How many of the newest releases' models are known.
const N_RELEASES: usize = 20;
/// Tasks that are looked at for failures, newest first.
const MAX_TASKS: usize = 200;
/// Refused requests count for so long.
const REFUSED_WINDOW_MS: u64 = 600_000;
/// What is said of a store that cannot be read; the reason may name paths of this machine, so the log has it.
const AWAY: &str = "the store cannot be read; the service's log says why";

/// What is looked at, and what is done about it.
#[derive(Debug)]
pub struct WatchSettings {
    /// Where records lie; none for a service that knows of no edges.
    pub store: Option<String>,
    /// Models that answer or did, beside those of the releases.
    pub models: Vec<PathBuf>,
    /// Where releases are.
    pub releases: Option<String>,
    /// The span that is looked at.
    pub span: Duration,
    /// How long a bin of time is.
    pub bin: Duration,
    /// How long a window of drift is.
    pub drift_window: Duration,
    /// How long to wait between two looks.
    pub every: Duration,
    /// When alerts are raised.
    pub rules: Rules,
    /// Who is told of them.
    pub webhook: Option<Webhook>,
}

impl Default for WatchSettings {
    /// No records; a week by the hour, drift in windows of six hours, every minute.
    fn default() -> Self {
        Self {
            store: None,
            models: Vec::new(),
            releases: None,
            span: Duration::from_hours(7 * 24),
            bin: Duration::from_hours(1),
            drift_window: Duration::from_hours(6),
            every: Duration::from_mins(1),
            rules: Rules::default(),
            webhook: None,
        }
    }
}

/// What was seen last.
#[derive(Clone, Debug, Default)]
struct Seen {
    view: Option<Arc<LiveView>>,
    contributions: Option<Contributions>,
    problem: Option<&'static str>,
    alerts: Vec<AlertView>,
    looked_ms: Option<u64>,
    n_failures: u64,
    live_json: Bytes,
    alerts_json: Bytes,
}

/// Looks at the records, and keeps what it saw.
#[derive(Debug)]
pub struct Watch {
    settings: WatchSettings,
    alerts: Mutex<AlertState>,
    refused: Mutex<Refused>,
    releases: Mutex<ReadReleases>,
    seen: RwLock<Seen>,
}

/// Requests that were refused for their tokens: how many in all, and when.
#[derive(Debug, Default)]
struct Refused {
    n_all: u64,
    lately: VecDeque<(u64, u64)>,
}

/// `GET /live`.
#[derive(Serialize)]
struct LiveAnswer<'a> {
    is_configured: bool,
    view: Option<&'a LiveView>,
    contributions: Option<&'a Contributions>,
    problem: Option<&'a str>,
}

/// `GET /alerts`.
#[derive(Serialize)]
struct AlertsAnswer<'a> {
    looked_ms: Option<u64>,
    alerts: &'a [AlertView],
}

fn now_ms() -> u64 {
    ms_since_1970(SystemTime::now())
}

fn ms_since_1970(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Watch {
    /// Nothing is seen yet.
    #[must_use]
    pub fn new(settings: WatchSettings, alerts: AlertState) -> Self {
        let watch = Self {
            settings,
            alerts: Mutex::new(alerts),
            refused: Mutex::default(),
            releases: Mutex::default(),
            seen: RwLock::default(),
        };
        watch.keep(Seen::default());
        watch
    }

    /// Looks until told to stop.
    pub async fn run(app: App, mut stopped: watch::Receiver<bool>) {
        let every = app.watch.settings.every.max(Duration::from_secs(1));
        loop {
            // What goes wrong is logged where it is found.
            let _ = app
                .blocking(|app| {
                    app.watch.look(app);
                    Ok(())
                })
                .await;
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                _ = stopped.changed() => return,
            }
        }
    }

    /// Looks once.
    fn look(&self, app: &Shared) {
        let now = now_ms();
        let mut seen = self.seen();
        match self.read(now) {
            Ok(None) => {}
            Ok(Some((view, contributions))) => {
                seen.view = Some(Arc::new(view));
                seen.contributions = contributions;
                seen.problem = None;
                seen.looked_ms = Some(now);
            }
            Err(error) => {
                log(
                    "error",
                    "look_failed",
                    &[("reason", json!(in_words(&error)))],
                );
                seen.problem = Some(AWAY);
                seen.n_failures += 1;
            }
        }
        let mut signals = self.service_signals(app, now);
        // What an old look said is not said again: an alert stays as it is while the store is away.
        if seen.problem.is_none()
            && let Some(view) = &seen.view
        {
            signals.extend(self.settings.rules.signals(view));
        }
        if self.settings.store.is_none() {
            seen.looked_ms = Some(now);
        }
        seen.alerts = self.apply(&signals, seen.problem.is_some(), now);
        self.keep(seen);
    }

    fn read(&self, now: u64) -> Result<Option<(LiveView, Option<Contributions>)>, TrainerError> {
        let settings = &self.settings;
        let Some(address) = &settings.store else {
            return Ok(None);
        };
        let store = open_records(address)?;
        let mut known = KnownModels::default();
        if let Some(releases) = &settings.releases {
            let store = open_store(releases)?;
            let read = self.releases.lock();
            let mut read = read.unwrap_or_else(PoisonError::into_inner);
            known.add_releases_knowing(store.as_ref(), N_RELEASES, &mut read)?;
        }
        for file in &settings.models {
            let name = file.display().to_string();
            let bytes = std::fs::read(file).map_err(|source| TrainerError::Read {
                file: name.clone(),
                source,
            })?;
            known.add(bytes, &name)?;
        }
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let (span, bin, window) = (
            ms(settings.span),
            ms(settings.bin),
            ms(settings.drift_window),
        );
        let options = MonitorOptions::new(now, span, bin, window);
        let view = look(store.as_ref(), &known, &options)?;
        let contributions = Contributions::of(store.as_ref(), &known, &view)?;
        Ok(Some((view, contributions)))
    }

    /// Raises and clears alerts, and tells of them.
    fn apply(&self, signals: &[Signal], is_store_away: bool, now: u64) -> Vec<AlertView> {
        let rules = &self.settings.rules;
        let mut state = self.alerts.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error: TrainerError| {
            log(
                "error",
                "alerts_failed",
                &[("reason", json!(in_words(&error)))],
            );
        };
        let transitions = if is_store_away {
            state.take_some(signals, rules, now)
        } else {
            state.take(signals, rules, now)
        };
        for transition in &transitions {
            log(
                "warn",
                "alert",
                &[
                    ("state", json!(transition.state)),
                    ("key", json!(transition.key)),
                    ("rule", json!(transition.rule)),
                    ("message", json!(transition.message)),
                ],
            );
        }
        // Written down before anybody is told, and after: what is told twice has the same id.
        state.save().unwrap_or_else(failed);
        match &self.settings.webhook {
            Some(webhook) => {
                if let Err(error) = webhook.tell(&mut state) {
                    log(
                        "warn",
                        "webhook_failed",
                        &[("reason", json!(error.to_string()))],
                    );
                }
            }
            None => state.tell_nobody(),
        }
        state.save().unwrap_or_else(failed);
        state.views(&transitions)
    }

    /// What is wrong with the service itself: failed pipelines, a queue near its bound, refused tokens.
    fn service_signals(&self, app: &Shared, now: u64) -> Vec<Signal> {
        let rule = &self.settings.rules.service;
        if !rule.enabled {
            return Vec::new();
        }
        let mut signals = vec![self.refused_signal(app, now)];
        let ids = match app.jobs.state.task_ids() {
            Ok(ids) => ids,
            Err(error) => {
                log(
                    "error",
                    "tasks_unreadable",
                    &[("reason", json!(in_words(&error)))],
                );
                return signals;
            }
        };
        let mut last: BTreeMap<String, (bool, String)> = BTreeMap::new();
        let mut n_unfinished = 0_usize;
        for id in ids.iter().rev().take(MAX_TASKS.max(MAX_UNFINISHED)) {
            let Ok(task) = app.jobs.state.task(id) else {
                continue;
            };
            let status = task.status();
            n_unfinished += usize::from(!status.is_end());
            if !matches!(status, TaskStatus::Success | TaskStatus::Failure) {
                continue;
            }
            let reason = task.end.and_then(|end| end.reason).unwrap_or_default();
            // Newest first: an earlier one says nothing any more.
            last.entry(task.request.config.name)
                .or_insert((status == TaskStatus::Failure, reason));
        }
        signals.extend(
            last.into_iter()
                .map(|(pipeline, (is_wrong, reason))| Signal {
                    key: format!("pipeline/{pipeline}"),
                    rule: "pipeline",
                    is_wrong,
                    message: format!("the last training of pipeline {pipeline} failed: {reason}"),
                    stays_unseen: false,
                }),
        );
        let fill = n_unfinished as f64 / MAX_UNFINISHED as f64;
        signals.push(Signal {
            key: "queue/trainings".to_owned(),
            rule: "queue",
            is_wrong: fill >= rule.max_queue_fill,
            message: format!("{n_unfinished} trainings have not ended; {MAX_UNFINISHED} are taken"),
            stays_unseen: false,
        });
        signals
    }

    fn refused_signal(&self, app: &Shared, now: u64) -> Signal {
        let n_all = app.metrics.n_refused();
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let n_new = n_all.saturating_sub(refused.n_all);
        refused.n_all = n_all;
        refused.lately.push_back((now, n_new));
        while let Some((at, _)) = refused.lately.front()
            && now.saturating_sub(*at) > REFUSED_WINDOW_MS
        {
            refused.lately.pop_front();
        }
        let n_lately: u64 = refused.lately.iter().map(|(_, n)| n).sum();
        Signal {
            key: "security/tokens".to_owned(),
            rule: "security",
            is_wrong: n_lately >= self.settings.rules.service.max_refused,
            message: format!("{n_lately} requests without a good token within ten minutes"),
            stays_unseen: false,
        }
    }

    fn seen(&self) -> Seen {
        self.seen
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn keep(&self, mut seen: Seen) {
        let live = LiveAnswer {
            is_configured: self.settings.store.is_some(),
            view: seen.view.as_deref(),
            contributions: seen.contributions.as_ref(),
            problem: seen.problem,
        };
        let alerts = AlertsAnswer {
            looked_ms: seen.looked_ms,
            alerts: &seen.alerts,
        };
        // Plain numbers and texts: they can always be written.
        let (live, alerts) = (serde_json::to_vec(&live), serde_json::to_vec(&alerts));
        seen.live_json = live.unwrap_or_default().into();
        seen.alerts_json = alerts.unwrap_or_default().into();
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// `GET /live`.
    pub(crate) fn live_json(&self) -> Bytes {
        self.seen().live_json
    }

    /// `GET /alerts`.
    pub(crate) fn alerts_json(&self) -> Bytes {
        self.seen().alerts_json
    }

    /// What was seen last, for `/metrics`.
    pub(crate) fn write_metrics(&self, page: &mut String) {
        let seen = self.seen();
        super::live_metrics::write(
            page,
            seen.view.as_deref(),
            &seen.alerts,
            seen.looked_ms.filter(|_| self.settings.store.is_some()),
            seen.n_failures,
        );
    }
}

impl LiveRecords for Arc<Watch> {
    fn feedback(&self) -> Result<FeedbackStats, TrainerError> {
        let Some(view) = self.seen().view else {
            return Ok(FeedbackStats {
                source: "none".to_owned(),
                ..FeedbackStats::default()
            });
        };
        let shares = view.versions.iter().filter_map(|it| it.accuracy);
        let (n_correct, of) = shares.fold((0, 0), |(n, of), it| {
            (n + it.accuracy.n, of + it.accuracy.of)
        });
        Ok(FeedbackStats {
            source: view.store.clone(),
            n_predictions: view.totals.n_rows,
            n_labels: view.labels.counts.n_labels,
            n_joined: view.labels.n_joined,
            n_correct,
            accuracy: (of > 0).then(|| n_correct as f64 / of as f64),
        })
    }
}

impl LiveNumbers for Arc<Watch> {
    /// Asks the store itself: a training's labels are counted exactly.
    fn n_labels_since(&self, time: SystemTime) -> Result<u64, TrainerError> {
        let Some(address) = &self.settings.store else {
            return Ok(0);
        };
        let query = RecordQuery {
            kinds: vec![RecordKind::Label],
            from_ms: ms_since_1970(time),
            to_ms: now_ms(),
        };
        let mut n_labels = 0;
        open_records(address)?.read(&query, &mut |_| n_labels += 1)?;
        Ok(n_labels)
    }

    fn accuracy_since(&self, time: SystemTime) -> Result<Option<(f64, u64)>, TrainerError> {
        let Some(view) = self.seen().view else {
            return Ok(None);
        };
        let since = ms_since_1970(time);
        let bins = view.versions.iter().flat_map(|it| &it.accuracy_over_time);
        let bins = bins.filter(|bin| bin.start_ms >= since);
        let (n, of) = bins.fold((0, 0), |(n, of), bin| {
            (n + bin.accuracy.n, of + bin.accuracy.of)
        });
        Ok((of > 0).then(|| (n as f64 / of as f64, of)))
    }

    fn drift_alert(&self) -> Result<Option<String>, TrainerError> {
        let alerts = self.seen().alerts;
        let drift = alerts
            .into_iter()
            .find(|it| it.rule == "drift" && it.state == "raised");
        Ok(drift.map(|it| it.message))
    }
}
