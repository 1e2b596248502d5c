//! A directory with sampled rows and models for one test.

use std::path::PathBuf;

use crate::run::{schema, stdout_of, text};

/// Sampled phishing rows in a directory of their own.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) rows: PathBuf,
}

impl Bench {
    pub(crate) fn new(n_rows: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rows = dir.path().join("rows.csv");
        stdout_of(&[
            "sample",
            "--rows",
            &n_rows.to_string(),
            "--seed",
            "3",
            "--out",
            text(&rows),
        ]);
        Self { dir, rows }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file beside the rows.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn rows_text(&self) -> String {
        std::fs::read_to_string(&self.rows).unwrap()
    }

    /// Trains on the rows and gives the model's file.
    pub(crate) fn train(&self, name: &str, more: &[&str]) -> PathBuf {
        let out = self.path(name);
        let schema = schema("phishing.toml");
        let mut arguments = vec![
            "train",
            "--data",
            text(&self.rows),
            "--schema",
            text(&schema),
            "--out",
            text(&out),
        ];
        arguments.extend(more);
        stdout_of(&arguments);
        out
    }
}
