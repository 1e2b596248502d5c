//! MLflow's REST API, as much of it as a run needs.

use std::fmt::Write;
use std::fs::File;

use serde_json::{Value, json};

use crate::track::client::{ALREADY_EXISTS, Client, DOES_NOT_EXIST};
use crate::track::error::TrackError;
use crate::track::tracked_run::{DatasetInput, LoggedMetric, RunStatus, TrackedRun};

const API: &str = "/api/2.0/mlflow";
/// The tag by which a run is found again.
const RUN_ID_TAG: &str = "picket.run_id";
/// MLflow takes this many parameters in one request.
pub(super) const MAX_PARAMS: usize = 100;
/// MLflow takes this many metrics in one request.
pub(super) const MAX_METRICS: usize = 1000;
/// MLflow takes this many tags in one request.
pub(super) const MAX_TAGS: usize = 100;
/// Every version of MLflow takes values this long, in characters.
const MAX_VALUE_CHARS: usize = 500;
const MAX_KEY_CHARS: usize = 250;
const MAX_DIGEST_CHARS: usize = 36;
/// The largest schema that MLflow keeps, in characters.
const MAX_SCHEMA_CHARS: usize = 65_535;

/// A run of the server.
pub(super) struct ServerRun {
    pub(super) id: String,
    pub(super) artifact_uri: String,
}

/// The experiment's id; it is made where it is not there.
pub(super) fn experiment(client: &Client<'_>, name: &str) -> Result<String, TrackError> {
    let by_name = format!("{API}/experiments/get-by-name");
    let find = || {
        let answer = client.get(&by_name, &[("experiment_name", name)])?;
        string(
            &answer["experiment"]["experiment_id"],
            &by_name,
            "an experiment_id",
        )
    };
    match find() {
        Err(error) if error.has_code(DOES_NOT_EXIST) => {}
        found => return found,
    }
    let create = format!("{API}/experiments/create");
    match client.post(&create, &json!({ "name": name })) {
        Ok(answer) => string(&answer["experiment_id"], &create, "an experiment_id"),
        // Somebody else made it in between.
        Err(error) if error.has_code(ALREADY_EXISTS) => find(),
        Err(error) => Err(error),
    }
}

/// The server's run of ours; it is made where it is not there.
pub(super) fn run(
    client: &Client<'_>,
    experiment_id: &str,
    run: &TrackedRun,
) -> Result<ServerRun, TrackError> {
    let search = format!("{API}/runs/search");
    let run_id = &run.run_id;
    let find = || {
        // The id is made of letters, digits, dots, underscores and hyphens: it needs no quoting.
        let body = json!({
            "experiment_ids": [experiment_id],
            "filter": format!("tags.`{RUN_ID_TAG}` = '{run_id}'"),
            "max_results": 1,
        });
        let answer = client.post(&search, &body)?;
        let found = answer["runs"].get(0);
        found
            .map(|run| server_run(&run["info"], &search))
            .transpose()
    };
    let create = format!("{API}/runs/create");
    let make = || {
        let body = json!({
            "experiment_id": experiment_id,
            "run_name": run.name,
            "start_time": run.started_ms,
            "tags": [{ "key": RUN_ID_TAG, "value": run_id }],
        });
        let answer = client.post_once(&create, &body)?;
        server_run(&answer["run"]["info"], &create)
    };
    client.find_or_make(find, make)
}

fn server_run(info: &Value, path: &str) -> Result<ServerRun, TrackError> {
    Ok(ServerRun {
        id: string(&info["run_id"], path, "a run_id")?,
        artifact_uri: string(&info["artifact_uri"], path, "an artifact_uri")?,
    })
}

/// One request of parameters, metrics and tags.
pub(super) fn log_batch(
    client: &Client<'_>,
    run_id: &str,
    params: &[(String, String)],
    metrics: &[LoggedMetric],
    tags: &[(String, String)],
) -> Result<(), TrackError> {
    let pairs = |pairs: &[(String, String)]| -> Vec<Value> {
        pairs
            .iter()
            .map(|(name, value)| json!({ "key": key(name), "value": cut(value, MAX_VALUE_CHARS) }))
            .collect()
    };
    let metrics: Vec<Value> = metrics
        .iter()
        .map(|metric| {
            json!({
                "key": key(&metric.key),
                "value": metric.value,
                "timestamp": metric.timestamp_ms,
                "step": metric.step,
            })
        })
        .collect();
    let body = json!({
        "run_id": run_id,
        "params": pairs(params),
        "metrics": metrics,
        "tags": pairs(tags),
    });
    client
        .post(&format!("{API}/runs/log-batch"), &body)
        .map(drop)
}

/// Tells which data sets a run read.
pub(super) fn log_inputs(
    client: &Client<'_>,
    run_id: &str,
    datasets: &[DatasetInput],
) -> Result<(), TrackError> {
    let datasets: Vec<Value> = datasets
        .iter()
        .map(|dataset| {
            // A schema cut in two is none; MLflow's pages ask for valid JSON.
            let schema = if dataset.schema.len() <= MAX_SCHEMA_CHARS {
                dataset.schema.as_str()
            } else {
                "{}"
            };
            json!({
                "tags": [{ "key": "mlflow.data.context", "value": cut(&dataset.context, MAX_VALUE_CHARS) }],
                "dataset": {
                    "name": cut(&dataset.name, MAX_VALUE_CHARS),
                    "digest": cut_plainly(&dataset.digest, MAX_DIGEST_CHARS),
                    "source_type": cut(&dataset.source_type, MAX_KEY_CHARS),
                    "source": dataset.source,
                    "schema": schema,
                    "profile": dataset.profile,
                },
            })
        })
        .collect();
    let body = json!({ "run_id": run_id, "datasets": datasets });
    client
        .post(&format!("{API}/runs/log-inputs"), &body)
        .map(drop)
}

/// Puts a file among the run's artifacts, through the server's artifact proxy.
pub(super) fn put_artifact(
    client: &Client<'_>,
    artifact_uri: &str,
    name: &str,
    file: &File,
) -> Result<(), TrackError> {
    let folder = proxied_folder(artifact_uri)?;
    let path = format!(
        "/api/2.0/mlflow-artifacts/artifacts/{folder}/{}",
        encoded(name)
    );
    client.put_file(&path, file)
}

/// `mlflow-artifacts:/1/abc/artifacts` is the folder `1/abc/artifacts` of the proxy.
fn proxied_folder(artifact_uri: &str) -> Result<String, TrackError> {
    let unknown = || TrackError::ArtifactStore {
        // What follows the scheme may hold credentials.
        found: artifact_uri
            .split_once(':')
            .map_or("a folder", |(scheme, _)| scheme)
            .to_owned(),
    };
    let rest = artifact_uri
        .strip_prefix("mlflow-artifacts:")
        .ok_or_else(unknown)?;
    // `//host/…` names another server than the one whose credentials are known.
    if rest.starts_with("//") && !rest.starts_with("///") {
        return Err(unknown());
    }
    Ok(encoded(rest.trim_matches('/')))
}

/// The version of a registered model made from a run; model and version are made where they are not
/// there.
pub(super) fn model_version(
    client: &Client<'_>,
    run: &ServerRun,
    model: &str,
    artifact: &str,
    description: &str,
) -> Result<String, TrackError> {
    let create_model = format!("{API}/registered-models/create");
    match client.post(&create_model, &json!({ "name": model })) {
        Err(error) if !error.has_code(ALREADY_EXISTS) => return Err(error),
        _ => {}
    }
    let search = format!("{API}/model-versions/search");
    let filter = format!("run_id='{}'", run.id);
    let find = || {
        let answer = client.get(&search, &[("filter", &filter), ("max_results", "100")])?;
        let versions = answer["model_versions"].as_array();
        let found = versions.and_then(|versions| versions.iter().find(|one| one["name"] == model));
        found
            .map(|one| version(&one["version"], &search))
            .transpose()
    };
    let create = format!("{API}/model-versions/create");
    let source = format!("{}/{artifact}", run.artifact_uri.trim_end_matches('/'));
    let make = || {
        let body = json!({
            "name": model,
            "source": source,
            "run_id": run.id,
            "description": cut(description, 5000),
        });
        let answer = client.post_once(&create, &body)?;
        version(&answer["model_version"]["version"], &create)
    };
    client.find_or_make(find, make)
}

/// Some servers write versions as numbers, some as text.
fn version(value: &Value, path: &str) -> Result<String, TrackError> {
    match value {
        Value::Number(number) => Ok(number.to_string()),
        other => string(other, path, "a version"),
    }
}

/// Makes a name point to a version.
pub(super) fn set_alias(
    client: &Client<'_>,
    model: &str,
    alias: &str,
    version: &str,
) -> Result<(), TrackError> {
    let body = json!({ "name": model, "alias": alias, "version": version });
    client
        .post(&format!("{API}/registered-models/alias"), &body)
        .map(drop)
}

/// Closes a run.
pub(super) fn end(client: &Client<'_>, run_id: &str, run: &TrackedRun) -> Result<(), TrackError> {
    let status = match run.status {
        RunStatus::Finished => "FINISHED",
        RunStatus::Failed => "FAILED",
    };
    let body = json!({ "run_id": run_id, "status": status, "end_time": run.ended_ms });
    client.post(&format!("{API}/runs/update"), &body).map(drop)
}

fn string(value: &Value, path: &str, expected: &'static str) -> Result<String, TrackError> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| TrackError::Answer {
        request: path.to_owned(),
        expected,
    })
}

/// A key as every version of MLflow takes it: letters, digits, `_ - . /` and spaces, not a path
/// that leads elsewhere.
fn key(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
    let parts: Vec<String> = name
        .split('/')
        .filter(|part| !part.is_empty() && *part != "." && *part != "..")
        .map(|part| {
            part.chars()
                .map(|c| if is_plain(c) { c } else { '_' })
                .collect()
        })
        .collect();
    let key = cut_plainly(&parts.join("/"), MAX_KEY_CHARS);
    if key.is_empty() { "_".to_owned() } else { key }
}

/// At most `n_chars` characters, the last an ellipsis where it is shortened.
fn cut(text: &str, n_chars: usize) -> String {
    if text.chars().count() <= n_chars {
        return text.to_owned();
    }
    text.chars().take(n_chars - 1).chain(['…']).collect()
}

fn cut_plainly(text: &str, n_chars: usize) -> String {
    text.chars().take(n_chars).collect()
}

/// A path with everything but plain characters and slashes percent-encoded.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_fit() {
        assert_eq!(key("fold/f1"), "fold/f1");
        assert_eq!(key("../../a\"<b>"), "a__b_");
        assert_eq!(key("/"), "_");
        assert_eq!(key(&"k".repeat(400)).len(), 250);
        assert_eq!(cut(&"ä".repeat(600), 500).chars().count(), 500);
        assert_eq!(cut("short", 500), "short");
        assert_eq!(encoded("a b/ü.json"), "a%20b/%C3%BC.json");
    }

    #[test]
    fn artifacts_go_to_the_servers_own_proxy_only() {
        assert_eq!(
            proxied_folder("mlflow-artifacts:/1/ab/artifacts").unwrap(),
            "1/ab/artifacts"
        );
        for other in [
            "s3://key:secret@b/1",
            "/srv/mlruns",
            "mlflow-artifacts://elsewhere/1",
        ] {
            let error = proxied_folder(other).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
