//! The trainer's dashboard on a server of its own, with answers of the API that were made up.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::page_site::www;
use crate::random::Random;
use crate::static_site::StaticSite;

const HOUR_MS: u64 = 3_600_000;
/// Bins of an hour in the span.
const N_BINS: u64 = 7 * 24;
/// When the look was taken: a Saturday in November.
const NOW_MS: u64 = 1_795_280_400_000;
const FROM_MS: u64 = NOW_MS - N_BINS * HOUR_MS;

/// The folder of the dashboard.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../trainer/dashboard")
}

/// Serves the dashboard as `trainer serve` does: the page at `home`, its files below, the API beside it.
///
/// # Panics
/// Where a file of it cannot be read.
#[must_use]
pub fn serve() -> StaticSite {
    let read = |path: PathBuf| {
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let site = StaticSite::serve(&folder().join("none"));
    site.put_html("home", read(folder().join("index.html")));
    for entry in std::fs::read_dir(folder()).expect("the dashboard's folder") {
        let path = entry.expect("a file of the dashboard").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        site.put(&format!("home/{name}"), read(path));
    }
    for (name, shared) in [
        ("element.js", "element.js"),
        ("number_text.js", "number_text.js"),
        ("page.css", "style.css"),
        ("icon.svg", "icon.svg"),
    ] {
        site.put(&format!("home/{name}"), read(www().join(shared)));
    }
    site.put_json("live", &live());
    site.put_json("alerts", &alerts());
    site.put_json("task", &tasks());
    site.put_json(
        "models",
        &json!({ "champion": 3, "challenger": 4, "releases": [] }),
    );
    site
}

/// An answer of a service that knows of no records.
#[must_use]
pub fn live_without_records() -> Value {
    json!({ "is_configured": false, "view": null, "contributions": null, "problem": null })
}

fn below(random: &mut Random, n: usize) -> u64 {
    random.below(n) as u64
}

fn share(n: u64, of: u64) -> Value {
    let value = n as f64 / of.max(1) as f64;
    let half = 1.96 * (value * (1.0 - value) / of.max(1) as f64).sqrt();
    json!({ "n": n, "of": of, "value": value, "low": (value - half).max(0.0), "high": (value + half).min(1.0) })
}

fn model(version: &str, digit: char) -> Value {
    json!({ "version": version, "digest": format!("sha256:{}", digit.to_string().repeat(64)) })
}

fn verdicts(positive: u64, negative: u64, uncertain: u64) -> Value {
    json!({ "positive": positive, "negative": negative, "uncertain": uncertain })
}

fn live() -> Value {
    let mut random = Random::new(11);
    let mut totals = [0_u64; 3];
    let volumes: Vec<Value> = (0..N_BINS)
        .map(|bin| {
            let day = (bin as f64 % 24.0 - 14.0) / 24.0 * std::f64::consts::TAU;
            let n = 120.0 + 90.0 * day.cos() + below(&mut random, 30) as f64;
            let attack = if (110..116).contains(&bin) { 90 } else { 0 };
            let positive = (n * 0.22) as u64 + below(&mut random, 9) + attack;
            let uncertain = below(&mut random, 8);
            let negative = n as u64;
            for (total, more) in totals.iter_mut().zip([positive, negative, uncertain]) {
                *total += more;
            }
            json!({
                "start_ms": FROM_MS + bin * HOUR_MS, "n_rows": positive + negative + uncertain,
                "verdicts": verdicts(positive, negative, uncertain), "n_labels": below(&mut random, 4),
            })
        })
        .collect();
    let [positive, negative, uncertain] = totals;
    let n_rows = positive + negative + uncertain;
    let scores: Vec<u64> = (0..20)
        .map(|bin: u64| bin.abs_diff(9).pow(3) * 4 + 20 + below(&mut random, 20))
        .collect();
    let reference: Vec<u64> = (0..20)
        .map(|bin: u64| bin.abs_diff(10).pow(3) * 3 + 30)
        .collect();
    json!({ "is_configured": true, "problem": null, "contributions": contributions(), "view": {
        "format": 1, "generated_ms": NOW_MS, "from_ms": FROM_MS, "to_ms": NOW_MS, "bin_ms": HOUR_MS,
        "store": "records (synthetic)", "positive_class": "phishing", "negative_class": "legitimate",
        "totals": { "n_rows": n_rows, "verdicts": verdicts(positive, negative, uncertain), "n_nodes": 3 },
        "volumes": volumes,
        "scores": { "counts": scores, "reference": reference },
        "versions": versions(n_rows), "shadows": shadows(), "drift": [drift(&mut random)], "nodes": nodes(),
        "labels": { "n_labels": 412, "n_joined": 398, "n_unknown_class": 0 },
        "records": { "n_records": n_rows + 2400, "n_twice": 3, "n_invalid": {} }, "alerts": [],
    } })
}

fn contributions() -> Value {
    let features = [
        ("having_Sub_Domain", 0.21),
        ("SSLfinal_State", 0.19),
        ("URL_of_Anchor", 0.16),
        ("web_traffic", 0.11),
        ("Prefix_Suffix", 0.08),
        ("Links_in_tags", 0.06),
        ("Request_URL", 0.05),
        ("SFH", 0.04),
        ("age_of_domain", 0.03),
        ("<b>not markup</b>", 0.02),
        ("Google_Index", 0.01),
    ];
    let features = features.map(|(feature, share)| json!({ "feature": feature, "share": share }));
    json!({ "kind": "explained", "model": "phishing 2", "n_rows": 300, "features": features })
}

fn versions(n_rows: u64) -> Value {
    let version = |name: &str,
                   digit,
                   release,
                   is_champion,
                   first: u64,
                   last: u64,
                   n: u64,
                   right: u64,
                   of: u64| {
        let days = (first / 24..=last / 24).map(|day| {
            let n_labels = of / 4;
            json!({ "start_ms": FROM_MS + day * 24 * HOUR_MS, "accuracy": share(n_labels * right / of - day % 3, n_labels) })
        });
        json!({
            "model": model(name, digit), "release": release, "is_champion": is_champion, "is_known": true,
            "first_ms": FROM_MS + first * HOUR_MS, "last_ms": FROM_MS + last * HOUR_MS, "n_rows": n,
            "verdicts": verdicts(n / 4, n * 7 / 10, n / 20),
            "accuracy": { "n_labelled": of + 6, "n_uncertain": 6, "accuracy": share(right, of),
                "recall": share(right / 3, of / 3), "precision": share(right / 3, of / 3 + 1) },
            "accuracy_over_time": days.collect::<Vec<_>>(),
        })
    };
    json!([
        version("phishing 1", 'a', 2, false, 0, 70, n_rows * 2 / 5, 141, 160),
        version(
            "phishing 2",
            'b',
            3,
            true,
            60,
            N_BINS - 1,
            n_rows * 3 / 5,
            221,
            238
        ),
    ])
}

fn shadows() -> Value {
    json!([{
        "champion": model("phishing 2", 'b'), "challenger": model("phishing 3", 'c'), "agreement": share(4660, 4810),
        "mean_delta": -0.012, "deltas": vec![0; 20],
        "paired": { "champion": share(110, 119), "challenger": share(112, 119),
            "test": { "only_first": 2, "only_second": 4, "p_value": 0.688, "is_exact": true } },
    }])
}

fn drift(random: &mut Random) -> Value {
    let names = [
        "web_traffic",
        "having_Sub_Domain",
        "URL_Length",
        "SSLfinal_State",
        "Request_URL",
        "URL_of_Anchor",
        "age_of_domain",
        "Google_Index",
        "Page_Rank",
        "Prefix_Suffix",
        "popUpWindow",
        "a_feature_with_a_name_that_is_long_enough_to_be_cut",
    ];
    let mut column = |idx: usize, name: &str| {
        let psi = [0.41, 0.17, 0.06]
            .get(idx)
            .copied()
            .unwrap_or(0.004 * (idx % 5) as f64);
        let history: Vec<Value> = (0..28_u64)
            .map(|window| {
                let psi = psi * if window > 17 { 1.4 } else { 0.2 } + below(random, 20) as f64 / 1000.0;
                json!({ "start_ms": FROM_MS + window * 6 * HOUR_MS, "n_rows": 700, "psi": psi, "q_value": 0.01, "has_drifted": psi > 0.1 })
            })
            .collect();
        let severity = ["large", "moderate", "small"]
            .get(idx)
            .copied()
            .unwrap_or("none");
        json!({
            "column": name, "statistic": 40.0, "p_value": 0.001, "q_value": 0.004, "psi": psi, "has_drifted": idx < 2,
            "severity": severity, "bins": ["up to -1", "over -1, up to 0", "over 0", "missing"],
            "reference": [400, 300, 1300, 0], "live": [800, 350, 640, 10], "history": history,
        })
    };
    let features: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(idx, name)| column(idx, name))
        .collect();
    json!({
        "model": model("phishing 2", 'b'), "n_live": 18_400, "n_reference": 8844, "n_unusable": 0, "alpha": 0.05, "min_psi": 0.1,
        "n_drifted": 2, "top": ["web_traffic", "having_Sub_Domain"], "scores": column(5, "score"), "features": features,
    })
}

fn nodes() -> Value {
    let node = |name: &str, silent_ms: u64, pending: u64, fill: f64| {
        json!({
            "node": name, "last_seen_ms": NOW_MS - silent_ms, "silent_ms": silent_ms, "model": model("phishing 2", 'b'),
            "release": 3, "n_rows": 8123, "verdicts": verdicts(1900, 6000, 223),
            "spool": { "time_ms": NOW_MS - silent_ms, "pending": pending, "dropped": 0, "fill": fill },
        })
    };
    json!([
        node("gate-3", 9 * HOUR_MS, 5120, 0.86),
        node("gate-1", 40_000, 12, 0.01),
        node("gate-2", 15_000, 0, 0.0)
    ])
}

fn alerts() -> Value {
    json!({ "looked_ms": NOW_MS, "alerts": [
        { "key": "node_silent/gate-3", "rule": "node_silent", "state": "raised", "since_ms": NOW_MS - 8 * HOUR_MS,
          "message": "node gate-3 has sent nothing for 32400 s" },
        { "key": "drift/b", "rule": "drift", "state": "raised", "since_ms": NOW_MS - 60 * HOUR_MS,
          "message": "2 features of model phishing 2 have drifted: web_traffic, having_Sub_Domain" },
    ] })
}

fn tasks() -> Value {
    let task = |id: &str,
                status: &str,
                result: Value,
                progress: Value,
                started: Option<&str>,
                finished: Option<&str>| {
        json!({
            "task_id": id, "status": status, "result": result, "progress": progress, "pipeline": "phishing", "run_id": id,
            "worker": "w1", "attempt": 1, "cancel_requested": false, "by": "ana", "cause": "request",
            "created": "2026-11-21T09:30:00Z", "started": started, "finished": finished,
        })
    };
    let progress = json!({ "stage": "search", "percent": 62.0, "eta_s": 140.0, "updated": "2026-11-21T09:40:00Z",
        "best": { "candidate_idx": 4, "model": "boost", "metric": "f1", "mean": 0.951 } });
    let done = json!({ "run_id": "r", "model_digest": "sha256:0123456789abcdef", "algorithm": "boost", "metrics": [], "outcome": null });
    json!({ "total": 3, "tasks": [
        task("0199-aaaa-1", "STARTED", Value::Null, progress, Some("2026-11-21T09:31:00Z"), None),
        task("0198-bbbb-2", "SUCCESS", done, Value::Null, Some("2026-11-21T08:31:00Z"), Some("2026-11-21T08:44:00Z")),
        task("0197-cccc-3", "FAILURE", json!("rows.csv: row 17, column Result: found \"2\"; expected -1 or 1"), Value::Null,
            Some("2026-11-20T08:31:00Z"), Some("2026-11-20T08:31:04Z")),
    ] })
}
