//! What the service counts, in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the histogram's buckets, in seconds.
const BUCKETS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];

/// Counters since the service was made.
#[derive(Debug, Default)]
pub(crate) struct ServiceMetrics(Mutex<Counters>);

#[derive(Debug, Default)]
struct Counters {
    requests: BTreeMap<(String, &'static str, u16), u64>,
    seconds: BTreeMap<String, Histogram>,
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

impl ServiceMetrics {
    /// Counts an answered request. `route` is one of the routes' patterns, never a path that a client made up.
    pub(crate) fn observe(
        &self,
        route: &str,
        method: &'static str,
        status: u16,
        duration: Duration,
    ) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counters
            .requests
            .entry((route.to_owned(), method, status))
            .or_default() += 1;
        let histogram = counters.seconds.entry(route.to_owned()).or_default();
        let seconds = duration.as_secs_f64();
        histogram.count += 1;
        histogram.sum += seconds;
        for (bucket, bound) in histogram.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= bound);
        }
    }

    /// Requests that were refused for their tokens or roles.
    pub(crate) fn n_refused(&self) -> u64 {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = counters.requests.iter();
        let refused = refused.filter(|((_, _, status), _)| matches!(status, 401 | 403));
        refused.map(|(_, n)| n).sum()
    }

    /// The counters as text. Writing to a string cannot fail.
    pub(crate) fn write(&self, page: &mut String) {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        page.push_str("# HELP picket_trainer_requests_total Requests by route, method and status.\n# TYPE picket_trainer_requests_total counter\n");
        for ((route, method, status), n) in &counters.requests {
            let _ = writeln!(
                page,
                "picket_trainer_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}} {n}"
            );
        }
        page.push_str("# HELP picket_trainer_request_seconds How long requests took.\n# TYPE picket_trainer_request_seconds histogram\n");
        for (route, histogram) in &counters.seconds {
            for (bucket, bound) in histogram.buckets.iter().zip(BUCKETS) {
                let _ = writeln!(
                    page,
                    "picket_trainer_request_seconds_bucket{{route=\"{route}\",le=\"{bound}\"}} {bucket}"
                );
            }
            let (count, sum) = (histogram.count, histogram.sum);
            let _ = write!(
                page,
                "picket_trainer_request_seconds_bucket{{route=\"{route}\",le=\"+Inf\"}} {count}\n\
                 picket_trainer_request_seconds_sum{{route=\"{route}\"}} {sum}\n\
                 picket_trainer_request_seconds_count{{route=\"{route}\"}} {count}\n"
            );
        }
    }
}

/// Adds a family with one sample.
pub(crate) fn push_family(page: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    let _ = writeln!(
        page,
        "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
    );
}
