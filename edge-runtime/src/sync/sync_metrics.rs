//! What the sync counts, for `/metrics`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use picket_service::HostMetrics;

use super::sync_error::SyncError;

/// Counters of the sync.
#[derive(Debug, Default)]
pub struct SyncMetrics(Mutex<Counters>);

#[derive(Debug, Default)]
struct Counters {
    release: u64,
    /// When the source last confirmed the release, and how old that was then.
    confirmed: Option<(Instant, Duration)>,
    last: Option<&'static str>,
    polls: BTreeMap<&'static str, u64>,
    refused: BTreeMap<&'static str, u64>,
    stale: bool,
}

impl SyncMetrics {
    /// A release is served, which the source confirmed so long ago.
    pub fn serving(&self, release: u64, age: Duration) {
        let mut counters = self.lock();
        counters.release = release;
        counters.confirmed = Some((Instant::now(), age));
    }

    /// A poll ended well.
    pub fn succeeded(&self) {
        self.ended("ok");
    }

    /// A poll ended with an error.
    pub fn failed(&self, error: &SyncError) {
        self.ended(error.cause());
        if error.is_refusal() {
            *self.lock().refused.entry(error.cause()).or_default() += 1;
        }
    }

    /// Whether answers are withheld because the release is too old or revoked.
    pub fn withheld(&self, stale: bool) {
        self.lock().stale = stale;
    }

    fn ended(&self, result: &'static str) {
        let mut counters = self.lock();
        counters.last = Some(result);
        *counters.polls.entry(result).or_default() += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HostMetrics for SyncMetrics {
    fn write(&self, page: &mut String) {
        let counters = self.lock();
        // Writing to a string cannot fail.
        let mut family = |name: &str, kind: &str, help: &str, samples: Vec<(String, f64)>| {
            if samples.is_empty() {
                return;
            }
            let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for (labels, value) in samples {
                let _ = writeln!(page, "{name}{labels} {value}");
            }
        };
        let by = |label: &str, counts: &BTreeMap<&'static str, u64>| {
            let sample = |(value, count): (&&'static str, &u64)| {
                (format!("{{{label}=\"{value}\"}}"), *count as f64)
            };
            counts.iter().map(sample).collect::<Vec<_>>()
        };
        family(
            "picket_release_number",
            "gauge",
            "The release being served; 0 where none is.",
            vec![(String::new(), counters.release as f64)],
        );
        let age = counters.confirmed.map(|(at, age)| at.elapsed() + age);
        family(
            "picket_release_age_seconds",
            "gauge",
            "Time since the source confirmed the release being served.",
            age.map(|age| (String::new(), age.as_secs_f64()))
                .into_iter()
                .collect(),
        );
        family(
            "picket_release_withheld",
            "gauge",
            "1 where answers are withheld: the release is too old or revoked.",
            vec![(String::new(), f64::from(u8::from(counters.stale)))],
        );
        family(
            "picket_release_polls_total",
            "counter",
            "Polls of the source, by result.",
            by("result", &counters.polls),
        );
        let last = counters.last.map(|result| {
            let labels = format!("{{result=\"{result}\"}}");
            (labels, 1.0)
        });
        family(
            "picket_release_last_poll_info",
            "gauge",
            "The result of the last poll.",
            last.into_iter().collect(),
        );
        family(
            "picket_release_refused_total",
            "counter",
            "Releases and key sets refused, by cause.",
            by("cause", &counters.refused),
        );
    }
}
