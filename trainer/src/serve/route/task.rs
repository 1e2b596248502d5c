//! `GET|DELETE /task/{id}`, `GET /task`: how far trainings are.

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use picket_access::Outcome;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as object};
use utoipa::{IntoParams, ToSchema};

use crate::jobs::{Task, TaskEnd, TaskId, TaskProgress, TaskStatus};
use crate::serve::app::App;
use crate::serve::door::Caller;
use crate::serve::problem::{Problem, ProblemDocument};
use crate::serve::route::json;

/// A task, by the names that Celery's result has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskAnswer {
    task_id: String,
    status: TaskStatus,
    /// After SUCCESS an object with `run_id`, `model_digest`, `algorithm`, `metrics` and `outcome`; after FAILURE and
    /// CANCELLED the reason in words; before that nothing.
    result: Value,
    /// How far it is, while it is STARTED.
    progress: Option<TaskProgress>,
    /// The pipeline's name.
    pipeline: String,
    /// The run, once it has begun.
    run_id: Option<String>,
    /// The worker that is at it, or was last.
    worker: Option<String>,
    /// How often it was begun: more than once where a worker was killed.
    attempt: Option<u32>,
    /// Whether somebody asked to stop it.
    cancel_requested: bool,
    /// Who asked for it.
    by: String,
    /// Why: `request`, or which trigger fired.
    cause: String,
    created: String,
    started: Option<String>,
    finished: Option<String>,
}

impl TaskAnswer {
    pub(crate) fn of(task: Task) -> Self {
        let status = task.status();
        let result = match &task.end {
            Some(TaskEnd {
                result: Some(result),
                ..
            }) => object!(result),
            Some(TaskEnd { reason, .. }) => object!(reason),
            None => Value::Null,
        };
        let task_id = task.request.task_id.to_string();
        Self {
            run_id: task.start.is_some().then(|| task_id.clone()),
            task_id,
            status,
            result,
            progress: task.progress.filter(|_| status == TaskStatus::Started),
            pipeline: task.request.config.name,
            worker: task.start.as_ref().map(|start| start.worker.clone()),
            attempt: task.start.as_ref().map(|start| start.attempt),
            cancel_requested: task.is_cancelled,
            by: task.request.by,
            cause: task.request.cause,
            created: task.request.created,
            started: task.start.map(|start| start.started),
            finished: task.end.map(|end| end.finished),
        }
    }
}

/// Tasks, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TasksAnswer {
    /// How many there are in all.
    total: usize,
    tasks: Vec<TaskAnswer>,
}

/// Which part of a list.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// How many, 50 unless told.
    #[serde(default = "Page::usual_limit")]
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: usize,
    /// How many to pass over.
    #[serde(default)]
    #[param(minimum = 0, maximum = 1_000_000)]
    pub(crate) offset: usize,
}

impl Page {
    fn usual_limit() -> usize {
        50
    }

    pub(crate) fn check(self) -> Result<Self, Problem> {
        if (1..=200).contains(&self.limit) && self.offset <= 1_000_000 {
            return Ok(self);
        }
        let detail = "expected a limit from 1 to 200, and an offset of at most 1000000";
        Err(Problem::bad_request(detail))
    }
}

/// The trainings that were asked for, newest first.
#[utoipa::path(
    get,
    path = "/task",
    params(Page),
    responses(
        (status = 200, description = "Tasks", body = TasksAnswer),
        (status = "4XX", description = "What is wrong with the request", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn tasks(State(app): State<App>, Query(page): Query<Page>) -> Response {
    let page = match page.check() {
        Ok(page) => page,
        Err(problem) => return problem.into_response(),
    };
    let listed = app.blocking(move |app| {
        let ids = app.jobs.state.task_ids()?;
        let chosen = ids.iter().rev().skip(page.offset).take(page.limit);
        // A task that is being forgotten, or was damaged, does not hide the others.
        let tasks = chosen.filter_map(|id| app.jobs.state.task(id).ok());
        Ok(TasksAnswer {
            tasks: tasks.map(TaskAnswer::of).collect(),
            total: ids.len(),
        })
    });
    match listed.await {
        Ok(answer) => json(StatusCode::OK, &answer),
        Err(problem) => problem.into_response(),
    }
}

/// How far a training is: PENDING, STARTED, SUCCESS, FAILURE or CANCELLED.
#[utoipa::path(
    get,
    path = "/task/{id}",
    params(("id" = String, Path, description = "The task")),
    responses(
        (status = 200, description = "The task", body = TaskAnswer),
        (status = "4XX", description = "There is no such task", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn task(State(app): State<App>, Path(id): Path<String>) -> Response {
    match find(&app, &id).await {
        Ok(task) => json(StatusCode::OK, &TaskAnswer::of(task)),
        Err(problem) => problem.into_response(),
    }
}

/// Stops a training. One that a worker is at stops where nothing is lost, which may take as long as a candidate takes to
/// learn.
#[utoipa::path(
    delete,
    path = "/task/{id}",
    params(("id" = String, Path, description = "The task")),
    responses(
        (status = 202, description = "It is stopped, will be, or has ended", body = TaskAnswer),
        (status = "4XX", description = "There is no such task", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let cancelled = async {
        let task = find(&app, &id).await?;
        let task_id = task.request.task_id;
        if task.end.is_none() {
            let details = [("task_id", task_id.as_str())];
            app.door
                .audit(&caller.name, "task.cancel", Outcome::Done, &details)?;
        }
        app.blocking(move |app| {
            app.jobs.state.cancel(&task_id, &caller.name)?;
            app.jobs.state.task(&task_id)
        })
        .await
    };
    match cancelled.await {
        Ok(task) => json(StatusCode::ACCEPTED, &TaskAnswer::of(task)),
        Err(problem) => problem.into_response(),
    }
}

/// Reads a task.
pub(crate) async fn find(app: &App, id: &str) -> Result<Task, Problem> {
    let id = TaskId::parse(id).map_err(|error| Problem::not_found(error.to_string()))?;
    app.blocking(move |app| app.jobs.state.task(&id)).await
}
