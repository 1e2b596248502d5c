//! How a challenger compares with the champion, for `/metrics`.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use picket_service::HostMetrics;
use picket_wasm_model::Scored;

/// Upper bounds of the histogram of the challenger's score less the champion's.
const DELTAS: [f64; 10] = [-0.5, -0.2, -0.1, -0.05, -0.01, 0.01, 0.05, 0.1, 0.2, 0.5];

/// What became of the challenger's scores, over all challengers since the start.
#[derive(Debug, Default)]
pub struct ShadowMetrics(Mutex<Counters>);

#[derive(Debug, Default)]
struct Counters {
    /// The challenger's version; none while there is no challenger.
    version: Option<String>,
    agreed: u64,
    disagreed: u64,
    left_out: u64,
    failed: u64,
    buckets: [u64; DELTAS.len()],
    sum: f64,
}

impl ShadowMetrics {
    /// Counts for another challenger from now on, or for none.
    pub fn start(&self, version: Option<&str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Counters {
            version: version.map(str::to_owned),
            ..Counters::default()
        };
    }
}

/// The counters as one challenger sees them: what it does after another has taken its place counts no more.
#[derive(Clone, Debug)]
pub struct ShadowTally {
    metrics: Arc<ShadowMetrics>,
    version: String,
}

impl ShadowTally {
    /// Counts for a challenger of that version.
    #[must_use]
    pub fn new(metrics: Arc<ShadowMetrics>, version: &str) -> Self {
        Self {
            metrics,
            version: version.to_owned(),
        }
    }

    /// Rows that the challenger did not see.
    pub fn left_out(&self, n_rows: u64) {
        self.count(|counters| counters.left_out += n_rows);
    }

    /// A row that the challenger could not score.
    pub fn failed(&self) {
        self.count(|counters| counters.failed += 1);
    }

    fn count(&self, count: impl FnOnce(&mut Counters)) {
        let mut counters = self
            .metrics
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if counters.version.as_ref() == Some(&self.version) {
            count(&mut counters);
        }
    }

    /// What both said of a row.
    pub fn compared(&self, champion: &Scored, challenger: &Scored) {
        let delta = challenger.score.0 - champion.score.0;
        self.count(|counters| {
            if champion.verdict == challenger.verdict {
                counters.agreed += 1;
            } else {
                counters.disagreed += 1;
            }
            counters.sum += delta;
            for (bucket, bound) in counters.buckets.iter_mut().zip(DELTAS) {
                *bucket += u64::from(delta <= bound);
            }
        });
    }
}

impl HostMetrics for ShadowMetrics {
    fn write(&self, page: &mut String) {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(version) = &counters.version else {
            return;
        };
        let version = version.replace('\\', "\\\\").replace('"', "\\\"");
        let version = version.replace('\n', "\\n");
        // Writing to a string cannot fail.
        let _ = page.write_str(
            "# HELP picket_shadow_rows_total Rows for the challenger, by what became of them.\n\
             # TYPE picket_shadow_rows_total counter\n",
        );
        for (result, count) in [
            ("agreed", counters.agreed),
            ("disagreed", counters.disagreed),
            ("left_out", counters.left_out),
            ("failed", counters.failed),
        ] {
            let _ = writeln!(
                page,
                "picket_shadow_rows_total{{result=\"{result}\",challenger_version=\"{version}\"}} {count}"
            );
        }
        let _ = page.write_str(
            "# HELP picket_shadow_score_delta The challenger's score less the champion's.\n\
             # TYPE picket_shadow_score_delta histogram\n",
        );
        let count = counters.agreed + counters.disagreed;
        let label = format!("challenger_version=\"{version}\"");
        for (bucket, bound) in counters.buckets.iter().zip(DELTAS) {
            let _ = writeln!(
                page,
                "picket_shadow_score_delta_bucket{{le=\"{bound}\",{label}}} {bucket}"
            );
        }
        let sum = counters.sum;
        let _ = write!(
            page,
            "picket_shadow_score_delta_bucket{{le=\"+Inf\",{label}}} {count}\n\
             picket_shadow_score_delta_sum{{{label}}} {sum}\n\
             picket_shadow_score_delta_count{{{label}}} {count}\n"
        );
    }
}
