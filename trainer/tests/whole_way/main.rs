//! The whole pipeline with real servers: rows from a MongoDB collection, the run in MLflow, the release in a bucket.
//!
//! `cargo xtask test` starts MongoDB's and MLflow's servers and names them by `PICKET_MONGODB_URI` and
//! `PICKET_MLFLOW_URI`; the bucket is served by this process. Without them, or without `PICKET_DATA_DIR`, the tests say
//! what they skip.

#![cfg(all(feature = "mongodb", feature = "s3"))]
#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

#[path = "../publish/bucket_server.rs"]
mod bucket_server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bucket_server::{BUCKET, BucketServer, KEY, SECRET};
use serde_json::Value;

fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        println!("skipped: {name} is not set; cargo xtask test sets it");
    }
    value
}

fn data(file: &str) -> Option<PathBuf> {
    let place = PathBuf::from(variable("PICKET_DATA_DIR")?).join(file);
    if !place.is_file() {
        println!("skipped: {} is not there", place.display());
        return None;
    }
    Some(place)
}

fn schema(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../schema/schemas")
        .join(name)
}

fn trainer(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    for name in ["MONGODB_URI", "MONGO_DB_URL", "MLFLOW_TRACKING_URI"] {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .current_dir(folder)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn json_of(output: &Output) -> Value {
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Candidates that take a moment, not minutes.
const SEARCH: &str = r#"
[search]
folds = 3
[[search.candidates]]
model = "logistic"
[[search.candidates]]
model = "boosting"
n_trees = 60
max_depth = [4, 8]
"#;

#[test]
#[allow(
    clippy::too_many_lines,
    reason = "one journey, told from its start to its end"
)]
fn phishing_rows_go_from_a_collection_to_a_promoted_release() {
    let (Some(rows), Some(mongodb), Some(mlflow)) = (
        data("phishing.csv"),
        variable("PICKET_MONGODB_URI"),
        variable("PICKET_MLFLOW_URI"),
    ) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (path, schema) = (folder.path(), schema("phishing.toml"));
    let bucket = BucketServer::start();
    let endpoint = bucket.endpoint();
    let database = format!("picket_whole_way_{}", std::process::id());
    let experiment = format!("whole-way-{}", std::process::id());
    let variables = [
        ("MONGO_DB_URL", mongodb.as_str()),
        ("MLFLOW_TRACKING_URI", mlflow.as_str()),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "eu-central-1"),
    ];
    let rows = rows.to_str().unwrap();
    let schema = schema.to_str().unwrap();
    let pushed = trainer(
        path,
        &[
            "push-data",
            rows,
            "--schema",
            schema,
            "--database",
            &database,
            "--collection",
            "sites",
        ],
        &variables,
    );
    assert!(
        pushed.status.success(),
        "{}",
        String::from_utf8_lossy(&pushed.stderr)
    );
    let pipeline = format!(
        r#"
name = "{experiment}"
schema = "{schema}"
seed = 2
{SEARCH}
[data]
kind = "mongodb"
database = "{database}"
collection = "sites"
[publish]
to = "s3://{BUCKET}/phishing"
promote = true
allow-unsigned = true
"#
    );
    std::fs::write(path.join("pipeline.toml"), pipeline).unwrap();
    let outcome = json_of(&trainer(
        path,
        &["run", "pipeline.toml", "--json"],
        &variables,
    ));
    assert_eq!(outcome["outcome"]["accepted"], true, "{outcome}");
    let f1 = outcome["metrics"][0]["value"].as_f64().unwrap();
    assert!(f1 > 0.93, "F1 on rows that the model never saw: {f1}");
    assert!(outcome["tracking_page"].is_string(), "{outcome}");
    assert!(
        !outcome.to_string().contains(SECRET),
        "no secret in a report"
    );

    // The release in the bucket is the model of the run.
    let releases = trainer(
        path,
        &[
            "releases",
            "--at",
            &format!("s3://{BUCKET}/phishing"),
            "--json",
        ],
        &variables,
    );
    let releases = json_of(&releases);
    assert_eq!(releases[0]["is_champion"], true, "{releases}");
    assert_eq!(releases[0]["artifact"]["digest"], outcome["model_digest"]);
    assert_eq!(releases[0]["run_id"], outcome["run_id"]);

    // The order of a collection's rows is the server's, so only the rows are the same as the file's, not the bytes.
    let again = trainer(
        path,
        &["reproduce", outcome["folder"].as_str().unwrap()],
        &variables,
    );
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );

    // Next month's run meets the champion in the bucket; a server that is down costs nothing, and is told later.
    let down = [
        variables[0],
        ("MLFLOW_TRACKING_URI", "http://127.0.0.1:9"),
        variables[2],
        variables[3],
        variables[4],
        variables[5],
    ];
    let output = trainer(
        path,
        &["run", "pipeline.toml", "--seed", "3", "--json"],
        &down,
    );
    let next: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        matches!(output.status.code(), Some(0 | 3 | 4)),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(next["tracking_error"].is_string(), "{next}");
    let next_folder = next["folder"].as_str().unwrap();
    assert!(
        path.join(next_folder)
            .join("drift/drift_report.yaml")
            .is_file()
    );
    let replayed = json_of(&trainer(
        path,
        &["track", "--replay", next_folder, "--json"],
        &variables,
    ));
    assert_eq!(replayed[0]["is_sent"], true, "{replayed}");
}

#[test]
fn network_flows_go_through_with_categories_and_costs() {
    let Some(rows) = data("nsl-kdd.csv") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (path, schema) = (folder.path(), schema("nsl-kdd.toml"));
    let pipeline = format!(
        r#"
data = "{}"
schema = "{}"
seed = 2
{SEARCH}
[[search.candidates]]
model = "logistic"
transform = {{ impute = "median", encode = {{ target = {{ smoothing = 10.0 }} }}, scale = "standard" }}
[decide]
cost-fp = 1.0
cost-fn = 5.0
uncertain = 0.01
[evaluate]
slices = ["protocol_type"]
both-splits = false
"#,
        rows.display(),
        schema.display()
    );
    std::fs::write(path.join("pipeline.toml"), pipeline).unwrap();
    let outcome = json_of(&trainer(path, &["run", "pipeline.toml", "--json"], &[]));
    assert_eq!(outcome["outcome"]["accepted"], true, "{outcome}");
    let f1 = outcome["metrics"][0]["value"].as_f64().unwrap();
    assert!(f1 > 0.98, "F1 on rows that the model never saw: {f1}");
    let folder = path.join(outcome["folder"].as_str().unwrap());
    let evaluation: Value =
        serde_json::from_slice(&std::fs::read(folder.join("evaluate/evaluation.json")).unwrap())
            .unwrap();
    assert!(evaluation["slices"][0]["slices"].as_array().unwrap().len() >= 3);
    assert!((evaluation["threshold"].as_f64().unwrap() - 1.0 / 6.0).abs() < 1e-12);
    let candidates: Value =
        serde_json::from_slice(&std::fs::read(folder.join("search/candidates.json")).unwrap())
            .unwrap();
    let encoded = candidates["candidates"].as_array().unwrap().iter();
    let encoded = encoded
        .filter(|one| one["parameters"]["encode"].is_string())
        .count();
    assert!(encoded >= 1, "{candidates}");
}
