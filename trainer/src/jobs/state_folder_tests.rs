//! Tests of the state folder.

use std::time::Duration;

use super::state_folder::StateFolder;
use super::task::{TaskEnd, TaskProgress, TaskRequest, TaskStatus};
use super::task_id::TaskId;
use crate::pipeline::PipelineConfig;

fn folder_with_task() -> (tempfile::TempDir, StateFolder, TaskId) {
    let dir = tempfile::tempdir().unwrap();
    let state = StateFolder::open(dir.path()).unwrap();
    let task_id = TaskId::new().unwrap();
    let request = TaskRequest {
        task_id: task_id.clone(),
        config: PipelineConfig::default(),
        schema: crate::phishing_schema().unwrap(),
        created: super::now(),
        by: "alice".to_owned(),
        cause: "request".to_owned(),
        request_id: None,
        traceparent: None,
    };
    state.create(&request).unwrap();
    assert_eq!(state.task(&task_id).unwrap().request, request);
    (dir, state, task_id)
}

#[test]
fn a_task_ends_once() {
    let (_dir, state, task_id) = folder_with_task();
    assert_eq!(state.task(&task_id).unwrap().status(), TaskStatus::Pending);
    assert_eq!(state.begin(&task_id, "one").unwrap(), 1);
    assert_eq!(state.begin(&task_id, "two").unwrap(), 2);
    state.note(&task_id, &TaskProgress::default()).unwrap();
    assert_eq!(state.unfinished().unwrap(), std::slice::from_ref(&task_id));
    let failure = TaskEnd::failure("no rows".to_owned());
    assert!(state.end(&task_id, &failure).unwrap());
    assert!(!state.end(&task_id, &TaskEnd::cancelled("bob")).unwrap());
    assert_eq!(state.status(&task_id), Some(TaskStatus::Failure));
    let task = state.task(&task_id).unwrap();
    assert_eq!(
        (task.status(), task.end),
        (TaskStatus::Failure, Some(failure))
    );
    assert_eq!(task.start.unwrap().worker, "two");
    assert!(state.unfinished().unwrap().is_empty());
    // What has ended is not cancelled any more.
    state.cancel(&task_id, "bob").unwrap();
    assert!(!state.is_cancelled(&task_id));
}

#[test]
fn a_cancelled_task_ends_at_once_only_where_nobody_works_on_it() {
    let (_dir, state, task_id) = folder_with_task();
    let held = state.lock_task(&task_id).unwrap();
    assert!(held.is_some() && state.lock_task(&task_id).unwrap().is_none());
    state.cancel(&task_id, "bob").unwrap();
    assert_eq!(state.task(&task_id).unwrap().status(), TaskStatus::Pending);
    drop(held);
    assert!(state.settle_cancelled(&task_id).unwrap());
    let task = state.task(&task_id).unwrap();
    assert_eq!(task.status(), TaskStatus::Cancelled);
    assert_eq!(
        task.end.unwrap().reason.as_deref(),
        Some("cancelled by bob")
    );
}

#[test]
fn a_schema_has_so_many_places_and_no_more() {
    let (_dir, state, _) = folder_with_task();
    let take = |digest| state.lock_schema(digest, 2).unwrap();
    let held = (take("sha256:aa"), take("sha256:aa"));
    assert!(held.0.is_some() && held.1.is_some());
    assert!(take("sha256:aa").is_none());
    assert!(take("sha256:bb").is_some());
    drop(held);
    assert!(take("sha256:aa").is_some());
}

#[test]
fn old_tasks_are_forgotten_and_damaged_ones_are_said_to_be() {
    let (dir, state, task_id) = folder_with_task();
    assert_eq!(state.forget_ended(Duration::ZERO).unwrap(), 0);
    state.end(&task_id, &TaskEnd::cancelled("")).unwrap();
    assert_eq!(state.forget_ended(Duration::from_hours(1)).unwrap(), 0);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(state.forget_ended(Duration::ZERO).unwrap(), 1);
    assert!(state.task(&task_id).is_err());
    let (_dir, state, task_id) = folder_with_task();
    drop(dir);
    let place = state.path().join("tasks").join(task_id.as_str());
    std::fs::write(place.join("request.json"), b"{\"half\":").unwrap();
    let error = state.task(&task_id).unwrap_err().to_string();
    assert!(error.contains("request.json"), "{error}");
}
