//! The store of a search whose tasks other workers do too.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::error::TrainerError;
use crate::jobs::queue::{Job, Lane, Queue};
use crate::jobs::search_job::{SearchJob, SearchPlan, lock_place};
use crate::jobs::state_folder::try_lock;
use crate::jobs::task_id::TaskId;
use crate::search::{
    AnnouncedTask, Announcement, FolderStore, TaskKey, TaskResult, TaskStore, TaskStores,
};

/// How often the folder is looked at for new results.
const POLL: Duration = Duration::from_millis(50);

/// Opens stores whose tasks are put into the queue.
#[derive(Clone, Debug)]
pub struct SharedStores {
    /// The training.
    pub task_id: TaskId,
    /// Where tasks are put.
    pub queue: Queue,
    /// What runs the queue's operations.
    pub runtime: tokio::runtime::Handle,
    /// With no new result and nobody at work for so long, the search does what is missing itself.
    pub patience: Duration,
}

impl TaskStores for SharedStores {
    fn open(&self, folder: PathBuf) -> Result<Box<dyn TaskStore>, TrainerError> {
        Ok(Box::new(SharedStore {
            shared: self.clone(),
            own: FolderStore::new(folder.clone())?,
            folder,
        }))
    }
}

struct SharedStore {
    shared: SharedStores,
    own: FolderStore,
    folder: PathBuf,
}

impl TaskStore for SharedStore {
    fn load(&self, key: &TaskKey) -> Option<TaskResult> {
        self.own.load(key)
    }

    fn save(&self, key: &TaskKey, result: &TaskResult) -> Result<(), TrainerError> {
        self.own.save(key, result)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn announce(&self, round: &Announcement<'_>) -> Result<(), TrainerError> {
        let mut missing: Vec<AnnouncedTask> = round.tasks.to_vec();
        self.forget_done(&mut missing);
        if missing.is_empty() {
            return Ok(());
        }
        let plan = SearchPlan::of(round).write(&self.folder, round.data)?;
        for task in &missing {
            let job = Job::Search(SearchJob {
                task_id: self.shared.task_id.clone(),
                plan: plan.clone(),
                key: task.key.hex(),
                candidate_idx: task.candidate_idx,
                fold: task.fold,
                share_bits: task.share.to_bits(),
            });
            let push = self
                .shared
                .queue
                .push(Lane::SearchTasks, job, Duration::ZERO);
            if self.shared.runtime.block_on(push).is_err() {
                // Without a queue nobody helps.
                return Ok(());
            }
        }
        self.wait_for(missing, round);
        Ok(())
    }
}

impl SharedStore {
    /// Waits until all results are there, or nothing more is to be expected.
    fn wait_for(&self, mut missing: Vec<AnnouncedTask>, round: &Announcement<'_>) {
        let mut last_sign = Instant::now();
        while !missing.is_empty() && !(round.is_over)() {
            let before = missing.len();
            self.forget_done(&mut missing);
            if missing.len() < before {
                last_sign = Instant::now();
                (round.progress)((round.tasks.len() - missing.len()) as u64);
            } else if last_sign.elapsed() > self.shared.patience {
                if !missing.iter().any(|task| self.is_under_way(task)) {
                    return;
                }
                last_sign = Instant::now();
            }
            std::thread::sleep(POLL);
        }
    }

    fn forget_done(&self, missing: &mut Vec<AnnouncedTask>) {
        missing.retain(|task| !self.own.place(&task.key).exists());
    }

    /// Whether a worker that is alive holds the task.
    fn is_under_way(&self, task: &AnnouncedTask) -> bool {
        let place = lock_place(&self.folder, &task.key.hex());
        // Looking takes the lock for a moment; a worker that comes just then leaves the task to the search.
        place.exists() && matches!(try_lock(&place), Ok(None))
    }
}
