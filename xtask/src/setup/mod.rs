//! `cargo xtask setup`: finds or installs what the other commands need. Each part says what it
//! found, or exactly what is missing and how to get it.

mod apt;
mod browser;
mod compiler;
mod promtool;
mod wasm_toolchain;

pub(crate) use browser::Browser;
pub(crate) use compiler::{ensure_cc, ensure_cxx};
pub(crate) use promtool::Promtool;
pub(crate) use wasm_toolchain::WasmToolchain;

use crate::args::Args;
use crate::repo::Repo;
use crate::servers::{MlflowProgram, MongoDbProgram, RedisProgram};
use anyhow::{Context, Result};
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
cargo xtask setup

Finds or installs what builds and tests need:
  cc, c++        to link native programs and libFuzzer
  wasm target    the installed one; else `rustup target add`; else, on Debian, the packages
                 rustc-web and rust-web-src
  browser        Chromium and its driver, for the tests of the page
  curl           for the test of the demo
  MongoDB        for the tests of reading collections: the server that MONGODB_URI names; else
                 `mongod`; else FerretDB, built with Go
  MLflow         for the tests of tracking: the server that PICKET_MLFLOW_URI names; else MLflow,
                 installed with pip into the target folder
  Redis          for the tests of jobs on several machines: the server that PICKET_REDIS_URL names; else
                 `redis-server`
  promtool       for the alert rules in deploy/: the one on the search path; else Debian's package
                 prometheus, unpacked into the target folder

Debian packages are installed only as root. PICKET_WASM_TOOLCHAIN=installed|rustup|debian picks
one way to the wasm target instead of trying all three in turn.";

/// Everything that the tests need.
pub(crate) struct Setup {
    pub(crate) wasm: WasmToolchain,
    pub(crate) browser: Browser,
    pub(crate) mongodb: MongoDbProgram,
    pub(crate) mlflow: MlflowProgram,
    pub(crate) redis: RedisProgram,
}

impl Setup {
    pub(crate) fn ensure(repo: &Repo) -> Result<Self> {
        ensure_cc()?;
        ensure_cxx()?;
        let wasm = WasmToolchain::ensure(repo)?;
        let browser = Browser::ensure()?;
        ensure_curl()?;
        let mongodb = MongoDbProgram::ensure(repo)?;
        let mlflow = MlflowProgram::ensure(repo)?;
        let redis = RedisProgram::ensure()?;
        Promtool::ensure(repo)?;
        Ok(Self {
            wasm,
            browser,
            mongodb,
            mlflow,
            redis,
        })
    }
}

pub(crate) fn run(repo: &Repo, args: Args) -> Result<()> {
    args.finish()?;
    Setup::ensure(repo)?;
    println!("everything is there");
    Ok(())
}

fn ensure_curl() -> Result<()> {
    apt::ensure_program(
        "curl",
        &["curl"],
        "curl, which tries out what the demo says to try",
    )
}

/// A Redis server, for the tests of jobs on several machines.
pub(crate) fn ensure_redis() -> Result<()> {
    apt::ensure_program(
        "redis-server",
        &["redis-server"],
        "Redis, which hands jobs to workers on several machines",
    )
}

/// Go, from Debian's packages.
pub(crate) fn install_go() -> Result<PathBuf> {
    apt::install(&["golang"])?;
    crate::command::find("go").context("the package golang did not bring `go`")
}
