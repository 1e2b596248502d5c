//! Where finished tasks are kept, so that a search that was stopped goes on where it was.

use std::fs;
use std::path::PathBuf;

use crate::error::TrainerError;
use crate::output_file::OutputFile;
use crate::search::{TaskKey, TaskResult};

/// Keeps results of tasks.
pub trait TaskStore: Sync {
    /// The result of a task that was finished before.
    fn load(&self, key: &TaskKey) -> Option<TaskResult>;

    /// Keeps a result.
    ///
    /// # Errors
    /// A [`TrainerError`] where it cannot be written.
    fn save(&self, key: &TaskKey, result: &TaskResult) -> Result<(), TrainerError>;
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

    fn place(&self, key: &TaskKey) -> PathBuf {
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
