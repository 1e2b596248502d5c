//! The dashboard of a service: its page, and what it is told of a made-up week in the field.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bench::Bench;
use crate::client::{Client, PATIENCE};
use crate::process::{Process, run};

/// Two models and a week of their records in the bench's folder; the arguments that a service needs for them.
pub(crate) fn field(bench: &Bench) -> Vec<String> {
    let text = |path: &Path| path.display().to_string();
    let rows = text(&bench.path("field.csv"));
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/schemas/phishing.toml");
    let (code, _, said) = run(&["sample", "--rows", "1500", "--seed", "3", "--out", &rows]);
    assert_eq!(code, Some(0), "{said}");
    let mut arguments = vec!["--store".to_owned(), text(&bench.path("records"))];
    let mut sample = vec!["sample", "--records", &arguments[1], "--seed", "5"];
    let models = [("old", "tree"), ("new", "logistic")].map(|(name, kind)| {
        let model = text(&bench.path(&format!("{name}.picket")));
        let schema = text(&schema);
        let train = [
            "train", "--data", &rows, "--schema", &schema, "--model", kind, "--name", name,
            "--out", &model,
        ];
        let (code, _, said) = run(&train);
        assert_eq!(code, Some(0), "{said}");
        model
    });
    for model in &models {
        sample.extend(["--model", model]);
    }
    let (code, _, said) = run(&sample);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("synthetic"), "{said}");
    // Made-up records never get among others.
    let (code, _, said) = run(&sample);
    assert_eq!(code, Some(2), "{said}");
    for model in models {
        arguments.extend(["--model".to_owned(), model]);
    }
    arguments
}

fn serve(bench: &Bench, more: &[String]) -> (Process, Client) {
    let mut arguments = bench.work_arguments();
    let pipeline = bench.pipeline().display().to_string();
    arguments.extend(
        [
            "--insecure-local",
            "--no-work",
            "--look-every",
            "1s",
            "--pipeline",
        ]
        .map(str::to_owned),
    );
    arguments.push(pipeline);
    arguments.extend_from_slice(more);
    let (process, url) = Process::serve(&arguments, None);
    (process, Client::new(&url, None))
}

fn wait_for(client: &Client, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let answer = client.get(path);
        assert_eq!(answer.status, 200, "{answer:?}");
        let found = answer.json();
        if is_there(&found) {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{path}: {found}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn a_week_in_the_field_is_shown_and_what_is_wrong_in_it_is_told() {
    let bench = Bench::small();
    let (process, client) = serve(&bench, &field(&bench));

    let home = client.get("/home");
    assert_eq!(home.status, 200);
    assert!(home.header("content-type").starts_with("text/html"));
    let policy = home.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let script = client.get("/home/main.js");
    assert!(
        script.header("content-type").starts_with("text/javascript"),
        "{script:?}"
    );
    for path in [
        "/home/nothing.js",
        "/home/..%2Findex.html",
        "/home/index.html",
    ] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }

    let live = wait_for(&client, "/live", |live| !live["view"].is_null());
    let view = &live["view"];
    assert_eq!(live["problem"], Value::Null);
    assert_eq!(
        view["versions"].as_array().unwrap().len(),
        2,
        "{}",
        view["versions"]
    );
    assert_eq!(view["shadows"].as_array().unwrap().len(), 1);
    assert!(
        view["totals"]["n_rows"].as_u64().unwrap() > 5000,
        "{}",
        view["totals"]
    );
    let accuracy = &view["versions"][1]["accuracy"]["accuracy"];
    assert!(
        accuracy["value"].as_f64().unwrap() > 0.8 && accuracy["of"].as_u64().unwrap() > 50,
        "{accuracy}"
    );
    let last = view["drift"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["model"]["version"] == "new")
        .unwrap();
    let top: Vec<&str> = last["top"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert!(
        top.contains(&"web_traffic") && top.contains(&"URL_Length"),
        "{top:?}"
    );
    let contributions = &live["contributions"];
    assert_eq!(contributions["kind"], "explained");
    assert_eq!(contributions["n_rows"], 200);
    let shares = contributions["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["share"].as_f64().unwrap());
    assert!(shares.clone().is_sorted_by(|a, b| a >= b) && shares.sum::<f64>() <= 1.0 + 1e-9);

    // The second look raises alerts.
    let alerts = wait_for(&client, "/alerts", |it| {
        it["alerts"].as_array().unwrap().len() >= 3
    });
    let rules: Vec<&str> = alerts["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["rule"].as_str().unwrap())
        .collect();
    for rule in ["drift", "node_silent", "spool"] {
        assert!(rules.contains(&rule), "{rules:?}");
    }
    assert!(
        !rules.contains(&"pipeline") && !rules.contains(&"security"),
        "{rules:?}"
    );

    let metrics = client.get("/metrics").body;
    for line in [
        "picket_alerts_raised{rule=\"node_silent\"} 1",
        "picket_live_scores_drifted{model=\"new\"",
        "picket_node_last_seen_timestamp_seconds{node=\"gate-3\"}",
        "picket_live_look_timestamp_seconds ",
        "picket_live_look_failures_total 0",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    let stats = client.get("/feedback/stats").json();
    assert!(
        stats["n_joined"].as_u64().unwrap() > 100 && stats["accuracy"].as_f64().unwrap() > 0.8,
        "{stats}"
    );

    // The store goes away: what was seen stays, the problem is said, no alert is cleared for it.
    std::fs::rename(bench.path("records"), bench.path("elsewhere")).unwrap();
    let away = wait_for(&client, "/live", |live| !live["problem"].is_null());
    assert!(!away["view"].is_null());
    std::thread::sleep(Duration::from_secs(4));
    let alerts = client.get("/alerts").json();
    assert!(
        alerts["alerts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["state"] == "raised")
            .count()
            >= 3,
        "{alerts}"
    );
    std::fs::rename(bench.path("elsewhere"), bench.path("records")).unwrap();
    wait_for(&client, "/live", |live| live["problem"].is_null());
    assert_eq!(process.terminate(), Some(0));
}

#[test]
fn a_failed_pipeline_and_tried_tokens_are_told_without_any_records() {
    let bench = Bench::small();
    let state = bench.state().display().to_string();
    let (code, secret, said) = run(&["token", "add", "ada", "--role", "admin", "--state", &state]);
    assert_eq!(code, Some(0), "{said}");
    let rules = bench.path("rules.toml");
    std::fs::write(&rules, "[service]\nmax_refused = 5\n").unwrap();
    let mut arguments = bench.work_arguments();
    let (pipeline, rules) = (
        bench.pipeline().display().to_string(),
        rules.display().to_string(),
    );
    arguments.extend(
        [
            "--look-every",
            "1s",
            "--pipeline",
            &pipeline,
            "--alert-rules",
            &rules,
        ]
        .map(str::to_owned),
    );
    let (process, url) = Process::serve(&arguments, None);
    let client = Client::new(&url, Some(secret.trim()));
    let stranger = Client::new(&url, Some("picket_of_nobody"));

    // The page is for everybody, what it shows is not.
    assert_eq!(stranger.get("/home").status, 200);
    for path in ["/live", "/alerts"] {
        assert_eq!(stranger.get(path).status, 401, "{path}");
    }
    let live = client.get("/live").json();
    assert_eq!(
        (&live["is_configured"], &live["view"]),
        (&false.into(), &Value::Null)
    );
    let raised = |rule: &'static str| {
        move |it: &Value| {
            it["alerts"]
                .as_array()
                .unwrap()
                .iter()
                .any(|it| it["rule"] == rule)
        }
    };
    for _ in 0..6 {
        stranger.get("/live");
    }
    wait_for(&client, "/alerts", raised("security"));
    // The rows go: the training that is asked for now fails.
    std::fs::remove_file(bench.path("rows.csv")).unwrap();
    let task = client.end_of(&client.train("{}"));
    assert_eq!(task["status"], "FAILURE", "{task}");
    let alerts = wait_for(&client, "/alerts", raised("pipeline"));
    let text = alerts.to_string();
    assert!(text.contains("the last training of pipeline"), "{text}");
    // They outlive the service.
    assert_eq!(process.terminate(), Some(0));
    let kept = std::fs::read_to_string(bench.state().join("alerts.json")).unwrap();
    assert!(kept.contains("pipeline/"), "{kept}");
}
