//! Sends what a server does not have yet, in order, and counts what it acknowledges.

use std::fs::File;
use std::path::{Component, Path, PathBuf};

use crate::track::client::Client;
use crate::track::error::TrackError;
use crate::track::mlflow::{self, MAX_METRICS, MAX_PARAMS, MAX_TAGS, ServerRun};
use crate::track::server::TrackingServer;
use crate::track::tracked_run::{Acknowledged, TrackedRun};

/// Sends the rest of `run`, whose files are in `run_dir`. Stops at the first failure; what was
/// acknowledged before stands in the run. The page of the run where all is there.
pub(super) fn send(
    run: &mut TrackedRun,
    run_dir: &Path,
    server: &TrackingServer,
) -> Result<String, TrackError> {
    let client = &Client::new(server);
    check_run_id(&run.run_id)?;
    if run.acknowledged.server != server.uri() {
        run.acknowledged = Acknowledged {
            server: server.uri().to_owned(),
            ..Acknowledged::default()
        };
    }
    let (experiment_id, server_run) = find_run(client, run)?;
    let id = server_run.id.as_str();
    send_batches(client, id, run)?;
    if run.acknowledged.n_datasets < run.datasets.len() {
        mlflow::log_inputs(client, id, &run.datasets[run.acknowledged.n_datasets..])?;
        run.acknowledged.n_datasets = run.datasets.len();
    }
    while let Some(artifact) = run.artifacts.get(run.acknowledged.n_artifacts) {
        let place = run_dir.join(inside(&artifact.path)?);
        inside(&artifact.name)?;
        let file = File::open(&place).map_err(|source| TrackError::ArtifactFile {
            file: place.display().to_string(),
            source,
        })?;
        mlflow::put_artifact(client, &server_run.artifact_uri, &artifact.name, &file)?;
        run.acknowledged.n_artifacts += 1;
    }
    if let Some(registration) = &run.registration {
        let version = match &run.acknowledged.model_version {
            Some(version) => version.clone(),
            None => mlflow::model_version(
                client,
                &server_run,
                &registration.model,
                &registration.artifact,
                &registration.description,
            )?,
        };
        run.acknowledged.model_version = Some(version.clone());
        while let Some(alias) = registration.aliases.get(run.acknowledged.n_aliases) {
            mlflow::set_alias(client, &registration.model, alias, &version)?;
            run.acknowledged.n_aliases += 1;
        }
    }
    if !run.acknowledged.is_ended {
        mlflow::end(client, id, run)?;
        run.acknowledged.is_ended = true;
    }
    Ok(format!(
        "{}/#/experiments/{experiment_id}/runs/{id}",
        server.uri()
    ))
}

/// Experiment and run of the server, remembered or found or made.
fn find_run(client: &Client<'_>, run: &mut TrackedRun) -> Result<(String, ServerRun), TrackError> {
    let has = &run.acknowledged;
    if let (Some(experiment_id), Some(id), Some(artifact_uri)) =
        (&has.experiment_id, &has.run_id, &has.artifact_uri)
    {
        let server_run = ServerRun {
            id: id.clone(),
            artifact_uri: artifact_uri.clone(),
        };
        return Ok((experiment_id.clone(), server_run));
    }
    let experiment_id = mlflow::experiment(client, &run.experiment)?;
    let server_run = mlflow::run(client, &experiment_id, run)?;
    let has = &mut run.acknowledged;
    has.experiment_id = Some(experiment_id.clone());
    has.run_id = Some(server_run.id.clone());
    has.artifact_uri = Some(server_run.artifact_uri.clone());
    Ok((experiment_id, server_run))
}

/// Parameters, metrics and tags, as many in one request as the server takes.
fn send_batches(client: &Client<'_>, id: &str, run: &mut TrackedRun) -> Result<(), TrackError> {
    loop {
        let has = &mut run.acknowledged;
        let params = next(&run.params, has.n_params, MAX_PARAMS);
        let tags = next(&run.tags, has.n_tags, MAX_TAGS);
        // At most 1,000 of all kinds together.
        let metrics = next(
            &run.metrics,
            has.n_metrics,
            MAX_METRICS - params.len() - tags.len(),
        );
        if params.is_empty() && tags.is_empty() && metrics.is_empty() {
            return Ok(());
        }
        mlflow::log_batch(client, id, params, metrics, tags)?;
        has.n_params += params.len();
        has.n_tags += tags.len();
        has.n_metrics += metrics.len();
    }
}

fn next<T>(all: &[T], from: usize, most: usize) -> &[T] {
    let rest = all.get(from..).unwrap_or_default();
    &rest[..rest.len().min(most)]
}

/// Only what goes into a filter of the server unquoted.
fn check_run_id(run_id: &str) -> Result<(), TrackError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !run_id.is_empty() && run_id.len() <= 200 && run_id.chars().all(is_plain) {
        return Ok(());
    }
    Err(TrackError::Record {
        file: "run_id".to_owned(),
        found: format!("{run_id:?}; expected letters, digits, dots, underscores and hyphens"),
    })
}

/// A path that stays in the folder it is joined to.
fn inside(path: &str) -> Result<PathBuf, TrackError> {
    let place = PathBuf::from(path);
    let is_inside = !path.is_empty()
        && place
            .components()
            .all(|component| matches!(component, Component::Normal(_)));
    if is_inside {
        Ok(place)
    } else {
        Err(TrackError::ArtifactPath {
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
