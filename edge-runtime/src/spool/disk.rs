//! Files as the spool sees them: few operations, so that a test can stand in for a disk that loses power.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::error::SpoolError;

/// A folder of files. What was written is kept through a crash only once it was synced, and a new or
/// removed name only once the names were.
pub trait Disk {
    /// The names of all files, in no particular order.
    ///
    /// # Errors
    /// What the system says; so for every operation.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Up to `n_bytes` bytes from `offset`; fewer where the file ends.
    ///
    /// # Errors
    /// What the system says.
    fn read(&self, name: &str, offset: u64, n_bytes: usize) -> io::Result<Vec<u8>>;

    /// Writes bytes at `offset`; makes the file where there is none.
    ///
    /// # Errors
    /// What the system says.
    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was written to a file durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Cuts a file.
    ///
    /// # Errors
    /// What the system says.
    fn truncate(&mut self, name: &str, n_bytes: u64) -> io::Result<()>;

    /// Gives a file another name, in the place of what has it.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Makes new, changed and removed names durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_names(&mut self) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Files that were written to, kept open.
    open: BTreeMap<String, File>,
    /// Held for as long as this stands.
    _lock: Option<File>,
}

impl Folder {
    /// The file whose lock says that a process has the spool.
    pub(super) const LOCK: &str = "lock";

    /// Makes the folder where there is none, and takes it for this process alone.
    ///
    /// # Errors
    /// [`SpoolError::InUse`] where another process has it, [`SpoolError::Folder`] where there can be no folder.
    pub fn take(path: &Path) -> Result<Self, SpoolError> {
        let failed = |source| SpoolError::Folder {
            path: path.to_owned(),
            source,
        };
        std::fs::create_dir_all(path).map_err(failed)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(Self::LOCK))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let path = path.to_owned();
                return Err(SpoolError::InUse { path });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        Ok(Self {
            path: path.to_owned(),
            open: BTreeMap::new(),
            _lock: Some(lock),
        })
    }

    /// The folder for reading, whoever has it.
    ///
    /// # Errors
    /// [`SpoolError::Folder`] where there is no such folder.
    pub fn look(path: &Path) -> Result<Self, SpoolError> {
        std::fs::read_dir(path).map_err(|source| SpoolError::Folder {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            open: BTreeMap::new(),
            _lock: None,
        })
    }

    fn writable(&mut self, name: &str) -> io::Result<&mut File> {
        if !self.open.contains_key(name) {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(self.path.join(name))?;
            self.open.insert(name.to_owned(), file);
        }
        self.open
            .get_mut(name)
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            // A name that is not text is none of the spool's.
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn read(&self, name: &str, offset: u64, n_bytes: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path.join(name))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(n_bytes as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file: &File = self.writable(name)?;
        #[cfg(unix)]
        if !bytes.is_empty() {
            return std::os::unix::fs::FileExt::write_all_at(file, bytes, offset);
        }
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.writable(name)?.sync_data()
    }

    fn truncate(&mut self, name: &str, n_bytes: u64) -> io::Result<()> {
        self.writable(name)?.set_len(n_bytes)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.open.remove(from);
        self.open.remove(to);
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.open.remove(name);
        std::fs::remove_file(self.path.join(name))
    }

    #[cfg(unix)]
    fn sync_names(&mut self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    /// Other systems have no handle of a folder to sync; names are durable with their file there.
    #[cfg(not(unix))]
    fn sync_names(&mut self) -> io::Result<()> {
        Ok(())
    }
}
