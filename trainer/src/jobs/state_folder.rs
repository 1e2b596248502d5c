//! The folder that all processes of a service share: tasks, runs, locks.
//!
//! The queue only says who should look at what. The truth about a task stands here, in files that are written
//! whole: what was asked for, who began, how it ended. An end is a file that is created once and never changed,
//! so a task counts once however often a queue hands it out. Who works holds a lock that goes with the process, so
//! nothing has to be guessed from clocks.
//!
//! ```text
//! tasks/<task>/request.json   what was asked for
//! tasks/<task>/start.json     who is at it, and how often it was begun
//! tasks/<task>/progress.json  how far it is
//! tasks/<task>/cancel         somebody asked to stop it
//! tasks/<task>/end.json       how it ended
//! tasks/<task>/.lock          held while somebody works on it
//! runs/<task>/                the run
//! locks/<schema>.<n>          held while a training of this schema runs
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::TrainerError;
use crate::jobs::error::JobError;
use crate::jobs::task::{Task, TaskEnd, TaskProgress, TaskRequest, TaskStart, TaskStatus};
use crate::jobs::task_id::TaskId;
use crate::output_file::OutputFile;

const REQUEST: &str = "request.json";
const START: &str = "start.json";
const PROGRESS: &str = "progress.json";
const CANCEL: &str = "cancel";
const END: &str = "end.json";
const LOCK: &str = ".lock";
/// When the task was last handed to the queue: the time of this file.
const QUEUED: &str = "queued";
/// No honest file of a task is larger.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// The shared folder.
#[derive(Clone, Debug)]
pub struct StateFolder {
    path: PathBuf,
}

/// A lock that goes with the process, or when this is dropped.
#[derive(Debug)]
pub struct HeldLock {
    _file: File,
}

impl StateFolder {
    /// Uses a folder, which is made where it is missing.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where it cannot be made.
    pub fn open(path: &Path) -> Result<Self, TrainerError> {
        let folder = Self {
            path: path.to_owned(),
        };
        for part in ["tasks", "runs", "locks"] {
            let place = path.join(part);
            fs::create_dir_all(&place).map_err(|source| cannot_write(&place, source))?;
        }
        Ok(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where runs are kept.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.path.join("runs")
    }

    /// The folder of a run.
    #[must_use]
    pub fn run(&self, task_id: &TaskId) -> PathBuf {
        self.runs().join(task_id.as_str())
    }

    fn task_file(&self, task_id: &TaskId, name: &str) -> PathBuf {
        self.path.join("tasks").join(task_id.as_str()).join(name)
    }

    /// Keeps a new task. It exists when its request does.
    ///
    /// # Errors
    /// [`TrainerError::Write`].
    pub fn create(&self, request: &TaskRequest) -> Result<(), TrainerError> {
        let place = self.task_file(&request.task_id, REQUEST);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(|source| cannot_write(folder, source))?;
        }
        write_json(&place, request)
    }

    /// All that is known of a task.
    ///
    /// # Errors
    /// [`JobError::NoSuchTask`] or [`JobError::Damaged`].
    pub fn task(&self, task_id: &TaskId) -> Result<Task, TrainerError> {
        let file = |name: &str| self.task_file(task_id, name);
        let request = read_json(&file(REQUEST))?.ok_or_else(|| JobError::NoSuchTask {
            task_id: task_id.to_string(),
        })?;
        // The end is read last of those that change, so that nothing older is shown beside it.
        let (start, progress) = (read_json(&file(START))?, read_json(&file(PROGRESS))?);
        let is_cancelled = file(CANCEL).exists();
        let end = read_json(&file(END))?;
        Ok(Task {
            request,
            start,
            progress,
            end,
            is_cancelled,
        })
    }

    /// The state of a task, without reading what was asked for; `None` where there is no such task.
    #[must_use]
    pub fn status(&self, task_id: &TaskId) -> Option<TaskStatus> {
        let file = |name: &str| self.task_file(task_id, name);
        let end: Option<TaskEnd> = read_json(&file(END)).ok().flatten();
        match end {
            Some(end) => Some(end.status),
            None if file(START).exists() => Some(TaskStatus::Started),
            None => file(REQUEST).exists().then_some(TaskStatus::Pending),
        }
    }

    /// The ids of all tasks, oldest first.
    ///
    /// # Errors
    /// [`TrainerError::Read`] where the folder cannot be read.
    pub fn task_ids(&self) -> Result<Vec<TaskId>, TrainerError> {
        let place = self.path.join("tasks");
        let cannot_read = |source| TrainerError::Read {
            file: place.display().to_string(),
            source,
        };
        let mut ids = Vec::new();
        for entry in fs::read_dir(&place).map_err(cannot_read)? {
            let name = entry.map_err(cannot_read)?.file_name();
            if let Ok(id) = TaskId::parse(&name.to_string_lossy()) {
                ids.push(id);
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// Tasks that have not ended, oldest first. What cannot be read is passed over.
    ///
    /// # Errors
    /// As [`Self::task_ids`].
    pub fn unfinished(&self) -> Result<Vec<TaskId>, TrainerError> {
        let mut ids = self.task_ids()?;
        ids.retain(|id| !self.task_file(id, END).exists() && self.task_file(id, REQUEST).exists());
        Ok(ids)
    }

    /// Whether a task has ended.
    #[must_use]
    pub fn has_ended(&self, task_id: &TaskId) -> bool {
        self.task_file(task_id, END).exists()
    }

    /// Notes that a worker begins, and gives how often the task was begun, this time included.
    ///
    /// # Errors
    /// [`TrainerError::Write`].
    pub fn begin(&self, task_id: &TaskId, worker: &str) -> Result<u32, TrainerError> {
        let place = self.task_file(task_id, START);
        let before: Option<TaskStart> = read_json(&place)?;
        let start = TaskStart {
            worker: worker.to_owned(),
            attempt: before.as_ref().map_or(0, |start| start.attempt) + 1,
            started: before.map_or_else(now, |start| start.started),
        };
        write_json(&place, &start)?;
        Ok(start.attempt)
    }

    /// Writes how far a task is.
    ///
    /// # Errors
    /// [`TrainerError::Write`].
    pub fn note(&self, task_id: &TaskId, progress: &TaskProgress) -> Result<(), TrainerError> {
        write_json(&self.task_file(task_id, PROGRESS), progress)
    }

    /// Ends a task, unless it has ended; says whether this was the end.
    ///
    /// # Errors
    /// [`TrainerError::Write`].
    pub fn end(&self, task_id: &TaskId, end: &TaskEnd) -> Result<bool, TrainerError> {
        debug_assert!(end.status.is_end());
        let place = self.task_file(task_id, END);
        // A link appears whole or not at all, and never in the place of another file.
        let written = self.task_file(task_id, &format!(".end-{}", TaskId::new()?));
        write_json(&written, end)?;
        let linked = fs::hard_link(&written, &place);
        let _ = fs::remove_file(&written);
        match linked {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(source) => Err(cannot_write(&place, source)),
        }
    }

    /// Asks to stop a task. One that nobody has begun ends here.
    ///
    /// # Errors
    /// As [`Self::task`] and [`Self::end`].
    pub fn cancel(&self, task_id: &TaskId, by: &str) -> Result<(), TrainerError> {
        if self.task(task_id)?.status().is_end() {
            return Ok(());
        }
        OutputFile::write(&self.task_file(task_id, CANCEL), by.as_bytes())?;
        self.settle_cancelled(task_id)?;
        Ok(())
    }

    /// Ends a cancelled task that nobody works on; says whether it did.
    ///
    /// # Errors
    /// As [`Self::end`].
    pub fn settle_cancelled(&self, task_id: &TaskId) -> Result<bool, TrainerError> {
        let Some(_held) = self.lock_task(task_id)? else {
            return Ok(false);
        };
        self.end(task_id, &TaskEnd::cancelled(&self.canceller(task_id)))
    }

    /// Whether somebody asked to stop a task.
    #[must_use]
    pub fn is_cancelled(&self, task_id: &TaskId) -> bool {
        self.task_file(task_id, CANCEL).exists()
    }

    /// Who asked to stop a task.
    #[must_use]
    pub fn canceller(&self, task_id: &TaskId) -> String {
        fs::read_to_string(self.task_file(task_id, CANCEL)).unwrap_or_default()
    }

    /// Takes the lock of a task; `None` where somebody works on it.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the system has no such lock.
    pub fn lock_task(&self, task_id: &TaskId) -> Result<Option<HeldLock>, TrainerError> {
        try_lock(&self.task_file(task_id, LOCK))
    }

    /// Takes one of `n_places` places for trainings of a schema; `None` where all are taken.
    ///
    /// # Errors
    /// As [`Self::lock_task`].
    pub fn lock_schema(
        &self,
        schema_digest: &str,
        n_places: usize,
    ) -> Result<Option<HeldLock>, TrainerError> {
        let name: String = schema_digest
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        for place in 0..n_places.max(1) {
            let file = self.path.join("locks").join(format!("{name}.{place}"));
            if let Some(held) = try_lock(&file)? {
                return Ok(Some(held));
            }
        }
        Ok(None)
    }

    /// Notes that a task was handed to the queue.
    ///
    /// # Errors
    /// [`TrainerError::Write`].
    pub fn note_queued(&self, task_id: &TaskId) -> Result<(), TrainerError> {
        OutputFile::write(&self.task_file(task_id, QUEUED), b"")
    }

    /// How long ago a task was handed to the queue; `None` where it never was.
    #[must_use]
    pub fn queued_for(&self, task_id: &TaskId) -> Option<Duration> {
        age_of(&self.task_file(task_id, QUEUED))
    }

    /// Forgets tasks that ended longer ago than this; their runs stay. Gives how many.
    ///
    /// # Errors
    /// As [`Self::task_ids`], and [`TrainerError::Write`].
    pub fn forget_ended(&self, keep: Duration) -> Result<usize, TrainerError> {
        let mut n_forgotten = 0;
        for task_id in self.task_ids()? {
            let end = self.task_file(&task_id, END);
            if age_of(&end).is_some_and(|age| age > keep)
                && let Some(folder) = end.parent()
            {
                fs::remove_dir_all(folder).map_err(|source| cannot_write(folder, source))?;
                n_forgotten += 1;
            }
        }
        Ok(n_forgotten)
    }
}

impl TaskEnd {
    /// The end of a task that was stopped.
    #[must_use]
    pub fn cancelled(by: &str) -> Self {
        Self {
            status: TaskStatus::Cancelled,
            result: None,
            reason: (!by.is_empty()).then(|| format!("cancelled by {by}")),
            finished: now(),
        }
    }

    /// The end of a task without a model.
    #[must_use]
    pub fn failure(reason: String) -> Self {
        Self {
            status: TaskStatus::Failure,
            result: None,
            reason: Some(reason),
            finished: now(),
        }
    }
}

/// Takes the lock on a file; `None` where another has it.
///
/// # Errors
/// [`TrainerError::Write`] where the system has no such lock.
pub(crate) fn try_lock(place: &Path) -> Result<Option<HeldLock>, TrainerError> {
    let file = File::create(place).map_err(|source| cannot_write(place, source))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(HeldLock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(cannot_write(place, source)),
    }
}

fn age_of(place: &Path) -> Option<Duration> {
    let modified = fs::metadata(place).ok()?.modified().ok()?;
    // A clock that went back makes nothing old.
    Some(
        SystemTime::now()
            .duration_since(modified)
            .unwrap_or_default(),
    )
}

/// By RFC 3339, in UTC.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

fn write_json(place: &Path, content: &impl Serialize) -> Result<(), TrainerError> {
    let mut file = OutputFile::create(place)?;
    file.write_all(&serde_json::to_vec(content)?)
        .map_err(|source| cannot_write(place, source))?;
    file.commit()
}

/// Reads a file of JSON; `None` where there is none.
pub(crate) fn read_json<T: DeserializeOwned>(place: &Path) -> Result<Option<T>, TrainerError> {
    let file = place.display().to_string();
    let damaged = |reason: String| JobError::Damaged {
        file: file.clone(),
        reason,
    };
    let n_bytes = match fs::metadata(place) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(TrainerError::Read { file, source }),
    };
    if n_bytes > MAX_FILE_BYTES {
        let reason = format!("{n_bytes} bytes; at most {MAX_FILE_BYTES} are expected");
        return Err(damaged(reason).into());
    }
    let bytes = match fs::read(place) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(TrainerError::Read { file, source }),
    };
    let content = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    Ok(Some(content))
}

fn cannot_write(place: &Path, source: io::Error) -> TrainerError {
    TrainerError::Write {
        file: place.to_owned(),
        source,
    }
}
