//! Where things are.

use crate::command;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The checkout that this run works on.
pub(crate) struct Repo {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever the user put it.
    pub(crate) target: PathBuf,
    /// `cargo metadata` without dependencies outside the workspace.
    pub(crate) metadata: Value,
    /// This program. Asked at the start: a stage that builds the workspace may build it again,
    /// and then the running file has no name any more, while this path has the new one.
    pub(crate) xtask: PathBuf,
}

impl Repo {
    pub(crate) fn find() -> Result<Self> {
        // Asked at run time: a binary from a shared target folder may have been built elsewhere.
        let output =
            command::capture(cargo().args(["metadata", "--no-deps", "--format-version=1"]))?;
        let metadata: Value = serde_json::from_str(&output).context("reading cargo metadata")?;
        let path = |key: &str| {
            metadata[key]
                .as_str()
                .map(PathBuf::from)
                .with_context(|| format!("cargo metadata has no {key}"))
        };
        Ok(Self {
            root: path("workspace_root")?,
            target: path("target_directory")?,
            metadata,
            xtask: std::env::current_exe().context("looking for this program")?,
        })
    }

    /// A command that runs in the root of the workspace.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.root);
        command
    }

    /// Cargo, run in the root of the workspace.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root);
        command
    }

    pub(crate) fn www(&self) -> PathBuf {
        self.root.join("www")
    }

    pub(crate) fn scorer_component(&self) -> PathBuf {
        self.target.join("wasm/picket-scorer.wasm")
    }

    pub(crate) fn spin_component(&self) -> PathBuf {
        self.target.join("wasm/picket-spin.wasm")
    }

    pub(crate) fn plain_component(&self) -> PathBuf {
        self.target.join("wasm/picket-plain.wasm")
    }

    /// The path as a reader of the terminal would type it.
    pub(crate) fn shown<'p>(&self, path: &'p Path) -> std::path::Display<'p> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

fn cargo() -> Command {
    // Cargo tells its own path to what it runs, so that nested calls use the same toolchain.
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What it tells of this crate is not the nested call's: a build script that reads it would make much anew.
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        if known.starts_with("CARGO_PKG_") || known.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}
