//! The device under test: `edge-runtime serve` on a spool of its own.

use super::counts::Counts;
use super::program::Program;
use super::store::{Store, TOKEN};
use crate::command;
use crate::http;
use crate::repo::Repo;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The way that records take.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// From the device to the database.
    Direct,
    /// By `edge-runtime collect`.
    Collector,
}

pub(crate) struct Device {
    program: Program,
    folder: PathBuf,
    model: PathBuf,
    component: PathBuf,
}

impl Device {
    pub(crate) fn new(repo: &Repo, folder: &Path) -> Result<Self> {
        Ok(Self {
            program: Program::new(repo, folder.join("device.jsonl"))?,
            folder: folder.to_owned(),
            model: repo.root.join("schema/testdata/v1/phishing-tree.picket"),
            component: repo.scorer_component(),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.program.address()
    }

    /// Starts the program and waits until it answers.
    pub(crate) fn start(&mut self, store: &Store, way: Way) -> Result<()> {
        let (folder, model, component) = (&self.folder, &self.model, &self.component);
        self.program.start(|command| {
            command
                .arg("serve")
                .arg("--model")
                .arg(model)
                .arg("--component")
                .arg(component)
                .arg("--spool")
                .arg(folder.join("spool"))
                .arg("--cache-dir")
                .arg(folder.join("cache"))
                .args(["--upload", &store.upload(way)])
                .args(["--upload-longest-wait", "1", "--upload-records", "500"])
                .args(["--record-window", "1"])
                .env("PICKET_UPLOAD_TOKEN", TOKEN);
        })
    }

    pub(crate) fn kill(&mut self) -> Result<()> {
        self.program.kill()
    }

    /// What `/metrics` says of the spool.
    pub(crate) fn counts(&self) -> Result<Counts> {
        let (_, page) = http::get(self.program.address(), "/metrics")?;
        Counts::of_metrics(&page)
    }

    /// What `spool inspect` says, with the program ended.
    pub(crate) fn inspected(&self) -> Result<Counts> {
        let text = command::capture(
            Command::new(self.program.path())
                .args(["spool", "inspect"])
                .arg(self.folder.join("spool")),
        )?;
        let shown = serde_json::from_str(&text).context("reading what `spool inspect` says")?;
        Counts::of_inspection(&shown)
    }
}
