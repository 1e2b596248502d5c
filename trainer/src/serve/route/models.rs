//! `GET /models`, `POST /models/{id}/promote|rollback`: releases and the champion.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use picket_access::Outcome;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::TrainerError;
use crate::publish::{Channel, Listed, Package, user_and_host};
use crate::serve::app::App;
use crate::serve::champion::Champion;
use crate::serve::door::Caller;
use crate::serve::problem::{Problem, ProblemDocument};
use crate::serve::route::json;

/// A release.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelAnswer {
    /// The release's number: `{id}` of the other routes.
    id: u64,
    /// The model's name.
    model: String,
    artifact_digest: String,
    is_champion: bool,
    created: String,
    /// The run that made it.
    run_id: Option<String>,
    /// The release whose artifact this one publishes anew.
    rollback_to: Option<u64>,
    /// The whole manifest.
    #[schema(value_type = Object)]
    manifest: Value,
}

/// All releases.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelsAnswer {
    /// The release in use.
    champion: Option<u64>,
    /// The newest release that waits to be promoted.
    challenger: Option<u64>,
    /// All releases, newest first.
    releases: Vec<ModelAnswer>,
}

/// Which release is in use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChannelAnswer {
    /// The release.
    release: u64,
    artifact_digest: String,
    /// Since when (RFC 3339, UTC).
    since: String,
}

impl From<Channel> for ChannelAnswer {
    fn from(channel: Channel) -> Self {
        Self {
            release: channel.release,
            artifact_digest: channel.artifact_digest,
            since: channel.since,
        }
    }
}

fn answer(listed: Vec<Listed>) -> Result<ModelsAnswer, TrainerError> {
    let champion = listed.iter().find(|one| one.is_champion);
    let champion = champion.map(|one| one.manifest.release);
    let newest = listed.last().map(|one| one.manifest.release);
    let releases = listed.into_iter().rev().map(|one| {
        let manifest = &one.manifest;
        Ok(ModelAnswer {
            id: manifest.release,
            model: manifest.model.clone(),
            artifact_digest: manifest.artifact.digest.clone(),
            is_champion: one.is_champion,
            created: manifest.created.clone(),
            run_id: manifest.run_id.clone(),
            rollback_to: manifest.rollback_to,
            manifest: serde_json::to_value(manifest)?,
        })
    });
    Ok(ModelsAnswer {
        champion,
        challenger: newest.filter(|newest| champion.is_none_or(|champion| *newest > champion)),
        releases: releases.collect::<Result<_, TrainerError>>()?,
    })
}

/// The releases, which of them is the champion, and which waits.
#[utoipa::path(
    get,
    path = "/models",
    responses(
        (status = 200, description = "Releases", body = ModelsAnswer),
        (status = "4XX", description = "What is wrong with the request", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn models(State(app): State<App>) -> Response {
    let listed = app.blocking(|app| answer(app.champion.list()?));
    match listed.await {
        Ok(answer) => json(StatusCode::OK, &answer),
        Err(problem) => problem.into_response(),
    }
}

/// Makes a release the champion.
#[utoipa::path(
    post,
    path = "/models/{id}/promote",
    params(("id" = u64, Path, description = "The release")),
    responses(
        (status = 200, description = "The champion", body = ChannelAnswer),
        (status = "4XX", description = "There is no such release, it is older than the champion, or it cannot be signed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn promote(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let promote = |champion: &Champion, id| champion.promote(id);
    change(&app, &caller, &id, "model.promote", promote).await
}

/// Goes back to a release: publishes its model anew and makes that the champion.
#[utoipa::path(
    post,
    path = "/models/{id}/rollback",
    params(("id" = u64, Path, description = "The release to go back to")),
    responses(
        (status = 200, description = "The champion", body = ChannelAnswer),
        (status = "4XX", description = "There is no such release, or it cannot be signed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn rollback(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let by = Package {
        user: Some(caller.name.clone()),
        host: user_and_host().1,
        ..Package::default()
    };
    let rollback = move |champion: &Champion, id| champion.rollback(id, &by);
    change(&app, &caller, &id, "model.rollback", rollback).await
}

async fn change(
    app: &App,
    caller: &Caller,
    id: &str,
    action: &str,
    work: impl FnOnce(&Champion, u64) -> Result<Option<Channel>, TrainerError> + Send + 'static,
) -> Response {
    let Ok(release) = id.parse::<u64>() else {
        return Problem::not_found("releases are numbers; GET /models lists them").into_response();
    };
    let changed = app.blocking(move |app| work(&app.champion, release));
    let changed = changed.await.and_then(|channel| {
        channel.ok_or_else(|| Problem::not_found("this service has no place for releases"))
    });
    let outcome = match &changed {
        Ok(_) => Outcome::Done,
        Err(problem) if problem.status.is_client_error() => Outcome::Refused,
        Err(_) => Outcome::Failed,
    };
    // Which release is in use now, and which keys have signed that.
    let champion = changed.as_ref().map(|channel| channel.release.to_string());
    let keys = app.champion.signers().map(|signers| {
        let ids = signers.ids();
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        ids.join(" ")
    });
    let mut details = vec![("release", id)];
    if let Ok(champion) = &champion {
        details.push(("champion", champion));
        details.extend(keys.as_deref().map(|keys| ("signed_by", keys)));
    }
    let audited = app.door.audit(&caller.name, action, outcome, &details);
    match (changed, audited) {
        (Ok(channel), Ok(())) => json(StatusCode::OK, &ChannelAnswer::from(channel)),
        (Err(problem), _) => problem.into_response(),
        (Ok(_), Err(_)) => {
            Problem::internal("a change was made and could not be written into the audit log")
                .into_response()
        }
    }
}
