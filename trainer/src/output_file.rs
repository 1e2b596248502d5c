//! Files that are there completely or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::TrainerError;

/// A file under a temporary name beside its place; it takes its place when it is complete. A
/// reader never sees half of it, and a failure leaves what was there before.
#[derive(Debug)]
pub struct OutputFile {
    writer: Option<BufWriter<File>>,
    place: PathBuf,
    temporary: PathBuf,
}

impl OutputFile {
    /// Starts a file.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the directory does not take it.
    pub fn create(place: &Path) -> Result<Self, TrainerError> {
        let wrong = |source| TrainerError::Write {
            file: place.to_owned(),
            source,
        };
        let name = place.file_name().ok_or_else(|| {
            wrong(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not the name of a file",
            ))
        })?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        // The process id keeps two runs that write one file apart.
        hidden.push(format!(".{}.part", std::process::id()));
        let temporary = place.with_file_name(hidden);
        let writer = BufWriter::new(File::create(&temporary).map_err(wrong)?);
        Ok(Self {
            writer: Some(writer),
            place: place.to_owned(),
            temporary,
        })
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the system refuses.
    pub fn write(place: &Path, bytes: &[u8]) -> Result<(), TrainerError> {
        let mut file = Self::create(place)?;
        file.write_all(bytes)
            .map_err(|source| TrainerError::Write {
                file: place.to_owned(),
                source,
            })?;
        file.commit()
    }

    /// Puts the file in its place, once its bytes are on the disk.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the system refuses.
    pub fn commit(mut self) -> Result<(), TrainerError> {
        let wrong = |source| TrainerError::Write {
            file: self.place.clone(),
            source,
        };
        if let Some(writer) = self.writer.take() {
            let file = writer
                .into_inner()
                .map_err(|error| wrong(error.into_error()))?;
            file.sync_all().map_err(wrong)?;
            drop(file);
            fs::rename(&self.temporary, &self.place).map_err(wrong)?;
        }
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer
            .as_mut()
            .map_or(Ok(0), |writer| writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if self.temporary.exists() {
            // Nothing can be done where even this fails.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_file_leaves_the_old_one_alone() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("model.picket");
        OutputFile::write(&place, b"old").unwrap();
        let mut file = OutputFile::create(&place).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read(&place).unwrap(), b"old");
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing else stays behind"
        );
    }
}
