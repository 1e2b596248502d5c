//! The workers of a process, and who looks after them.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use apalis::prelude::BoxDynError;
use picket_telemetry::{Tracer, log};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::TrainerError;
use crate::jobs::error::JobError;
use crate::jobs::job_metrics::JobMetrics;
use crate::jobs::job_settings::JobSettings;
use crate::jobs::queue::{Handler, Job, Lane, Queue};
use crate::jobs::redis_server::RedisServer;
use crate::jobs::search_job::{Done, SearchWorker};
use crate::jobs::state_folder::StateFolder;
use crate::jobs::task::TaskRequest;
use crate::jobs::task_id::TaskId;
use crate::jobs::training_job::{Handled, TrainingWorker};
use crate::jobs::upkeep;

/// The wait before a worker that ended is started again grows from the first to the second.
const RESTART_AFTER: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(10)];
/// How often it is asked whether a worker still takes jobs.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// With jobs to take, a free place and none taken for so long, a worker is started again.
const STALLED_AFTER: Duration = Duration::from_secs(30);
/// A training that waits for another of its schema comes back after this.
const LATER: Duration = Duration::from_secs(1);

/// What all that concerns jobs in a process shares.
#[derive(Clone, Debug)]
pub struct Jobs {
    /// The shared folder.
    pub state: StateFolder,
    /// The queue.
    pub queue: Queue,
    /// How much at a time.
    pub settings: JobSettings,
    /// What is counted.
    pub metrics: Arc<JobMetrics>,
    /// The process's name among the workers: host, process and some random digits.
    pub name: String,
    /// Where traces go.
    pub tracer: Option<Arc<Tracer>>,
}

impl Jobs {
    /// Jobs over a state folder and a queue.
    ///
    /// # Errors
    /// [`TrainerError::Jobs`] where the queue does not answer.
    pub async fn open(
        state: StateFolder,
        redis: Option<&RedisServer>,
        settings: JobSettings,
    ) -> Result<Self, TrainerError> {
        let queue = Queue::open(state.path(), redis, settings.heartbeat).await?;
        Ok(Self {
            state,
            queue,
            settings,
            metrics: Arc::default(),
            name: worker_name()?,
            tracer: None,
        })
    }

    /// Tells a trace of requests and trainings.
    #[must_use]
    pub fn traced(self, tracer: Option<Arc<Tracer>>) -> Self {
        Self { tracer, ..self }
    }

    /// Keeps a task and puts it into the queue. Where the queue does not answer, the task is there all the same, and
    /// who looks after the tasks puts it into the queue later.
    ///
    /// # Errors
    /// [`TrainerError::Write`].
    pub async fn submit(&self, request: &TaskRequest) -> Result<(), TrainerError> {
        self.state.create(request)?;
        if let Err(error) = self.enqueue(&request.task_id).await {
            let fields = [
                ("task_id", json!(request.task_id)),
                ("reason", json!(error.to_string())),
            ];
            log("warn", "enqueue_failed", &fields);
        }
        Ok(())
    }

    /// Puts a task into the queue.
    ///
    /// # Errors
    /// [`TrainerError::Write`] or [`TrainerError::Jobs`].
    pub async fn enqueue(&self, task_id: &TaskId) -> Result<(), TrainerError> {
        self.state.note_queued(task_id)?;
        let job = Job::Training(task_id.clone());
        self.queue
            .push(Lane::Trainings, job, Duration::ZERO)
            .await?;
        Ok(())
    }
}

fn worker_name() -> Result<String, JobError> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(40)
        .collect();
    let id = TaskId::new()?;
    let random: String = id.as_str().chars().skip(28).collect();
    Ok(format!("{host}-{}-{random}", std::process::id()))
}

/// The workers of a process.
#[derive(Debug)]
pub struct Workers {
    stop: watch::Sender<bool>,
    shutdown: Arc<AtomicBool>,
    supervisors: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts them on the present runtime.
    #[must_use]
    pub fn start(jobs: &Jobs) -> Self {
        let (stop, stopped) = watch::channel(false);
        let shutdown = Arc::new(AtomicBool::new(false));
        let mut supervisors = vec![tokio::spawn(upkeep::run(jobs.clone(), stopped.clone()))];
        let training = Arc::new(TrainingWorker {
            state: jobs.state.clone(),
            queue: jobs.queue.clone(),
            settings: jobs.settings.clone(),
            name: jobs.name.clone(),
            runtime: tokio::runtime::Handle::current(),
            tracer: jobs.tracer.clone(),
            shutdown: Arc::clone(&shutdown),
        });
        let search = Arc::new(SearchWorker::new(jobs.state.clone()));
        let lanes = [
            (Lane::Trainings, jobs.settings.trainings),
            (Lane::SearchTasks, jobs.settings.threads),
        ];
        for (lane, n_at_once) in lanes.into_iter().filter(|(_, n)| *n > 0) {
            let place = Arc::new(LaneState::new(n_at_once));
            let handler = handler(jobs, &training, &search, &place);
            let (jobs, stopped) = (jobs.clone(), stopped.clone());
            // A thread of its own: requests that keep the runtime's threads busy do not make a worker look dead.
            let runtime = tokio::runtime::Handle::current();
            supervisors.push(tokio::task::spawn_blocking(move || {
                runtime.block_on(supervise(jobs, lane, place, handler, stopped));
            }));
        }
        Self {
            stop,
            shutdown,
            supervisors,
        }
    }

    /// Asks all to stop where nothing is lost, and waits for them.
    pub async fn stop(self, limit: Duration) {
        self.shutdown.store(true, Ordering::Relaxed);
        // Where nobody listens they have stopped.
        let _ = self.stop.send(true);
        let all = async {
            for supervisor in self.supervisors {
                let _ = supervisor.await;
            }
        };
        if tokio::time::timeout(limit, all).await.is_err() {
            log("warn", "workers_cut_off", &[]);
        }
    }
}

/// How busy a lane is.
#[derive(Debug)]
struct LaneState {
    n_at_once: usize,
    n_busy: AtomicUsize,
    n_taken: AtomicU64,
    last_taken: Mutex<Instant>,
}

impl LaneState {
    fn new(n_at_once: usize) -> Self {
        Self {
            n_at_once,
            n_busy: AtomicUsize::new(0),
            n_taken: AtomicU64::new(0),
            last_taken: Mutex::new(Instant::now()),
        }
    }

    fn take(self: &Arc<Self>) -> Busy {
        self.n_busy.fetch_add(1, Ordering::Relaxed);
        self.n_taken.fetch_add(1, Ordering::Relaxed);
        self.touch();
        Busy(Arc::clone(self))
    }

    fn touch(&self) {
        *self
            .last_taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether a worker that could take jobs has taken none for long, while there are some.
    fn is_stalled(&self, n_ready: u64, limit: Duration) -> bool {
        let last = *self
            .last_taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        n_ready > 0
            && self.n_busy.load(Ordering::Relaxed) < self.n_at_once
            && last.elapsed() > limit
    }
}

/// A place that is taken until this goes.
struct Busy(Arc<LaneState>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.n_busy.fetch_sub(1, Ordering::Relaxed);
        self.0.touch();
    }
}

fn handler(
    jobs: &Jobs,
    training: &Arc<TrainingWorker>,
    search: &Arc<SearchWorker>,
    lane: &Arc<LaneState>,
) -> Handler {
    let (jobs, training) = (jobs.clone(), Arc::clone(training));
    let (search, lane) = (Arc::clone(search), Arc::clone(lane));
    Arc::new(move |job| {
        let (jobs, training) = (jobs.clone(), Arc::clone(&training));
        let (search, busy) = (Arc::clone(&search), lane.take());
        Box::pin(async move {
            let done = match job {
                Job::Training(task_id) => train(jobs, training, task_id, busy).await,
                Job::Search(job) => {
                    let work = tokio::task::spawn_blocking(move || {
                        let _busy = busy;
                        search.run(&job)
                    });
                    match work.await? {
                        Ok(Done::Computed) => {
                            jobs.metrics.search_task();
                            Ok(())
                        }
                        Ok(_) => Ok(()),
                        Err(error) => Err(error.into()),
                    }
                }
            };
            done.inspect_err(|error: &BoxDynError| {
                log(
                    "warn",
                    "job_failed",
                    &[("reason", json!(error.to_string()))],
                );
            })
        })
    })
}

async fn train(
    jobs: Jobs,
    training: Arc<TrainingWorker>,
    task_id: TaskId,
    busy: Busy,
) -> Result<(), BoxDynError> {
    let id = task_id.clone();
    let work = tokio::task::spawn_blocking(move || {
        let _busy = busy;
        training.run(&id)
    });
    match work.await?? {
        Handled::Done => Ok(()),
        Handled::Ended(_) => {
            jobs.metrics.training_ended();
            Ok(())
        }
        Handled::Later => {
            let job = Job::Training(task_id.clone());
            jobs.state.note_queued(&task_id)?;
            jobs.queue.push(Lane::Trainings, job, LATER).await?;
            Ok(())
        }
        // The queue hands it out again.
        Handled::Unfinished => Err("the worker is stopping".into()),
    }
}

/// Keeps a lane's worker going until told to stop.
async fn supervise(
    jobs: Jobs,
    lane: Lane,
    place: Arc<LaneState>,
    handler: Handler,
    stop: watch::Receiver<bool>,
) {
    let mut pause = RESTART_AFTER[0];
    let mut number = 0_u64;
    loop {
        // A name is registered once; the old one's jobs are taken over when it has been silent.
        let name = format!("{}-{}-{number}", jobs.name, lane.name());
        let start = Instant::now();
        let work = jobs.queue.work(
            lane,
            &name,
            place.n_at_once,
            Arc::clone(&handler),
            stop.clone(),
        );
        let reason = tokio::select! {
            result = work => match result {
                Ok(()) => "it ended".to_owned(),
                Err(error) => error.to_string(),
            },
            () = stalled(&jobs, lane, &place) => "it took no jobs although there were some".to_owned(),
        };
        if *stop.borrow() {
            return;
        }
        jobs.metrics.worker_restarted();
        log(
            "warn",
            "worker_restarted",
            &[("worker", json!(name)), ("reason", json!(reason))],
        );
        if start.elapsed() > RESTART_AFTER[1] {
            pause = RESTART_AFTER[0];
        }
        let mut stop = stop.clone();
        let _ = tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await;
        pause = (pause * 2).min(RESTART_AFTER[1]);
        number += 1;
    }
}

/// Ready when a worker no longer takes jobs.
async fn stalled(jobs: &Jobs, lane: Lane, place: &LaneState) {
    place.touch();
    let mut n_times = 0;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        // A queue that cannot be asked is the worker's to complain about.
        let n_ready = jobs.queue.n_ready(lane).await.unwrap_or(0);
        n_times = if place.is_stalled(n_ready, STALLED_AFTER) {
            n_times + 1
        } else {
            0
        };
        if n_times >= 2 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_worker_that_takes_nothing_of_what_is_there_has_stalled() {
        let limit = Duration::from_millis(200);
        let begun = Instant::now();
        let place = Arc::new(LaneState::new(1));
        // On a machine that is held up in between, the limit may have gone by.
        let has_stalled = place.is_stalled(3, limit) && begun.elapsed() < limit;
        assert!(!has_stalled, "it has only begun");
        std::thread::sleep(limit * 2);
        assert!(place.is_stalled(3, limit));
        assert!(!place.is_stalled(0, limit), "there is nothing to take");
        let busy = place.take();
        std::thread::sleep(limit * 2);
        assert!(!place.is_stalled(3, limit), "it is busy");
        let freed = Instant::now();
        drop(busy);
        let has_stalled = place.is_stalled(3, limit) && freed.elapsed() < limit;
        assert!(!has_stalled, "it was busy until now");
    }
}
