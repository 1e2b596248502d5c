//! What an instance last saw of the shared state, for `/metrics`. Nothing of a request is in it.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use picket_record::ShadowMetrics;
use picket_service::HostMetrics;

/// What was seen last.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The release that answers; 0 for the model in the component.
    pub release: u64,
    /// Why newer releases in the store are not served.
    pub damaged: Vec<String>,
    /// Whether the store could not be read when a release was looked for.
    pub store_failed: bool,
    /// Whether answers are withheld.
    pub withheld: bool,
    /// The version of the key set that releases are held against; 0 where there is none.
    pub key_set: u64,
    /// Whether key sets are there that do not follow each other.
    pub keys_broken: bool,
    /// Batches that wait for the collector.
    pub pending: usize,
    /// Batches that the collector rejected for good.
    pub dead: usize,
    /// Tries that failed since the last that did not.
    pub failures: u32,
    /// Records delivered by this instance.
    pub delivered: u64,
    /// Records that this instance saw rejected for good.
    pub rejected: u64,
}

/// What was seen last, for those who tell and those who ask.
#[derive(Debug, Default)]
pub struct StateMetrics {
    seen: Mutex<Seen>,
    /// How the challenger compares.
    pub shadow: Arc<ShadowMetrics>,
}

impl StateMetrics {
    /// What was seen, to change it.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what is known of the records.
    pub fn write_delivery(&self, page: &mut String) {
        let seen = self.seen();
        for (name, kind, help, value) in [
            (
                "picket_spin_pending_batches",
                "gauge",
                "Batches of records in the store that wait for the collector.",
                seen.pending as u64,
            ),
            (
                "picket_spin_dead_batches",
                "gauge",
                "Batches in the store with records that the collector rejected for good.",
                seen.dead as u64,
            ),
            (
                "picket_spin_failed_tries",
                "gauge",
                "Tries to deliver that failed since the last that did not.",
                u64::from(seen.failures),
            ),
            (
                "picket_spin_delivered_total",
                "counter",
                "Records that this instance delivered.",
                seen.delivered,
            ),
            (
                "picket_spin_rejected_total",
                "counter",
                "Records that the collector rejected for good, as this instance saw.",
                seen.rejected,
            ),
        ] {
            write(page, name, kind, help, value);
        }
    }
}

fn write(page: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
    );
}

impl HostMetrics for StateMetrics {
    fn write(&self, page: &mut String) {
        let seen = self.seen();
        for (name, help, value) in [
            (
                "picket_release_number",
                "The release being served; 0 for the model in the component.",
                seen.release,
            ),
            (
                "picket_release_damaged",
                "Newer releases in the store that cannot be served.",
                seen.damaged.len() as u64,
            ),
            (
                "picket_release_store_failed",
                "1 where the store could not be read when a release was looked for.",
                u64::from(seen.store_failed),
            ),
            (
                "picket_release_withheld",
                "1 while answers are withheld.",
                u64::from(seen.withheld),
            ),
            (
                "picket_key_set_version",
                "The key set that releases are held against; 0 where there is none.",
                seen.key_set,
            ),
            (
                "picket_key_set_broken",
                "1 where key sets are in the store that do not follow each other: no release is trusted then.",
                u64::from(seen.keys_broken),
            ),
        ] {
            write(page, name, "gauge", help, value);
        }
        drop(seen);
        self.shadow.write(page);
    }
}
