//! The folder of a run: `artifacts/<timestamp>/<stage>/…`.
//!
//! A stage's files are written into a hidden folder that takes the stage's name when all of them are on the
//! disk. So a stage's folder is whole or not there, whatever ends the process.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use crate::error::TrainerError;
use crate::output_file::OutputFile;

/// A file that is locked while a process works in the folder.
const LOCK_FILE: &str = ".lock";

/// The folder of one run, held by this process alone.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Keeps the lock until the run ends.
    _lock: File,
}

/// A stage's folder while it is filled.
#[derive(Debug)]
pub struct StageFolder {
    hidden: PathBuf,
    place: PathBuf,
}

impl RunFolder {
    /// Makes a new folder, named by the time in UTC; a number is added where two runs begin in one second.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the system refuses.
    pub fn create(artifacts: &Path) -> Result<Self, TrainerError> {
        fs::create_dir_all(artifacts).map_err(|source| cannot_write(artifacts, source))?;
        let name = timestamp().replace(':', "-");
        let mut path = artifacts.join(&name);
        let mut number = 1;
        loop {
            match fs::create_dir(&path) {
                Ok(()) => return Self::lock(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(cannot_write(&path, source)),
            }
            number += 1;
            path = artifacts.join(format!("{name}.{number}"));
        }
    }

    /// Makes the folder with this name, or takes one that a killed process left before it wrote anything
    /// that a run could go on with.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the system refuses, [`TrainerError::RunFolder`] where another process works
    /// in it, or it is the folder of a run already.
    pub fn begin(artifacts: &Path, name: &str) -> Result<Self, TrainerError> {
        let path = artifacts.join(name);
        fs::create_dir_all(&path).map_err(|source| cannot_write(&path, source))?;
        let folder = Self::lock(path)?;
        if folder.path.join(super::RECORD_FILE).exists() {
            return Err(TrainerError::RunFolder {
                folder: folder.path.display().to_string(),
                found: "a run".to_owned(),
                expected: "no run of this name".to_owned(),
            });
        }
        folder.remove_halves()?;
        Ok(folder)
    }

    /// Takes the folder of a run that was begun before.
    ///
    /// # Errors
    /// [`TrainerError::RunFolder`] where another process works in it.
    pub fn open(path: &Path) -> Result<Self, TrainerError> {
        let folder = Self::lock(path.to_owned())?;
        folder.remove_halves()?;
        Ok(folder)
    }

    fn lock(path: PathBuf) -> Result<Self, TrainerError> {
        let place = path.join(LOCK_FILE);
        let lock = File::create(&place).map_err(|source| cannot_write(&place, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(TrainerError::RunFolder {
                folder: path.display().to_string(),
                found: "another process at work in it".to_owned(),
                expected: "a run that nobody works on".to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(cannot_write(&place, source)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name, which is the run's id.
    #[must_use]
    pub fn run_id(&self) -> String {
        self.path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    /// A finished stage's folder.
    #[must_use]
    pub fn finished(&self, stage: &str) -> Option<PathBuf> {
        let place = self.path.join(stage);
        place.is_dir().then_some(place)
    }

    /// Starts a stage's folder.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the system refuses.
    pub fn stage(&self, stage: &str) -> Result<StageFolder, TrainerError> {
        let hidden = self.path.join(format!(".{stage}.part"));
        if hidden.exists() {
            fs::remove_dir_all(&hidden).map_err(|source| cannot_write(&hidden, source))?;
        }
        fs::create_dir(&hidden).map_err(|source| cannot_write(&hidden, source))?;
        Ok(StageFolder {
            hidden,
            place: self.path.join(stage),
        })
    }

    /// Renames a stage's folder, so that the next try does the stage again and its files can still be read.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the system refuses.
    pub fn set_aside(&self, stage: &str) -> Result<(), TrainerError> {
        let (from, to) = (
            self.path.join(stage),
            self.path.join(format!("{stage}-refused")),
        );
        if to.exists() {
            fs::remove_dir_all(&to).map_err(|source| cannot_write(&to, source))?;
        }
        fs::rename(&from, &to).map_err(|source| cannot_write(&from, source))
    }

    /// Removes what a killed process left half done.
    fn remove_halves(&self) -> Result<(), TrainerError> {
        let entries =
            fs::read_dir(&self.path).map_err(|source| cannot_write(&self.path, source))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_half = name
                .strip_prefix('.')
                .and_then(|name| name.strip_suffix(".part"));
            if is_half.is_some() && entry.path().is_dir() {
                fs::remove_dir_all(entry.path())
                    .map_err(|source| cannot_write(&entry.path(), source))?;
            }
        }
        Ok(())
    }
}

impl StageFolder {
    /// Where a file of the stage goes.
    #[must_use]
    pub fn place(&self, file: &str) -> PathBuf {
        self.hidden.join(file)
    }

    /// Writes a file.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the system refuses.
    pub fn write(&self, file: &str, bytes: &[u8]) -> Result<(), TrainerError> {
        OutputFile::write(&self.place(file), bytes)
    }

    /// Writes a file of JSON.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the system refuses.
    pub fn write_json(&self, file: &str, content: &impl Serialize) -> Result<(), TrainerError> {
        let mut text = serde_json::to_vec_pretty(content)?;
        text.push(b'\n');
        self.write(file, &text)
    }

    /// Puts the stage's folder in its place, in the place of an older one.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the system refuses.
    pub fn commit(self) -> Result<PathBuf, TrainerError> {
        let sync = |path: &Path| File::open(path).and_then(|folder| folder.sync_all());
        sync(&self.hidden).map_err(|source| cannot_write(&self.hidden, source))?;
        if self.place.exists() {
            fs::remove_dir_all(&self.place).map_err(|source| cannot_write(&self.place, source))?;
        }
        fs::rename(&self.hidden, &self.place)
            .map_err(|source| cannot_write(&self.place, source))?;
        if let Some(parent) = self.place.parent() {
            sync(parent).map_err(|source| cannot_write(parent, source))?;
        }
        Ok(self.place)
    }
}

/// The time in UTC as RFC 3339, in seconds.
pub(crate) fn timestamp() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

fn cannot_write(path: &Path, source: io::Error) -> TrainerError {
    TrainerError::Write {
        file: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_whole_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunFolder::create(dir.path()).unwrap();
        let stage = run.stage("split").unwrap();
        stage.write("split.json", b"{}").unwrap();
        assert_eq!(run.finished("split"), None);
        drop(stage);
        let path = run.path().to_owned();
        assert!(path.join(".split.part").is_dir());
        drop(run);
        let run = RunFolder::open(&path).unwrap();
        assert!(!path.join(".split.part").exists(), "halves are removed");
        for content in [b"first", b"later"] {
            let stage = run.stage("split").unwrap();
            stage.write("split.json", content).unwrap();
            let place = stage.commit().unwrap();
            assert_eq!(fs::read(place.join("split.json")).unwrap(), content);
        }
        assert_eq!(run.finished("split"), Some(path.join("split")));
    }

    #[test]
    fn two_runs_in_one_second_have_two_folders_and_one_process_each() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (
            RunFolder::create(dir.path()).unwrap(),
            RunFolder::create(dir.path()).unwrap(),
        );
        assert_ne!(a.path(), b.path());
        let error = RunFolder::open(a.path()).unwrap_err().to_string();
        assert!(error.contains("another process"), "{error}");
        let path = a.path().to_owned();
        drop(a);
        assert!(RunFolder::open(&path).is_ok());
    }
}
