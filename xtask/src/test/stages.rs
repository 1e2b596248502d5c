//! What each stage does.

use super::demo_check;
use crate::args::Args;
use crate::build_wasm::{self, Output};
use crate::command;
use crate::demo::output_locations;
use crate::repo::Repo;
use crate::servers::REDIS_VARIABLE;
use crate::setup::{Promtool, Setup};
use anyhow::{Result, bail};

/// What the stages share.
pub(crate) struct Context<'r> {
    repo: &'r Repo,
    setup: Option<Setup>,
    fuzz_seconds: Option<u32>,
}

impl<'r> Context<'r> {
    pub(crate) fn new(repo: &'r Repo, fuzz_seconds: Option<u32>) -> Self {
        Self {
            repo,
            setup: None,
            fuzz_seconds,
        }
    }

    /// The set-up, done by the first stage that asks.
    fn setup(&mut self) -> Result<&Setup> {
        let setup = match self.setup.take() {
            Some(setup) => setup,
            None => Setup::ensure(self.repo)?,
        };
        Ok(self.setup.insert(setup))
    }
}

pub(crate) fn fmt(context: &mut Context) -> Result<()> {
    command::run(context.repo.cargo().args(["fmt", "--all", "--check"]))
}

pub(crate) fn tidy(context: &mut Context) -> Result<()> {
    crate::tidy::run(context.repo, Args::new([]))
}

pub(crate) fn setup(context: &mut Context) -> Result<()> {
    context.setup().map(drop)
}

pub(crate) fn deploy(context: &mut Context) -> Result<()> {
    // Promtool alone: the rest of the set-up is not needed here.
    Promtool::ensure(context.repo)?.check(context.repo)
}

pub(crate) fn build_wasm(context: &mut Context) -> Result<()> {
    let repo = context.repo;
    build_wasm::build(repo, &context.setup()?.wasm, &Output::ALL, None)
}

pub(crate) fn clippy(context: &mut Context) -> Result<()> {
    let repo = context.repo;
    let deny = ["--", "-D", "warnings"];
    command::run(
        repo.cargo()
            .args(["clippy", "--workspace", "--all-targets"])
            .args(deny),
    )?;
    // The bindings compile natively too; a workspace build leaves them out.
    for (package, binding) in [
        ("picket-wasm-model", "browser"),
        ("picket-wasm-model", "component"),
        ("picket-verifier", "browser"),
    ] {
        command::run(
            repo.cargo()
                .args(["clippy", "--package", package, "--features", binding])
                .args(deny),
        )?;
    }
    // The Spin component is empty on other targets. Clippy is rustup's, so it needs rustup's
    // standard library for the target, not Debian's.
    let toolchain = &context.setup()?.wasm;
    if toolchain.is_native() {
        for features in [&[][..], &["--no-default-features"]] {
            command::run(
                toolchain
                    .cargo(repo, "clippy")
                    .args(["--package", "picket-spin"])
                    .args(features)
                    .args(deny),
            )?;
        }
    } else {
        println!("clippy does not see the Spin component: the wasm target is Debian's");
    }
    Ok(())
}

pub(crate) fn unit(context: &mut Context) -> Result<()> {
    let repo = context.repo;
    for (variable, path) in output_locations(repo) {
        if !path.exists() {
            bail!(
                "{variable}: {} is missing; run the stage build-wasm",
                repo.shown(&path)
            );
        }
    }
    let setup = context.setup()?;
    let browser = &setup.browser;
    // They stop with this function, whatever the tests do.
    let mongodb = setup.mongodb.start(repo)?;
    let mlflow = setup.mlflow.start(repo)?;
    let redis = setup.redis.start(repo)?;
    if std::env::var_os("PICKET_DATA_DIR").is_none() {
        println!("PICKET_DATA_DIR is not set: tests on the real data sets say that they skip");
    }
    command::run(
        repo.cargo()
            .args(["test", "--workspace", "--no-fail-fast"])
            .envs(output_locations(repo))
            .env("CHROMIUM", &browser.chromium)
            .env("CHROMEDRIVER", &browser.chromedriver)
            .env("PICKET_MONGODB_URI", mongodb.uri())
            .env("PICKET_MLFLOW_URI", mlflow.uri())
            .env(REDIS_VARIABLE, redis.url()),
    )
}

pub(crate) fn docs(context: &mut Context) -> Result<()> {
    command::run(
        context
            .repo
            .cargo()
            .args(["doc", "--no-deps", "--workspace"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

pub(crate) fn fuzz(context: &mut Context) -> Result<()> {
    crate::fuzz::run_all(context.repo, context.fuzz_seconds)
}

pub(crate) fn crash(context: &mut Context) -> Result<()> {
    crate::crash::run(context.repo, Args::new([]))
}

pub(crate) fn service(context: &mut Context) -> Result<()> {
    crate::service::run(context.repo, Args::new([]))
}

pub(crate) fn demo(context: &mut Context) -> Result<()> {
    demo_check::run(context.repo)
}
