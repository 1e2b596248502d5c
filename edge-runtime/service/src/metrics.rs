//! What the service counts, in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};

use crate::answer::VerdictCounts;
use crate::route::Route;
use crate::served_model::ServedModel;

/// Upper bounds of the histogram's buckets, in seconds: from a row's score to a large batch.
const BUCKETS: [f64; 10] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.05, 0.25, 1.0, 10.0,
];

/// What a host counts beside the service.
pub trait HostMetrics: Send + Sync {
    /// Adds families and samples in Prometheus' text format to the page of `/metrics`.
    fn write(&self, page: &mut String);
}

/// Counters since the service was made.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<Counters>);

#[derive(Debug, Default)]
struct Counters {
    requests: BTreeMap<(&'static str, &'static str, u16), u64>,
    seconds: BTreeMap<&'static str, Histogram>,
    request_bytes: u64,
    response_bytes: u64,
    rows: VerdictCounts,
    rejected: u64,
    failures: u64,
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

/// One request, when it is answered.
pub(crate) struct Observation {
    route: &'static str,
    method: &'static str,
    status: StatusCode,
    request_bytes: usize,
    response_bytes: usize,
}

impl Observation {
    pub(crate) fn of(
        method: &Method,
        route: Route,
        request_bytes: usize,
        response: &Response<Bytes>,
    ) -> Self {
        Self {
            route: route.label(),
            method: method_label(method),
            status: response.status(),
            request_bytes,
            response_bytes: response.body().len(),
        }
    }
}

impl Metrics {
    /// Counts a request that took `duration`; `None` where the host has no clock.
    pub(crate) fn observe(&self, seen: &Observation, duration: Option<Duration>) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counters
            .requests
            .entry((seen.route, seen.method, seen.status.as_u16()))
            .or_default() += 1;
        counters.request_bytes += seen.request_bytes as u64;
        counters.response_bytes += seen.response_bytes as u64;
        counters.rejected += u64::from(seen.status == StatusCode::UNPROCESSABLE_ENTITY);
        if let Some(duration) = duration {
            let seconds = duration.as_secs_f64();
            let histogram = counters.seconds.entry(seen.route).or_default();
            histogram.count += 1;
            histogram.sum += seconds;
            for (bucket, bound) in histogram.buckets.iter_mut().zip(BUCKETS) {
                *bucket += u64::from(seconds <= bound);
            }
        }
    }

    pub(crate) fn count_scorer_failure(&self) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.failures += 1;
    }

    pub(crate) fn count_rows(&self, counts: VerdictCounts) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.rows.positive += counts.positive;
        counters.rows.negative += counts.negative;
        counters.rows.uncertain += counts.uncertain;
    }

    /// The counters as text.
    pub(crate) fn text(&self, model: &ServedModel) -> String {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let version = label_value(model.version());
        let mut page = Page {
            out: String::new(),
            version,
        };
        page.family(
            "picket_requests_total",
            "counter",
            "Requests answered, by route, method and status.",
        );
        for ((route, method, status), count) in &counters.requests {
            let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
            page.sample("picket_requests_total", &labels, *count);
        }
        if !counters.seconds.is_empty() {
            page.family(
                "picket_request_seconds",
                "histogram",
                "Time from a request to its answer.",
            );
        }
        for (route, histogram) in &counters.seconds {
            for (bucket, bound) in histogram.buckets.iter().zip(BUCKETS) {
                let labels = format!("route=\"{route}\",le=\"{bound}\"");
                page.sample("picket_request_seconds_bucket", &labels, *bucket);
            }
            let labels = format!("route=\"{route}\",le=\"+Inf\"");
            page.sample("picket_request_seconds_bucket", &labels, histogram.count);
            let labels = format!("route=\"{route}\"");
            page.sample("picket_request_seconds_sum", &labels, histogram.sum);
            page.sample("picket_request_seconds_count", &labels, histogram.count);
        }
        page.single(
            "picket_request_body_bytes_total",
            "counter",
            "Bytes of request bodies.",
            counters.request_bytes,
        );
        page.single(
            "picket_response_body_bytes_total",
            "counter",
            "Bytes of response bodies.",
            counters.response_bytes,
        );
        page.family(
            "picket_rows_scored_total",
            "counter",
            "Rows scored, by verdict.",
        );
        let rows = counters.rows;
        for (verdict, count) in [
            ("positive", rows.positive),
            ("negative", rows.negative),
            ("uncertain", rows.uncertain),
        ] {
            page.sample(
                "picket_rows_scored_total",
                &format!("verdict=\"{verdict}\""),
                count,
            );
        }
        page.single(
            "picket_rejected_requests_total",
            "counter",
            "Requests whose rows did not fit the schema.",
            counters.rejected,
        );
        page.single(
            "picket_scorer_failures_total",
            "counter",
            "Requests that the scorer could not answer.",
            counters.failures,
        );
        page.single(
            "picket_model_bytes",
            "gauge",
            "Size of the model's artifact.",
            model.bytes.len() as u64,
        );
        page.family("picket_model_info", "gauge", "The model being served.");
        let labels = format!(
            "artifact_digest=\"{}\",schema=\"{}\"",
            model.digest(),
            label_value(&model.schema.name)
        );
        page.sample("picket_model_info", &labels, 1);
        page.out
    }
}

struct Page {
    out: String,
    /// Stands with every sample.
    version: String,
}

impl Page {
    // Writing to a string cannot fail, so the results below are let go.

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let comma = if labels.is_empty() { "" } else { "," };
        let version = &self.version;
        let _ = writeln!(
            self.out,
            "{name}{{{labels}{comma}model_version=\"{version}\"}} {value}"
        );
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.family(name, kind, help);
        self.sample(name, "", value);
    }
}

/// A method as a label: a client may invent methods, so the unknown ones share a label.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

fn label_value(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
