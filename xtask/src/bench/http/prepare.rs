//! Programs, models and bodies.

use super::Options;
use super::engine::{Engine, Server};
use crate::bench::peers;
use crate::build_wasm::{self, Output};
use crate::command;
use crate::repo::Repo;
use crate::setup::{self, WasmToolchain};
use anyhow::{Context, Result, bail};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many rows both of Picket's hosts must answer alike.
const N_COMPARED: usize = 100;

pub(super) struct Prepared {
    /// The device host.
    pub(super) edge: PathBuf,
    /// Where the Spin component's host keeps its stores.
    pub(super) spin_state: PathBuf,
    /// The load and the bare route.
    pub(super) others: PathBuf,
    pub(super) python: PathBuf,
    /// The forest as an artifact.
    pub(super) model: PathBuf,
    /// The peer's forest.
    pub(super) pickle: PathBuf,
    /// One JSON object a line.
    pub(super) bodies: PathBuf,
}

pub(super) fn prepare(repo: &Repo, options: &Options) -> Result<Prepared> {
    let (trees, seed) = (options.trees, options.seed);
    if command::find("taskset").is_none() {
        bail!("the programs are pinned by taskset: install util-linux");
    }
    let folder = repo.target.join("bench/http");
    std::fs::create_dir_all(&folder)?;
    let release = repo.target.join("release");
    if !options.no_build {
        build(repo)?;
    }
    let (trainer, model) = (release.join("trainer"), folder.join("forest.picket"));
    let data = data(repo, &trainer, &folder)?;
    command::run(
        repo.command(&trainer)
            .args([
                "train",
                "--schema",
                "schema/schemas/phishing.toml",
                "--data",
            ])
            .arg(&data)
            .args(["--model", "forest", "--trees", &trees.to_string()])
            .args(["--seed", &seed.to_string(), "--out"])
            .arg(&model),
    )?;
    if !options.no_build {
        setup::ensure_cc()?;
        let toolchain = WasmToolchain::ensure(repo)?;
        let outputs = [Output::Scorer, Output::Spin];
        build_wasm::build(repo, &toolchain, &outputs, Some(&model))?;
    }
    let python = peers::python(repo)?;
    command::run(
        repo.command(&python)
            .args(["xtask/bench/http_prepare.py", "--data"])
            .arg(&data)
            .args(["--label", "Result", "--positive=-1"])
            .args(["--trees", &trees.to_string(), "--seed", &seed.to_string()])
            .arg("--out")
            .arg(&folder),
    )?;
    Ok(Prepared {
        edge: release.join("edge-runtime"),
        spin_state: folder.join("spin-state"),
        others: release.join("picket-bench-http"),
        python,
        model,
        pickle: folder.join("forest.pickle"),
        bodies: folder.join("bodies.ndjson"),
    })
}

fn build(repo: &Repo) -> Result<()> {
    // One by one: built together, each would get the features that the others ask of what they share.
    for package in ["picket-trainer", "picket-edge-runtime", "picket-bench-http"] {
        command::run(repo.cargo().args([
            "build",
            "--release",
            "--no-default-features",
            "--package",
            package,
        ]))?;
    }
    Ok(())
}

/// The phishing data where it is, else the synthetic sample.
fn data(repo: &Repo, trainer: &Path, folder: &Path) -> Result<PathBuf> {
    let real = std::env::var_os("PICKET_DATA_DIR").map(|it| PathBuf::from(it).join("phishing.csv"));
    if let Some(real) = real.filter(|path| path.is_file()) {
        return Ok(real);
    }
    println!("PICKET_DATA_DIR has no phishing.csv: the synthetic sample is used");
    let sample = folder.join("sample.csv");
    command::run(
        repo.command(trainer)
            .args(["sample", "--rows", "11055", "--seed", "7", "--out"])
            .arg(&sample),
    )?;
    Ok(sample)
}

/// Sends the same rows to both of Picket's hosts, which have the same model: they must answer alike.
pub(super) fn check(prepared: &Prepared, servers: &[Server]) -> Result<()> {
    let find = |engine| servers.iter().find(|server| server.engine() == engine);
    let (Some(edge), Some(spin)) = (find(Engine::PicketEdge), find(Engine::PicketSpin)) else {
        return Ok(());
    };
    let bodies = std::fs::read_to_string(&prepared.bodies)?;
    for body in bodies.lines().take(N_COMPARED) {
        let one = without_id(&post(edge.address(), body)?)?;
        let other = without_id(&post(spin.address(), body)?)?;
        if one != other || !one.contains("\"score\":") {
            bail!("the hosts answer differently to {body}:\n{one}\n{other}");
        }
    }
    println!("the device host and the Spin component give {N_COMPARED} rows the same answers");
    Ok(())
}

/// The answer without its id, which is new each time.
fn without_id(answer: &str) -> Result<String> {
    let rest = answer.strip_prefix("{\"id\":\"");
    let rest = rest.and_then(|rest| rest.split_once("\","));
    let (_, rest) = rest.with_context(|| format!("an answer without an id: {answer}"))?;
    Ok(rest.to_owned())
}

/// The body of the answer.
fn post(address: SocketAddr, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    // In one piece and without chunks in the answer, so that bodies compare as they stand.
    let n_bytes = body.len();
    let request = format!(
        "POST /predict HTTP/1.0\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {n_bytes}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .context("no end of the headers")?;
    Ok(body.to_owned())
}
