//! Releases in a directory. A crash at any moment leaves whole files or none.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::publish::error::PublishError;
use crate::publish::store::{ReleaseStore, Revision};

/// Held while a file is replaced; the system lets go of it when its holder ends, however it ends.
const LOCK: &str = ".lock";

/// Keeps the temporary files of one process apart.
static NEXT_TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// Releases in a directory.
#[derive(Clone, Debug)]
pub struct DirectoryStore {
    root: PathBuf,
}

impl DirectoryStore {
    /// The store in a directory, which is made with the first release.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    fn wrong(&self, name: &str, operation: &'static str) -> impl Fn(io::Error) -> PublishError {
        let place = self.root.join(name).display().to_string();
        move |error| PublishError::Store {
            place: place.clone(),
            operation,
            message: error.to_string(),
        }
    }

    /// The bytes under a name of their own in the folder of `place`, safely on the disk.
    fn temporary(place: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
        let folder = place.parent().unwrap_or(Path::new("."));
        create_folders(folder)?;
        let number = NEXT_TEMPORARY.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!(".{}.{number}.part", std::process::id()));
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().inspect_err(|_| drop(fs::remove_file(&temporary)))?;
        Ok(temporary)
    }
}

/// Makes folders, each safely on the disk.
fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        create_folders(parent)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(folder.parent().unwrap_or(Path::new("."))),
    }
}

/// A name is on the disk when its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn read_at_most(place: &Path, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(place) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn revision(bytes: &[u8]) -> Revision {
    let digest = Sha256::digest(bytes);
    Revision(digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

impl ReleaseStore for DirectoryStore {
    fn address(&self) -> String {
        self.root.display().to_string()
    }

    fn read(
        &self,
        name: &str,
        max_bytes: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, PublishError> {
        let place = self.root.join(name);
        let bytes = read_at_most(&place, max_bytes).map_err(self.wrong(name, "reading"))?;
        match bytes {
            Some(bytes) if bytes.len() as u64 > max_bytes => Err(PublishError::Damaged {
                place: place.display().to_string(),
                found: format!("more than {max_bytes} bytes"),
                expected: format!("at most {max_bytes}"),
            }),
            bytes => Ok(bytes.map(|bytes| {
                let revision = revision(&bytes);
                (bytes, revision)
            })),
        }
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, PublishError> {
        let place = self.root.join(name);
        let create = || {
            let temporary = Self::temporary(&place, bytes)?;
            // A second name for the bytes fails where the name is taken; renaming would overwrite.
            let linked = fs::hard_link(&temporary, &place);
            fs::remove_file(&temporary)?;
            match linked {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
                linked => linked?,
            }
            sync_folder(place.parent().unwrap_or(Path::new(".")))?;
            Ok(true)
        };
        create().map_err(self.wrong(name, "creating"))
    }

    fn replace(&self, name: &str, bytes: &[u8], expected: &Revision) -> Result<bool, PublishError> {
        let place = self.root.join(name);
        let replace = || {
            create_folders(&self.root)?;
            let lock = File::create(self.root.join(LOCK))?;
            lock.lock()?;
            let found = match fs::read(&place) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
                found => found?,
            };
            if revision(&found) != *expected {
                return Ok(false);
            }
            let temporary = Self::temporary(&place, bytes)?;
            fs::rename(&temporary, &place)?;
            sync_folder(place.parent().unwrap_or(Path::new(".")))?;
            Ok(true)
        };
        replace().map_err(self.wrong(name, "replacing"))
    }

    fn folders(&self, name: &str) -> Result<Vec<String>, PublishError> {
        let place = self.root.join(name);
        let list = || {
            let entries = match fs::read_dir(&place) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let mut names = Vec::new();
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    names.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
            Ok(names)
        };
        list().map_err(self.wrong(name, "listing"))
    }
}
