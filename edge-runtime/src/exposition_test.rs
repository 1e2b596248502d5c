//! The whole page of `/metrics`, read as Prometheus does and held to its conventions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use picket_service::{Assets, HostMetrics, Limits, ServedModel, Service};
use picket_wasm_model::{Explanation, OwnedModel, Scored, Scorer};

use crate::fixture;
use crate::monotonic::Monotonic;
use crate::record::{RandomIds, RecordMode};
use crate::recording::{Recording, RecordingConfig, UploadConfig};
use crate::shadow::ShadowMetrics;
use crate::sync::{SyncError, SyncMetrics};

type Tested = Result<(), Box<dyn std::error::Error>>;

/// What a family is told to be, and its samples: name, labels, value.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Reads a page. Whatever Prometheus would not take, or families in pieces, is an error.
fn read(page: &str) -> Result<BTreeMap<String, Family>, String> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    let mut helped = BTreeSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or(line)?;
            let good = help.ends_with('.') && helped.insert(name.to_owned());
            good.then_some(())
                .ok_or(format!("help twice, or no sentence: {line}"))?;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or(line)?;
            let family = Family {
                kind: kind.to_owned(),
                samples: Vec::new(),
            };
            let new = families.insert(name.to_owned(), family).is_none();
            (new && helped.contains(name))
                .then_some(())
                .ok_or(format!("twice, or no help: {line}"))?;
            name.clone_into(&mut current);
        } else {
            let (name, labels, value) = sample(line).ok_or(format!("no sample: {line}"))?;
            let family = families
                .get_mut(&current)
                .ok_or(format!("no type: {line}"))?;
            let suffixes: &[&str] = match family.kind.as_str() {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            let own = suffixes
                .iter()
                .any(|suffix| name == format!("{current}{suffix}"));
            own.then_some(())
                .ok_or(format!("in the family {current}: {line}"))?;
            family.samples.push((name, labels, value));
        }
    }
    Ok(families)
}

fn sample(line: &str) -> Option<(String, BTreeMap<String, String>, f64)> {
    let (head, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, rest)) = head.split_once('{') else {
        return Some((head.to_owned(), BTreeMap::new(), value));
    };
    let mut rest = rest.strip_suffix('}')?;
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"")?;
        let mut end = None;
        let mut escaped = false;
        for (idx, c) in after.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    end = Some(idx);
                    break;
                }
                _ => {}
            }
        }
        let end = end?;
        labels
            .insert(label.to_owned(), after[..end].to_owned())
            .is_none()
            .then_some(())?;
        rest = after[end + 1..]
            .strip_prefix(',')
            .unwrap_or(&after[end + 1..]);
    }
    Some((name.to_owned(), labels, value))
}

/// What is wrong with a family by the conventions: the unit in full behind the name, `_total` behind a counter,
/// `_info` with the value 1, no label that says which machine this is.
fn faults(name: &str, family: &Family) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: &str| faults.push(format!("{name}: {what}"));
    let plain = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if !name.starts_with("picket_") || !plain(name) {
        fault("expected picket_ and lower case");
    }
    let words: Vec<&str> = name.split('_').collect();
    for unit in [
        "ms",
        "millis",
        "milliseconds",
        "micros",
        "us",
        "kb",
        "mb",
        "minutes",
        "hours",
        "percent",
    ] {
        if words.contains(&unit) {
            fault("expected a base unit: seconds, bytes or ratio");
        }
    }
    for unit in ["seconds", "bytes"] {
        let at = words.iter().position(|word| *word == unit);
        let behind = at.map(|at| words[at + 1..].to_vec());
        if behind.is_some_and(|it| !it.is_empty() && it != ["total"]) {
            fault("expected the unit at the end");
        }
    }
    match family.kind.as_str() {
        "counter" if !name.ends_with("_total") => fault("a counter ends in _total"),
        "gauge" | "histogram" if name.ends_with("_total") => fault("only a counter ends in _total"),
        "counter" | "gauge" | "histogram" => {}
        _ => fault("expected a counter, gauge or histogram"),
    }
    if family.samples.is_empty() {
        fault("no sample");
    }
    let mut seen = BTreeSet::new();
    for (sample, labels, value) in &family.samples {
        if !seen.insert((sample, labels)) {
            fault("a sample twice");
        }
        if name.ends_with("_info") && *value != 1.0 {
            fault("info is 1");
        }
        if family.kind != "gauge" && !sample.ends_with("_sum") && *value < 0.0 {
            fault("a count below 0");
        }
        for label in labels.keys() {
            if ["node", "host", "hostname", "instance", "device", "machine"]
                .contains(&label.as_str())
            {
                fault("which machine this is, the scraper knows");
            }
            if !plain(label) {
                fault("a label in lower case");
            }
        }
    }
    faults
}

/// Scores with the model itself.
struct Native(OwnedModel);

impl picket_service::Scoring for Native {
    fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, picket_service::ScoringError> {
        let scored = Scorer::new(self.0.model()).score_batch(rows);
        Ok(scored.expect("checked rows"))
    }

    fn explain(&self, _: &[f32]) -> Result<Explanation, picket_service::ScoringError> {
        let reason = "not in this test".to_owned();
        Err(picket_service::ScoringError::Unexplainable { reason })
    }
}

struct Both(SyncMetrics, Arc<ShadowMetrics>);

impl HostMetrics for Both {
    fn write(&self, page: &mut String) {
        self.0.write(page);
        self.1.write(page);
    }
}

/// The page of a host that does all that a host can do.
fn page() -> Result<String, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let recording = Recording::start(&RecordingConfig {
        folder: folder.path().join("spool"),
        spool: crate::spool::SpoolConfig::default(),
        recorder: crate::record::RecorderConfig {
            mode: RecordMode::Verdicts,
            ..crate::record::RecorderConfig::default()
        },
        upload: Some(UploadConfig {
            target: "http://127.0.0.1:9".to_owned(),
            token: Some("none".to_owned()),
            roots: None,
            pace: crate::upload::Pace::default(),
        }),
    })?;
    let sync = SyncMetrics::default();
    sync.serving(7, Duration::from_secs(3));
    sync.succeeded();
    let reason = "a \"reason\"".to_owned();
    sync.failed(&SyncError::Load { reason });
    sync.withheld(false);
    let shadow = Arc::new(ShadowMetrics::default());
    shadow.start(Some("b \"2\"\\"));
    let bytes = fixture::artifact(fixture::PHISHING)?;
    let model = ServedModel::decode(&bytes.clone().into())?;
    let scoring = Box::new(Native(OwnedModel::load(bytes)?));
    let clock = Box::new(Monotonic::new());
    let service = Service::new(model, scoring, Assets::new(), clock, Limits::default())
        .with_ids(Arc::new(RandomIds::new()?))
        .with_recorder(recording.recorder())
        .with_host_metrics(Arc::new(Both(sync, shadow)));
    for (path, body) in [
        ("/predict", "{\"features\":{}}"),
        ("/predict", "{"),
        ("/nowhere", ""),
    ] {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .body(Bytes::from(body))?;
        let mut response = service.handle(&request);
        if let Some(receipt) = response
            .extensions_mut()
            .remove::<picket_service::Receipt>()
        {
            tokio::runtime::Builder::new_current_thread()
                .build()?
                .block_on(receipt)?;
        }
    }
    let request = Request::get("/metrics").body(Bytes::new())?;
    Ok(String::from_utf8(service.handle(&request).body().to_vec())?)
}

#[test]
fn every_metric_keeps_to_the_conventions() -> Tested {
    let page = page()?;
    let families = read(&page)?;
    let faults: Vec<String> = families
        .iter()
        .flat_map(|(name, family)| faults(name, family))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}\n{page}");
    // Every room's families are among them.
    for name in [
        "picket_requests_total",
        "picket_request_seconds",
        "picket_rows_scored_total",
        "picket_model_info",
        "picket_spool_accepted_total",
        "picket_upload_tries_total",
        "picket_release_age_seconds",
        "picket_shadow_rows_total",
    ] {
        assert!(families.contains_key(name), "{name}: {page}");
    }
    // What the model did says which model.
    for name in [
        "picket_requests_total",
        "picket_request_seconds",
        "picket_rows_scored_total",
        "picket_model_bytes",
    ] {
        for (sample, labels, _) in &families[name].samples {
            assert!(labels.contains_key("model_version"), "{sample}");
        }
    }
    let counted: f64 = families["picket_requests_total"]
        .samples
        .iter()
        .map(|(.., value)| value)
        .sum();
    assert!((counted - 3.0).abs() < f64::EPSILON, "{page}");
    // A histogram's buckets grow up to its count.
    let seconds = &families["picket_request_seconds"].samples;
    let buckets: Vec<f64> = seconds
        .iter()
        .filter(|(name, labels, _)| name.ends_with("_bucket") && labels["route"] == "/predict")
        .map(|(.., value)| *value)
        .collect();
    assert!(
        buckets.is_sorted() && buckets.last() == Some(&2.0),
        "{buckets:?}"
    );
    Ok(())
}

#[test]
fn the_check_sees_what_breaks_the_conventions() {
    for (page, said) in [
        (
            "# HELP picket_a A.\n# TYPE picket_a counter\npicket_a 1\n",
            "_total",
        ),
        (
            "# HELP picket_a_total A.\n# TYPE picket_a_total gauge\npicket_a_total 1\n",
            "only a counter",
        ),
        (
            "# HELP picket_a_ms A.\n# TYPE picket_a_ms gauge\npicket_a_ms 1\n",
            "base unit",
        ),
        (
            "# HELP picket_seconds_a A.\n# TYPE picket_seconds_a gauge\npicket_seconds_a 1\n",
            "at the end",
        ),
        ("# HELP a A.\n# TYPE a gauge\na 1\n", "picket_"),
        (
            "# HELP picket_a A.\n# TYPE picket_a gauge\npicket_a{node=\"x\"} 1\n",
            "machine",
        ),
        (
            "# HELP picket_a A.\n# TYPE picket_a gauge\npicket_a 1\npicket_a 1\n",
            "twice",
        ),
        (
            "# HELP picket_a_info A.\n# TYPE picket_a_info gauge\npicket_a_info 2\n",
            "info is 1",
        ),
    ] {
        let families = read(page).expect(said);
        let found: Vec<String> = families
            .iter()
            .flat_map(|(name, family)| faults(name, family))
            .collect();
        assert!(
            found.iter().any(|it| it.contains(said)),
            "{said}: {found:?}"
        );
    }
    for broken in [
        "picket_a 1\n",
        "# TYPE picket_a gauge\npicket_a 1\n",
        "# HELP picket_a A.\n# TYPE picket_a gauge\npicket_b 1\n",
        "# HELP picket_a A.\n# TYPE picket_a gauge\npicket_a{x=\"1} 1\n",
        "# HELP picket_a A.\n# TYPE picket_a gauge\npicket_a one\n",
    ] {
        assert!(read(broken).is_err(), "{broken}");
    }
}
