//! Where finished tasks are kept, so that a search that was stopped goes on where it was.

use std::fs;
use std::path::PathBuf;

use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::output_file::OutputFile;
use crate::search::{Candidate, SearchOptions, TaskKey, TaskResult};

/// Keeps results of tasks.
pub trait TaskStore: Sync {
    /// The result of a task that was finished before.
    fn load(&self, key: &TaskKey) -> Option<TaskResult>;

    /// Keeps a result.
    ///
    /// # Errors
    /// A [`TrainerError`] where it cannot be written.
    fn save(&self, key: &TaskKey, result: &TaskResult) -> Result<(), TrainerError>;

    /// Whether others may put results here; then [`TaskStore::announce`] is called before each round.
    fn is_shared(&self) -> bool {
        false
    }

    /// Lets others do tasks, and returns when nothing more is to be expected of them. What is missing then
    /// the search does itself, so that this may help and can never harm.
    ///
    /// # Errors
    /// A [`TrainerError`] where the announcement cannot be written.
    fn announce(&self, _round: &Announcement<'_>) -> Result<(), TrainerError> {
        Ok(())
    }
}

/// The tasks of one round of a search.
pub struct Announcement<'a> {
    /// The rows that all tasks choose from.
    pub data: &'a Dataset,
    /// The candidates by number.
    pub candidates: &'a [Candidate],
    /// How the search was asked for: folds and seed come from here.
    pub options: &'a SearchOptions,
    /// The tasks, in their order.
    pub tasks: &'a [AnnouncedTask],
    /// Asked often: whether to wait no longer.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
    /// Told how many tasks of the round are done.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl std::fmt::Debug for Announcement<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Announcement")
            .field("n_tasks", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

/// A task that others may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnnouncedTask {
    /// What its result is kept under.
    pub key: TaskKey,
    /// The candidate's number.
    pub candidate_idx: usize,
    /// The fold's number.
    pub fold: usize,
    /// The share of the distinct rows that it learns from.
    pub share: f64,
}

/// Opens the store of a run.
pub trait TaskStores: std::fmt::Debug + Send + Sync {
    /// The store in a folder of a run's folder.
    ///
    /// # Errors
    /// A [`TrainerError`] where it cannot be made.
    fn open(&self, folder: PathBuf) -> Result<Box<dyn TaskStore>, TrainerError>;
}

/// Results stay in the run's folder, and this process does all tasks.
#[derive(Clone, Copy, Debug)]
pub struct OwnStores;

impl TaskStores for OwnStores {
    fn open(&self, folder: PathBuf) -> Result<Box<dyn TaskStore>, TrainerError> {
        Ok(Box::new(FolderStore::new(folder)?))
    }
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoStore;

impl TaskStore for NoStore {
    fn load(&self, _key: &TaskKey) -> Option<TaskResult> {
        None
    }

    fn save(&self, _key: &TaskKey, _result: &TaskResult) -> Result<(), TrainerError> {
        Ok(())
    }
}

/// Keeps each result in a file of a folder, named by the digest of what the task depends on.
#[derive(Clone, Debug)]
pub struct FolderStore {
    folder: PathBuf,
}

impl FolderStore {
    /// Uses a folder, which is made where it is missing.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where it cannot be made.
    pub fn new(folder: PathBuf) -> Result<Self, TrainerError> {
        fs::create_dir_all(&folder).map_err(|source| TrainerError::Write {
            file: folder.clone(),
            source,
        })?;
        Ok(Self { folder })
    }

    /// Where a result is kept.
    #[must_use]
    pub fn place(&self, key: &TaskKey) -> PathBuf {
        self.folder.join(format!("{}.task", key.hex()))
    }
}

impl TaskStore for FolderStore {
    fn load(&self, key: &TaskKey) -> Option<TaskResult> {
        // A file that cannot be read is a task that is done again.
        rmp_serde::from_slice(&fs::read(self.place(key)).ok()?).ok()
    }

    fn save(&self, key: &TaskKey, result: &TaskResult) -> Result<(), TrainerError> {
        let place = self.place(key);
        let bytes = rmp_serde::to_vec_named(result).map_err(|error| TrainerError::Write {
            file: place.clone(),
            source: std::io::Error::other(error),
        })?;
        OutputFile::write(&place, &bytes)
    }
}
