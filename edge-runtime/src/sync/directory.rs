//! Releases in a directory, such as a mounted medium.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::PathBuf;

use super::source::{Fetched, ReleaseSource, SourceError, SourcePath};

/// A directory with releases in it.
#[derive(Clone, Debug)]
pub struct DirectorySource {
    folder: PathBuf,
}

impl DirectorySource {
    /// Takes releases from a directory.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

impl ReleaseSource for DirectorySource {
    fn fetch(
        &self,
        path: SourcePath,
        max_bytes: u64,
        _: Option<&str>,
    ) -> Result<Fetched, SourceError> {
        let place = self.folder.join(path.to_string());
        let failed = |error: io::Error| SourceError::Failed {
            path,
            reason: error.to_string(),
        };
        // Looked at before it is opened: opening a pipe would wait for a writer.
        let found = match std::fs::metadata(&place) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Fetched::Absent),
            Err(error) => return Err(failed(error)),
        };
        if !found.is_file() {
            return Err(SourceError::Failed {
                path,
                reason: "not a file".to_owned(),
            });
        }
        let file = File::open(&place).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(max_bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > max_bytes {
            let expected = max_bytes;
            return Err(SourceError::TooLarge { path, expected });
        }
        Ok(Fetched::Found { bytes, etag: None })
    }
}
