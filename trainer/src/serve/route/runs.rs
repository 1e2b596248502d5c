//! `GET /runs`, `/runs/{id}`, its report and its files.

use std::fs;
use std::path::{Path as FilePath, PathBuf};

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::TrainerError;
use crate::serve::app::{App, Shared};
use crate::serve::problem::{Problem, ProblemDocument};
use crate::serve::route::json;
use crate::serve::route::task::Page;

/// The page of a run.
const REPORT: &str = "report/report.html";
/// Rows themselves are not handed out: a service that shows results must not become a copy of the data.
const KEPT_BACK: [&str; 2] = ["dataset.msgpack", "quarantine.csv"];
/// The largest file that is handed out.
const MAX_FILE: u64 = 256 << 20;
/// A report draws and styles itself, and does nothing else.
const REPORT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox",
);

/// A file of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArtifactAnswer {
    /// Its path below `/runs/{id}/artifacts/`.
    path: String,
    n_bytes: u64,
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunAnswer {
    run_id: String,
    /// What the run has written about itself: state, stages, metrics, outcome.
    #[schema(value_type = Object)]
    record: Value,
    /// Whether `/runs/{id}/report` has a page.
    has_report: bool,
    artifacts: Vec<ArtifactAnswer>,
}

/// Runs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunsAnswer {
    /// How many there are in all.
    total: usize,
    /// What each has written about itself: state, stages, metrics, outcome.
    #[schema(value_type = Vec<Object>)]
    runs: Vec<Value>,
}

/// The runs that were made, newest first.
#[utoipa::path(
    get,
    path = "/runs",
    params(Page),
    responses(
        (status = 200, description = "Runs", body = RunsAnswer),
        (status = "4XX", description = "What is wrong with the request", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn runs(State(app): State<App>, Query(page): Query<Page>) -> Response {
    let page = match page.check() {
        Ok(page) => page,
        Err(problem) => return problem.into_response(),
    };
    let listed = app.blocking(move |app| {
        let names = run_names(app)?;
        let chosen = names.iter().rev().skip(page.offset).take(page.limit);
        let runs = chosen.filter_map(|name| record_of(app, name).ok().flatten());
        Ok(RunsAnswer {
            runs: runs.collect(),
            total: names.len(),
        })
    });
    match listed.await {
        Ok(answer) => json(StatusCode::OK, &answer),
        Err(problem) => problem.into_response(),
    }
}

/// A run: its record and its files.
#[utoipa::path(
    get,
    path = "/runs/{id}",
    params(("id" = String, Path, description = "The run")),
    responses(
        (status = 200, description = "The run", body = RunAnswer),
        (status = "4XX", description = "There is no such run", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn run(State(app): State<App>, Path(id): Path<String>) -> Response {
    let found = app.blocking(move |app| {
        let Some(record) = record_of(app, &id)? else {
            return Ok(None);
        };
        let artifacts = artifacts_of(&app.jobs.state.runs().join(&id));
        Ok(Some(RunAnswer {
            has_report: artifacts.iter().any(|file| file.path == REPORT),
            run_id: id,
            record,
            artifacts,
        }))
    });
    match found.await {
        Ok(Some(answer)) => json(StatusCode::OK, &answer),
        Ok(None) => Problem::not_found("there is no such run").into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// A run's report: one HTML page without scripts.
#[utoipa::path(
    get,
    path = "/runs/{id}/report",
    params(("id" = String, Path, description = "The run")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = "4XX", description = "There is no such run, or it has no report yet", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn report(State(app): State<App>, Path(id): Path<String>) -> Response {
    match read_file(&app, id, REPORT.to_owned()).await {
        Ok(bytes) => {
            let headers = [
                (
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("text/html; charset=utf-8"),
                ),
                (header::CONTENT_SECURITY_POLICY, REPORT_POLICY),
            ];
            (StatusCode::OK, headers, bytes).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// A file of a run, as a download. Rows are not handed out.
#[utoipa::path(
    get,
    path = "/runs/{id}/artifacts/{path}",
    params(
        ("id" = String, Path, description = "The run"),
        ("path" = String, Path, description = "A path that `GET /runs/{id}` lists"),
    ),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "4XX", description = "There is no such file", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn artifact(
    State(app): State<App>,
    Path((id, path)): Path<(String, String)>,
) -> Response {
    match read_file(&app, id, path).await {
        Ok(bytes) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::CONTENT_DISPOSITION, "attachment"),
            ];
            (StatusCode::OK, headers, bytes).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// Reads a file that the run's list has: a path that is not in the list is not looked for.
async fn read_file(app: &App, id: String, path: String) -> Result<Vec<u8>, Problem> {
    let read = app.blocking(move |app| {
        if record_of(app, &id)?.is_none() {
            return Ok(None);
        }
        let folder = app.jobs.state.runs().join(&id);
        let is_listed = artifacts_of(&folder).iter().any(|file| file.path == path);
        if !is_listed {
            return Ok(None);
        }
        let place = folder.join(&path);
        let bytes = fs::read(&place).map_err(|source| TrainerError::Read {
            file: place.display().to_string(),
            source,
        })?;
        Ok(Some(bytes))
    });
    read.await?.ok_or_else(|| {
        Problem::not_found("there is no such file; GET /runs/{id} lists a run's files")
    })
}

/// The names of all runs, oldest first. Those of tasks sort by age, those of the command line by date.
pub(crate) fn run_names(app: &Shared) -> Result<Vec<String>, TrainerError> {
    let folder = app.jobs.state.runs();
    let cannot_read = |source| TrainerError::Read {
        file: folder.display().to_string(),
        source,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(cannot_read)? {
        let name = entry.map_err(cannot_read)?.file_name();
        let name = name.to_string_lossy().into_owned();
        let record = folder.join(&name).join(crate::pipeline::RECORD_FILE);
        if let (true, Ok(metadata)) = (is_name(&name), fs::metadata(record)) {
            names.push((metadata.modified().ok(), name));
        }
    }
    names.sort();
    Ok(names.into_iter().map(|(_, name)| name).collect())
}

/// What a run has written about itself; `None` where there is no such run.
pub(crate) fn record_of(app: &Shared, id: &str) -> Result<Option<Value>, TrainerError> {
    if !is_name(id) {
        return Ok(None);
    }
    let folder = app.jobs.state.runs().join(id);
    crate::jobs::read_json(&folder.join(crate::pipeline::RECORD_FILE))
}

/// Names of runs become parts of paths.
fn is_name(text: &str) -> bool {
    (1..=80).contains(&text.len())
        && !text.starts_with('.')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The files of a run, by path: those in its folder and in its stages' folders. Links are passed over.
fn artifacts_of(folder: &FilePath) -> Vec<ArtifactAnswer> {
    let mut files = Vec::new();
    let mut places: Vec<(PathBuf, String)> = vec![(folder.to_owned(), String::new())];
    while let Some((place, prefix)) = places.pop() {
        for entry in fs::read_dir(&place).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // Not followed: an entry's own metadata.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if !is_name(&name) || KEPT_BACK.contains(&name.as_str()) {
                continue;
            }
            let path = format!("{prefix}{name}");
            if metadata.is_dir() && prefix.is_empty() {
                places.push((entry.path(), format!("{path}/")));
            } else if metadata.is_file() && metadata.len() <= MAX_FILE {
                let n_bytes = metadata.len();
                files.push(ArtifactAnswer { path, n_bytes });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_hidden_files_and_links_are_not_listed() {
        let dir = tempfile::tempdir().unwrap();
        let stage = dir.path().join("ingest");
        fs::create_dir_all(stage.join("deep")).unwrap();
        for name in ["run.json", ".lock"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        for name in ["dataset.msgpack", "quarantine.csv", "profile.json"] {
            fs::write(stage.join(name), "x").unwrap();
        }
        fs::write(stage.join("deep/file"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", stage.join("link")).unwrap();
        let files = artifacts_of(dir.path());
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["ingest/profile.json", "run.json"]);
    }
}
