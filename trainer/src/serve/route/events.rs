//! `GET /task/{id}/events`: a training's progress as it goes (server-sent events).

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::StatusCode;
use tokio::sync::OwnedSemaphorePermit;

use crate::jobs::TaskId;
use crate::serve::app::App;
use crate::serve::problem::{Problem, ProblemDocument};
use crate::serve::route::task::{TaskAnswer, find};

/// How often the task is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A stream ends after this; a client that still wants to know comes again.
const LONGEST: Duration = Duration::from_hours(1);

/// A stream under way.
struct Watching {
    app: App,
    task_id: TaskId,
    last: String,
    began: Instant,
    is_over: bool,
    _place: OwnedSemaphorePermit,
}

/// Streams a training's progress: an event `progress` with the task as `GET /task/{id}` shows it whenever that changes, and
/// `end` as the last one.
#[utoipa::path(
    get,
    path = "/task/{id}/events",
    params(("id" = String, Path, description = "The task")),
    responses(
        (status = 200, description = "Events until the task has ended", body = String, content_type = "text/event-stream"),
        (status = "4XX", description = "There is no such task, or too many streams are open", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn events(State(app): State<App>, Path(id): Path<String>) -> Response {
    let task_id = match find(&app, &id).await {
        Ok(task) => task.request.task_id,
        Err(problem) => return problem.into_response(),
    };
    let Ok(place) = std::sync::Arc::clone(&app.streams).try_acquire_owned() else {
        let detail = "too many streams are open; ask GET /task/{id} instead";
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail)
            .into_response();
    };
    let watching = Watching {
        app,
        task_id,
        last: String::new(),
        began: Instant::now(),
        is_over: false,
        _place: place,
    };
    let events = stream::unfold(watching, next);
    Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// The next event, when there is something new.
async fn next(mut watching: Watching) -> Option<(Result<Event, Infallible>, Watching)> {
    while !watching.is_over && watching.began.elapsed() < LONGEST {
        // A task that is gone, or cannot be read any more, ends its stream.
        let task = find(&watching.app, watching.task_id.as_str()).await.ok()?;
        let is_end = task.status().is_end();
        let text = serde_json::to_string(&TaskAnswer::of(task)).ok()?;
        if text != watching.last {
            watching.is_over = is_end;
            let name = if is_end { "end" } else { "progress" };
            let event = Event::default().event(name).data(&text);
            watching.last = text;
            return Some((Ok(event), watching));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    None
}
