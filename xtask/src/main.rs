//! `cargo xtask`: every chore of the project, set-up included.

mod args;
mod bench;
mod build_wasm;
mod command;
mod crash;
mod demo;
mod fixtures;
mod fuzz;
mod http;
mod interrupt;
mod repo;
mod servers;
mod service;
mod setup;
mod stage;
mod test;
mod tidy;

use anyhow::{Result, bail};
use args::Args;
use repo::Repo;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND [OPTIONS]

  demo         train on the synthetic sample, serve API and page, say what to try
  test         everything CI runs
  setup        install what is missing: wasm target, C toolchain, browser and its driver, servers
  build-wasm   browser module, scorer component, Spin component
  tidy         the project's own checks: arrows between rooms, format digest, paths, files
  fuzz         run every fuzz target for a while
  bench        measure
  crash        kill the device at random moments under load; nothing acknowledged may be lost
  service      send the trainer's service what schemathesis makes of its API description
  fixtures     write the frozen artifacts of schema/testdata again

`cargo xtask COMMAND --help` tells a command's options.";

type Run = fn(&Repo, Args) -> Result<()>;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    match dispatch(&command, Args::new(words)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &str, mut args: Args) -> Result<()> {
    let (usage, run): (&str, Run) = match command {
        "demo" => (demo::USAGE, demo::run),
        "test" => (test::USAGE, test::run),
        "setup" => (setup::USAGE, setup::run),
        "build-wasm" => (build_wasm::USAGE, build_wasm::run),
        "tidy" => (tidy::USAGE, tidy::run),
        "fuzz" => (fuzz::USAGE, fuzz::run),
        "bench" => (bench::USAGE, bench::run),
        "crash" => (crash::USAGE, crash::run),
        "service" => (service::USAGE, service::run),
        "fixtures" => (fixtures::USAGE, fixtures::run),
        "" | "help" | "-h" | "--help" => {
            println!("{USAGE}");
            return Ok(());
        }
        other => bail!("there is no command `{other}`\n\n{USAGE}"),
    };
    if args.flag("--help") || args.flag("-h") {
        println!("{usage}");
        return Ok(());
    }
    run(&Repo::find()?, args)
}
