//! What the side-by-side benches need: peers, trained models in every form, rows, and our drivers.

use super::peers;
use crate::build_wasm::{self, Output};
use crate::command;
use crate::repo::Repo;
use crate::setup::{self, WasmToolchain};
use anyhow::{Context, Result};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The shapes: `gbdt` is 200 trees of depth 6, `forest` 100 trees of full depth.
pub(crate) const SHAPES: [&str; 2] = ["gbdt", "forest"];

/// The sample has as many rows as the real data.
const SAMPLE_ROWS: &str = "11055";

/// Where everything is.
pub(crate) struct Lab {
    /// Models, rows and truths, of one seed and one set of peers.
    pub(crate) folder: PathBuf,
    pub(crate) python: PathBuf,
    /// The folder with the peers in node, or why there is none.
    pub(crate) node: Result<PathBuf, String>,
    /// The native program that times Picket.
    pub(crate) runner: PathBuf,
    /// The core module that times Picket in every other host.
    pub(crate) module: PathBuf,
    pub(crate) scripts: PathBuf,
    pub(crate) seed: u64,
    pub(crate) data: String,
    n_features: u64,
    versions: Value,
}

impl Lab {
    /// Installs, builds, trains, compiles and imports what is not there yet.
    pub(crate) fn prepare(repo: &Repo, seed: u64) -> Result<Self> {
        // One by one: built together they would share features, and wasmtime be compiled anew.
        for package in ["picket-trainer", "picket-bench-scorer"] {
            command::run(repo.cargo().args([
                "build",
                "--release",
                "--no-default-features",
                "--package",
                package,
            ]))?;
        }
        let toolchain = WasmToolchain::ensure(repo)?;
        let mut cargo = toolchain.cargo(repo, "build");
        cargo.args(["--package=picket-bench-scorer", "--lib", "--profile=wasm"]);
        command::run(&mut cargo)?;
        setup::ensure_cc()?;
        build_wasm::build(repo, &toolchain, &[Output::Scorer], None)?;

        let python = peers::python(repo)?;
        let (data, shown) = data(repo, seed)?;
        let scripts = repo.root.join("xtask/bench");
        let folder = repo
            .target
            .join(format!("bench/lab-{}", key(&scripts, &data, seed)?));
        let described = folder.join("lab.json");
        if !described.is_file() {
            println!("training the peers' models and compiling them, which takes minutes, once");
            command::run(
                repo.command(&python)
                    .arg(scripts.join("prepare.py"))
                    .arg("--data")
                    .arg(&data)
                    .arg("--out")
                    .arg(&folder)
                    .args(["--seed", &seed.to_string()]),
            )?;
        }
        command::run(
            repo.command(&python)
                .arg(scripts.join("drivers.py"))
                .arg(&folder),
        )?;
        let text = std::fs::read_to_string(&described).context("reading lab.json")?;
        let described: Value = serde_json::from_str(&text).context("reading lab.json")?;
        let lab = Self {
            python,
            node: peers::node(repo).map_err(|error| format!("{error:#}")),
            runner: repo.target.join("release/picket-bench-scorer"),
            module: toolchain.core_module("wasm", "picket_bench_scorer"),
            scripts,
            seed,
            data: shown,
            n_features: described["n_features"]
                .as_u64()
                .context("lab.json says no n_features")?,
            versions: described["versions"].clone(),
            folder,
        };
        for (shape, format, model) in [
            ("gbdt", "xgboost-json", "gbdt.json"),
            ("forest", "onnx", "forest.onnx"),
        ] {
            // In the peers' data class 1 is the threat.
            command::run(
                repo.command(repo.target.join("release/trainer"))
                    .arg("import")
                    .arg(lab.folder.join(model))
                    .args(["--from", format, "--positive-class-index=1"])
                    .args(["--schema", "schema/schemas/phishing.toml", "--out"])
                    .arg(lab.artifact(shape)),
            )
            .with_context(|| format!("importing {model}"))?;
        }
        Ok(lab)
    }

    /// Our form of the model.
    pub(crate) fn artifact(&self, shape: &str) -> PathBuf {
        self.folder.join(format!("{shape}.picket"))
    }

    /// A file of a shape, by its ending.
    pub(crate) fn model(&self, shape: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{shape}.{ending}"))
    }

    pub(crate) fn rows(&self) -> PathBuf {
        self.folder.join("rows.f32")
    }

    /// How many values a row has, as drivers are told.
    pub(crate) fn n_features(&self) -> String {
        self.n_features.to_string()
    }

    /// How many values a row has.
    pub(crate) fn width(&self) -> usize {
        self.n_features as usize
    }

    /// A peer's version, by its Python module's name.
    pub(crate) fn version(&self, module: &str) -> String {
        format!("{module} {}", self.versions[module].as_str().unwrap_or("?"))
    }

    /// The versions of everything that came from Python, in one line.
    pub(crate) fn versions(&self) -> String {
        let versions = self.versions.as_object().into_iter().flatten();
        let named =
            versions.map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or("?")));
        named.collect::<Vec<_>>().join(", ")
    }
}

/// The real data where the user has it, else a sample of our own; and how to name it.
fn data(repo: &Repo, seed: u64) -> Result<(PathBuf, String)> {
    let real =
        std::env::var_os("PICKET_DATA_DIR").map(|folder| Path::new(&folder).join("phishing.csv"));
    if let Some(path) = real.filter(|path| path.is_file()) {
        return Ok((path, "phishing.csv of PICKET_DATA_DIR".to_owned()));
    }
    let path = repo.target.join(format!("bench/sample-{seed}.csv"));
    command::run(
        repo.command(repo.target.join("release/trainer"))
            .args([
                "sample",
                "--rows",
                SAMPLE_ROWS,
                "--seed",
                &seed.to_string(),
                "--out",
            ])
            .arg(&path),
    )?;
    Ok((path, format!("synthetic sample of {SAMPLE_ROWS} rows")))
}

/// Names a lab by what goes into it: other data, peers or seed make another one.
fn key(scripts: &Path, data: &Path, seed: u64) -> Result<String> {
    let mut digest = Sha256::new();
    for path in [
        data,
        &scripts.join("requirements.txt"),
        &scripts.join("prepare.py"),
    ] {
        digest.update(std::fs::read(path).with_context(|| format!("reading {}", path.display()))?);
    }
    digest.update(seed.to_le_bytes());
    let mut key = String::new();
    for byte in &digest.finalize()[..6] {
        write!(key, "{byte:02x}")?;
    }
    Ok(key)
}

/// Makes a command run on one core, where the system can do that.
pub(crate) fn pinned(core: Option<usize>, program: &Path) -> Command {
    let Some(core) = core else {
        return Command::new(program);
    };
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &core.to_string()]).arg(program);
    command
}

/// The core to pin to: the last one, for the first serves interrupts; `None` where nothing pins.
pub(crate) fn core() -> Option<usize> {
    command::find("taskset")?;
    Some(std::thread::available_parallelism().ok()?.get() - 1)
}

/// The processor, as the system names it.
pub(crate) fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(
        || std::env::consts::ARCH.to_owned(),
        |(_, name)| name.trim().to_owned(),
    )
}
