//! Who is measured beside whom: a program for each engine on each host.

use super::lab::{Lab, pinned};
use crate::command;
use crate::repo::Repo;
use crate::setup;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An engine on a host, and how to start its driver.
pub(crate) struct Entrant {
    pub(crate) host: &'static str,
    pub(crate) engine: &'static str,
    /// The program, or why there is none.
    pub(crate) command: Result<Command, String>,
}

/// Everybody who takes part with a model of the shape.
pub(crate) fn of_shape(
    repo: &Repo,
    lab: &Lab,
    shape: &'static str,
    core: Option<usize>,
) -> Vec<Entrant> {
    let commands = Commands {
        lab,
        shape,
        core,
        artifact: lab.artifact(shape),
        rows: lab.rows(),
        n_features: lab.n_features(),
    };
    let mut entrants = commands.ours(repo);
    entrants.extend(commands.native_peers());
    entrants.extend(commands.peers_in_node());
    for entrant in &mut entrants {
        if let Ok(command) = &mut entrant.command {
            // One thread each, whatever a library would take.
            let threads = [("OMP_NUM_THREADS", "1"), ("OPENBLAS_NUM_THREADS", "1")];
            command.current_dir(&repo.root).envs(threads);
        }
    }
    entrants
}

/// Commands for the drivers of one shape.
struct Commands<'l> {
    lab: &'l Lab,
    shape: &'static str,
    core: Option<usize>,
    artifact: PathBuf,
    rows: PathBuf,
    n_features: String,
}

impl Commands<'_> {
    fn ours(&self, repo: &Repo) -> Vec<Entrant> {
        let module: &Path = &self.lab.module;
        let browser = setup::Browser::ensure().map_err(|error| format!("{error:#}"));
        let in_browser = browser.and_then(|browser| {
            let rest: [&Path; 2] = [&browser.chromedriver, &browser.chromium];
            let words = [&[module, &self.artifact, &self.rows], &rest[..]].concat();
            self.node("chromium.mjs", &words)
        });
        vec![
            runs("native", "picket", self.picket("native", None)),
            runs("wasmtime", "picket", self.picket("wasmtime", Some(module))),
            runs(
                "wasmtime",
                "picket-component",
                self.picket("component", Some(&repo.scorer_component())),
            ),
            entrant(
                "node",
                "picket",
                self.node(
                    "node.mjs",
                    &["picket".as_ref(), module, &self.artifact, &self.rows],
                ),
            ),
            entrant("chromium", "picket", in_browser),
        ]
    }

    fn native_peers(&self) -> Vec<Entrant> {
        let rows_and_width: [&Path; 2] = [&self.rows, self.n_features.as_ref()];
        let version = self.lab.version("tl2cgen");
        let words = [&rows_and_width[..], &[version.as_ref()]].concat();
        let driver = format!("tl2cgen-{}", self.shape);
        let mut entrants = vec![runs("native", "tl2cgen", self.compiled(&driver, &words))];
        if self.shape == "gbdt" {
            let model = self.lab.model(self.shape, "ubj");
            let words = [&[model.as_ref()], &rows_and_width[..]].concat();
            entrants.push(runs("native", "xgboost", self.compiled("xgboost", &words)));
            entrants.push(runs("native", "xgboost-python", self.python("xgboost")));
            let model = self.lab.model(self.shape, "lightgbm.txt");
            let version = self.lab.version("lightgbm");
            let words = [&[model.as_ref()], &rows_and_width[..], &[version.as_ref()]].concat();
            entrants.push(runs(
                "native",
                "lightgbm",
                self.compiled("lightgbm", &words),
            ));
        } else {
            entrants.push(runs("native", "scikit-learn", self.python("scikit-learn")));
        }
        entrants.push(runs("native", "onnxruntime", self.python("onnxruntime")));
        entrants.push(runs("native", "ydf", self.python("ydf")));
        entrants
    }

    fn peers_in_node(&self) -> Vec<Entrant> {
        let peer = |engine: &'static str, ending| {
            let folder = self.lab.node.clone();
            let model = self.lab.model(self.shape, ending);
            let command = folder.and_then(|folder| {
                let (engine, width): (&Path, &Path) = (engine.as_ref(), self.n_features.as_ref());
                self.node("node.mjs", &[engine, &model, &self.rows, width, &folder])
            });
            entrant("node", engine, command)
        };
        vec![peer("onnxruntime-web", "onnx"), peer("ydf", "ydf.zip")]
    }

    fn picket(&self, host: &str, wasm: Option<&Path>) -> Command {
        let mut command = pinned(self.core, &self.lab.runner);
        command
            .arg(host)
            .arg(&self.artifact)
            .arg(&self.rows)
            .args(wasm);
        command
    }

    fn python(&self, engine: &str) -> Command {
        let mut command = pinned(self.core, &self.lab.python);
        command
            .arg(self.lab.scripts.join("drive.py"))
            .args([engine, self.shape])
            .arg(&self.lab.folder);
        command
    }

    fn node(&self, script: &str, words: &[&Path]) -> Result<Command, String> {
        let node = command::find("node").ok_or("there is no node: install Node.js 20 or later")?;
        let mut command = pinned(self.core, &node);
        command.arg(self.lab.scripts.join(script)).args(words);
        Ok(command)
    }

    fn compiled(&self, driver: &str, words: &[&Path]) -> Command {
        let mut command = pinned(self.core, &self.lab.folder.join(driver));
        command.args(words);
        command
    }
}

fn entrant(host: &'static str, engine: &'static str, command: Result<Command, String>) -> Entrant {
    Entrant {
        host,
        engine,
        command,
    }
}

/// An engine whose driver was built or installed before.
fn runs(host: &'static str, engine: &'static str, command: Command) -> Entrant {
    entrant(host, engine, Ok(command))
}
