//! What keeps tasks from hanging and the queue from growing: looked after by every process, so that it does not
//! matter which one dies.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;

use crate::error::TrainerError;
use crate::jobs::queue::Lane;
use crate::jobs::task_id::TaskId;
use crate::jobs::worker::Jobs;
use picket_telemetry::log;

/// How often old jobs are removed.
const REAP_EVERY: Duration = Duration::from_mins(5);

/// Finished messages are of no use to anybody, and there are many: one for each part of a search, and one every few
/// seconds for a training that waits for another of its schema.
const KEEP_MESSAGES: Duration = Duration::from_hours(1);

/// Looks after the tasks until told to stop.
pub(super) async fn run(jobs: Jobs, mut stop: watch::Receiver<bool>) {
    let mut reaped: Option<Instant> = None;
    loop {
        let pause = jobs.settings.heartbeat;
        if let Ok(Ok(_)) = tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await {
            return;
        }
        if let Err(error) = settle(&jobs).await {
            log(
                "warn",
                "upkeep_failed",
                &[("reason", json!(error.to_string()))],
            );
        }
        if reaped.is_none_or(|at| at.elapsed() > REAP_EVERY) {
            reaped = Some(Instant::now());
            if let Err(error) = reap(&jobs).await {
                log(
                    "warn",
                    "reap_failed",
                    &[("reason", json!(error.to_string()))],
                );
            }
        }
    }
}

/// Ends cancelled tasks that nobody works on, and puts into the queue again what it has lost: its database was
/// removed, or the power went before a job was on the disk.
async fn settle(jobs: &Jobs) -> Result<(), TrainerError> {
    // Counted before and after: tasks that end or begin meanwhile are in one of the counts.
    let before = jobs.queue.n_unfinished(Lane::Trainings).await?;
    let state = jobs.state.clone();
    let scan = tokio::task::spawn_blocking(move || {
        let mut left = Vec::new();
        for task_id in state.unfinished()? {
            if !(state.is_cancelled(&task_id) && state.settle_cancelled(&task_id)?) {
                left.push(task_id);
            }
        }
        Ok::<_, TrainerError>(left)
    });
    let Ok(left) = scan.await else { return Ok(()) };
    let left = left?;
    let after = jobs.queue.n_unfinished(Lane::Trainings).await?;
    if left.len() as u64 <= before.max(after) {
        return Ok(());
    }
    for task_id in left {
        if is_lost(jobs, &task_id)? {
            log("warn", "task_requeued", &[("task_id", json!(task_id))]);
            jobs.metrics.requeued();
            jobs.enqueue(&task_id).await?;
        }
    }
    Ok(())
}

/// Whether nobody works on a task and it was put into the queue long ago.
fn is_lost(jobs: &Jobs, task_id: &TaskId) -> Result<bool, TrainerError> {
    let is_old = jobs
        .state
        .queued_for(task_id)
        .is_none_or(|age| age > jobs.settings.lost_after());
    Ok(is_old && jobs.state.lock_task(task_id)?.is_some())
}

async fn reap(jobs: &Jobs) -> Result<(), TrainerError> {
    let keep = jobs.settings.keep.min(KEEP_MESSAGES);
    for lane in Lane::ALL {
        let n = jobs.queue.reap(lane, keep).await?;
        jobs.metrics.reaped(n);
    }
    let (state, keep) = (jobs.state.clone(), jobs.settings.keep);
    let forget = tokio::task::spawn_blocking(move || state.forget_ended(keep));
    if let Ok(forgotten) = forget.await {
        forgotten?;
    }
    Ok(())
}
