//! `cargo xtask demo`: from nothing to a page that scores, on one machine.

mod example_row;
mod field;
mod gates;
mod server;

use crate::args::Args;
use crate::build_wasm::{self, Output};
use crate::command;
use crate::interrupt::Interrupt;
use crate::repo::Repo;
use crate::setup::{self, WasmToolchain};
use crate::stage::Stages;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
cargo xtask demo [--data FILE --schema FILE] [--port 3000] [--trainer-port 3100] [--profile release|dev]
                 [--no-serve]

Sets up what is missing, builds, trains on the synthetic sample (or on your data), serves the API
and the page on this machine by two gates, whose records the dashboard shows, after a synthetic week in the field,
and says what to try. The gates are asked about a row of the data every other second.
Ctrl-C stops it.

  --data FILE      a CSV of yours; needs --schema
  --schema FILE    its schema, as those in schema/schemas
  --port PORT      where to listen, 3000 unless told
  --trainer-port PORT
                   where the dashboard listens, 3100 unless told
  --profile NAME   release (the default) or dev, which builds faster
  --no-serve       stop once the model is there";

/// What precedes the line that can be pasted into a shell.
pub(crate) const TRY_LINE: &str = "  curl ";

const SAMPLE_ROWS: &str = "5000";
const SAMPLE_SEED: &str = "7";
/// So many rows of the data are asked about in turn.
const TRAFFIC_ROWS: usize = 500;

struct Options {
    /// Data and schema of the user's own.
    own: Option<(PathBuf, PathBuf)>,
    port: u16,
    trainer_port: u16,
    release: bool,
    serve: bool,
}

impl Options {
    fn parse(mut args: Args) -> Result<Self> {
        let data = args.value::<PathBuf>("--data")?;
        let schema = args.value::<PathBuf>("--schema")?;
        let own = match (data, schema) {
            (Some(data), Some(schema)) => Some((absolute(&data)?, absolute(&schema)?)),
            (None, None) => None,
            (Some(_), None) => bail!("--data needs --schema, which says what the columns mean"),
            (None, Some(_)) => bail!("--schema needs --data"),
        };
        let release = match args.value::<String>("--profile")?.as_deref() {
            None | Some("release") => true,
            Some("dev") => false,
            Some(other) => bail!("--profile is release or dev, not {other}"),
        };
        let options = Self {
            own,
            port: args.value("--port")?.unwrap_or(3000),
            trainer_port: args.value("--trainer-port")?.unwrap_or(3100),
            release,
            serve: !args.flag("--no-serve"),
        };
        args.finish()?;
        Ok(options)
    }
}

pub(crate) fn run(repo: &Repo, args: Args) -> Result<()> {
    let options = Options::parse(args)?;
    let mut stages = Stages::new(5 + 3 * usize::from(options.serve));

    let toolchain = stages.run("Set-up: what is missing is installed", || {
        setup::ensure_cc()?;
        WasmToolchain::ensure(repo)
    })?;
    stages.run(
        "Build: the scorer as WebAssembly, for the page and for the server",
        || build_wasm::build(repo, &toolchain, &[Output::Browser, Output::Scorer], None),
    )?;
    stages.run("Build: trainer and edge-runtime", || {
        build_native(repo, options.release)
    })?;
    let bin = repo
        .target
        .join(if options.release { "release" } else { "debug" });

    let folder = repo.target.join("demo");
    std::fs::create_dir_all(&folder)?;
    let (data, schema) = stages.run("Data", || match &options.own {
        Some((data, schema)) => {
            println!("your own: {}", repo.shown(data));
            Ok((data.clone(), schema.clone()))
        }
        None => sample(repo, &bin.join("trainer"), folder.join("sample.csv")),
    })?;
    let model = folder.join("model.picket");
    stages.run("Train", || {
        command::run(
            repo.command(bin.join("trainer"))
                .args(["train".as_ref(), "--data".as_ref(), data.as_os_str()])
                .args(["--schema".as_ref(), schema.as_os_str()])
                .args(["--out".as_ref(), model.as_os_str()])
                .args(note(options.own.is_none())),
        )
    })?;
    if !options.serve {
        println!("\nThe model is {}", repo.shown(&model));
        return Ok(());
    }

    let bodies = example_row::request_bodies(&schema, &data, TRAFFIC_ROWS)?;
    let interrupt = Interrupt::watch()?;
    let week = stages.run("Records: a synthetic week in the field", || {
        let is_sample = options.own.is_none();
        field::make(
            repo,
            &bin.join("trainer"),
            &folder,
            (&data, &schema),
            &model,
            is_sample,
        )
    })?;
    let (mut servers, gates) = stages.run("Serve: two gates and a collector", || {
        gates::serve(
            repo,
            &bin.join("edge-runtime"),
            &folder,
            &model,
            week.records(),
            gates::local(options.port),
            &interrupt,
        )
    })?;
    servers.push(stages.run("Serve the dashboard", || {
        let address = gates::local(options.trainer_port);
        week.serve(repo, &bin.join("trainer"), address, &interrupt)
    })?);
    let line = what_to_try(options.port, options.trainer_port, &bodies[0]);
    let traffic = gates::traffic(gates, bodies, &interrupt);
    if !interrupt.came() {
        println!("\n{line}");
        println!("\nReady after {}.", crate::stage::shown(stages.elapsed()));
    }
    // Gates first, so that the collector is still there for what they have in hand.
    servers.rotate_left(1);
    let stopped = server::run_until(&mut servers, &interrupt);
    if interrupt.came() {
        // It ends by the same Ctrl-C; a panic in it has been told.
        let _ = traffic.join();
    }
    stopped
}

/// Where programs and tests find what `build-wasm` made.
pub(crate) fn output_locations(repo: &Repo) -> [(&'static str, PathBuf); 3] {
    [
        ("PICKET_SCORER_COMPONENT", repo.scorer_component()),
        ("PICKET_SPIN_COMPONENT", repo.spin_component()),
        ("PICKET_PLAIN_COMPONENT", repo.plain_component()),
    ]
}

fn build_native(repo: &Repo, release: bool) -> Result<()> {
    let mut cargo = repo.cargo();
    cargo.arg("build").envs(output_locations(repo));
    if release {
        // Without databases, buckets and Parquet: the demo needs none, and they take minutes to compile. The service is
        // what shows the dashboard; its queue brings SQLite, which is C.
        cargo.args(["--release", "--no-default-features"]);
        cargo.args(["--features", "picket-trainer/serve"]);
        for package in ["picket-trainer", "picket-edge-runtime"] {
            cargo.args(["--package", package]);
        }
        cargo.args(["--bin", "trainer", "--bin", "edge-runtime"]);
    } else {
        // As the tests are built: fewer packages would mean other features, and wasmtime a second time.
        cargo.args(["--workspace", "--bins", "--tests"]);
    }
    command::run(&mut cargo)
}

fn sample(repo: &Repo, trainer: &std::path::Path, out: PathBuf) -> Result<(PathBuf, PathBuf)> {
    command::run(
        repo.command(trainer)
            .args([
                "sample",
                "--rows",
                SAMPLE_ROWS,
                "--seed",
                SAMPLE_SEED,
                "--out",
            ])
            .arg(&out),
    )?;
    Ok((out, repo.root.join("schema/schemas/phishing.toml")))
}

/// What the model's card says of the sample, so that nobody takes its numbers for real ones.
fn note(is_sample: bool) -> &'static [&'static str] {
    if is_sample {
        &[
            "--note",
            "Trained on synthetic rows: its metrics say nothing about real sites.",
        ]
    } else {
        &[]
    }
}

fn what_to_try(port: u16, trainer_port: u16, body: &str) -> String {
    // A name with an apostrophe must not end the shell's quotes.
    let quoted = body.replace('\'', r"'\''");
    format!(
        "Try:\n  page       http://localhost:{port}/\n  API        http://localhost:{port}/docs\n  \
         dashboard  http://localhost:{trainer_port}/home (records of the two gates, after a synthetic week)\n\n\
         {TRY_LINE}-sS http://localhost:{port}/predict -H 'content-type: application/json' \
         -d '{quoted}'\n\nCtrl-C stops it."
    )
}

fn absolute(path: &std::path::Path) -> Result<PathBuf> {
    std::fs::canonicalize(path).with_context(|| format!("there is no file {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options> {
        Options::parse(Args::new(line.split_whitespace().map(str::to_owned)))
    }

    #[test]
    fn data_and_schema_come_together() {
        assert!(options("--data Cargo.toml").is_err());
        assert!(options("--schema Cargo.toml").is_err());
        assert!(
            options("--data Cargo.toml --schema Cargo.toml")
                .unwrap()
                .own
                .is_some()
        );
        assert!(options("").unwrap().own.is_none());
    }

    #[test]
    fn the_line_to_try_survives_apostrophes() {
        let text = what_to_try(3000, 3100, r#"{"features":{"it's":1}}"#);
        assert!(text.contains(r"it'\''s"), "{text}");
        assert!(text.lines().any(|line| line.starts_with(TRY_LINE)));
    }
}
