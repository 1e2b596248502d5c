//! A file of lines that is put aside when it is large enough.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file of at most so many bytes, and the files before it: `NAME.1` is the one before, the highest number the
/// oldest. Together they never hold more than their number times the bytes, one line apart.
#[derive(Debug)]
pub(crate) struct RotatedFile {
    path: PathBuf,
    file: File,
    length: u64,
    max_bytes: u64,
    n_files: usize,
}

impl RotatedFile {
    pub(crate) fn open(path: &Path, max_bytes: u64, n_files: usize) -> io::Result<Self> {
        let file = append_to(path)?;
        let length = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            max_bytes: max_bytes.max(1),
            n_files: n_files.max(1),
        })
    }

    /// Writes a line, in one piece.
    pub(crate) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.length > 0 && self.length.saturating_add(line.len() as u64) > self.max_bytes {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.length += line.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..self.n_files).rev() {
            let from = match number {
                1 => self.path.clone(),
                _ => self.numbered(number - 1),
            };
            match std::fs::rename(from, self.numbered(number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.n_files == 1 {
            std::fs::remove_file(&self.path)?;
        }
        self.file = append_to(&self.path)?;
        self.length = self.file.metadata()?.len();
        Ok(())
    }

    fn numbered(&self, number: usize) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

/// A log may say who asked for what: its owner reads it.
fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> io::Result<Vec<(String, String)>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(entry.path())?));
        }
        files.sort();
        Ok(files)
    }

    #[test]
    fn files_are_bounded_in_size_and_number_and_lines_stay_whole() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("log");
        let mut file = RotatedFile::open(&path, 20, 3)?;
        for number in 0..10 {
            file.write(format!("line {number}\n").as_bytes())?;
        }
        let expected = [
            ("log", "line 8\nline 9\n"),
            ("log.1", "line 6\nline 7\n"),
            ("log.2", "line 4\nline 5\n"),
        ];
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        assert_eq!(
            files(folder.path())?,
            expected.iter().map(owned).collect::<Vec<_>>()
        );
        // Opened again it goes on where it was.
        let mut file = RotatedFile::open(&path, 20, 3)?;
        file.write(b"line 10\n")?;
        assert_eq!(files(folder.path())?[0].1, "line 10\n");
        // A line that is larger than a file has a file of its own.
        file.write(&[b'x'; 50])?;
        file.write(b"after\n")?;
        assert_eq!(files(folder.path())?[0].1, "after\n");
        assert_eq!(files(folder.path())?[1].1.len(), 50);
        Ok(())
    }

    #[test]
    fn one_file_is_started_anew() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut file = RotatedFile::open(&folder.path().join("log"), 8, 1)?;
        for number in 0..3 {
            file.write(format!("line {number}\n").as_bytes())?;
        }
        assert_eq!(
            files(folder.path())?,
            [("log".to_owned(), "line 2\n".to_owned())]
        );
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn the_files_are_their_owners() -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir()?;
        let path = folder.path().join("log");
        RotatedFile::open(&path, 8, 2)?;
        assert_eq!(
            std::fs::metadata(&path)?.permissions().mode() & 0o777,
            0o600
        );
        Ok(())
    }
}
