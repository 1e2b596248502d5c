//! `edge-runtime`: serves a model on a device.

mod commands;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use picket_edge_runtime::sync::{Poller, open_source};
use picket_edge_runtime::{
    HostConfig, LiveService, PoolConfig, Recording, Server, SyncOptions, default_cache_dir,
    default_component, start_released_with, start_with,
};
use picket_service::Limits;

/// Scores threat models at the edge.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the scoring API and the page over HTTP
    Serve(Box<Serve>),
    /// Takes records from devices and keeps them in MongoDB
    Collect(commands::collect::Collect),
    /// Looks at a spool of records, and mends it
    Spool(commands::spool::Spool),
    /// Serves the Spin component of a spin.toml, without Spin
    SpinUp(commands::spin_up::SpinUpArgs),
}

#[derive(clap::Args)]
struct Serve {
    /// The model to serve; beside --release-source, the one to serve until there is a release
    #[arg(long, value_name = "FILE", required_unless_present = "release_source")]
    model: Option<PathBuf>,
    #[command(flatten)]
    releases: Releases,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// The scorer component [default: beside this program, else target/wasm/picket-scorer.wasm; or
    /// the variable `PICKET_SCORER_COMPONENT`]
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// The folder with the page [default: www, where there is one]
    #[arg(long, value_name = "DIR")]
    www: Option<PathBuf>,
    /// The largest request body
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_body)]
    max_body: usize,
    /// The most rows in a batch
    #[arg(long, value_name = "ROWS", default_value_t = Limits::default().max_rows)]
    max_rows: usize,
    /// How many instances of the scorer stand ready
    #[arg(long, value_name = "COUNT", default_value_t = PoolConfig::default().n_instances)]
    instances: usize,
    /// How long one call into the scorer may take, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    deadline: u64,
    /// Where compiled code is kept between runs [default: picket in the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    #[command(flatten)]
    recording: commands::recording::RecordingArgs,
}

/// Signed releases instead of one file
#[derive(clap::Args)]
struct Releases {
    /// Where releases come from: dir:PATH, `https://HOST/PATH` or `s3://BUCKET/PREFIX` (keys, region and endpoint from
    /// the AWS_ variables)
    #[arg(long, value_name = "SOURCE", requires_all = ["trusted_keys", "state_dir"])]
    release_source: Option<String>,
    /// The key set whose signatures are trusted, as `trainer keygen` writes it
    #[arg(long, value_name = "FILE", requires = "release_source")]
    trusted_keys: Option<PathBuf>,
    /// Where the last good release and the marks against old ones are kept; this program's alone
    #[arg(long, value_name = "DIR", requires = "release_source")]
    state_dir: Option<PathBuf>,
    /// How often the source is asked, in seconds
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    sync_interval: u64,
    /// How long one file of the source may take, in seconds
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    sync_timeout: u64,
    /// How long a release is served that the source does not confirm, in hours; then answers are withheld
    #[arg(long, value_name = "H", default_value_t = 168)]
    max_staleness: u64,
    /// Take releases with another schema than the one before
    #[arg(long)]
    allow_schema_change: bool,
    /// Take releases from other machines over plain http
    #[arg(long)]
    allow_http: bool,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Serve(arguments) => serve(*arguments),
        Command::Collect(arguments) => arguments.run(),
        Command::Spool(arguments) => arguments.run(),
        Command::SpinUp(arguments) => arguments.run(),
    }
}

fn serve(arguments: Serve) -> Result<()> {
    let from_environment = || std::env::var_os("PICKET_SCORER_COMPONENT").map(PathBuf::from);
    let www = arguments.www.or_else(|| {
        let www = PathBuf::from("www");
        www.join("index.html").is_file().then_some(www)
    });
    let recording = arguments.recording.config()?;
    let releases = arguments.releases;
    let config = HostConfig {
        model: arguments.model.clone().unwrap_or_default(),
        component: arguments
            .component
            .or_else(from_environment)
            .unwrap_or_else(default_component),
        www,
        cache_dir: arguments.cache_dir.or_else(default_cache_dir),
        limits: Limits {
            max_body: arguments.max_body,
            max_rows: arguments.max_rows,
        },
        pool: PoolConfig {
            n_instances: arguments.instances,
            deadline: Duration::from_millis(arguments.deadline),
            ..PoolConfig::default()
        },
    };
    // Two threads keep connections going and score single rows, or one where there is one core; long calls into
    // the scorer have their own.
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(n_cores.min(2))
        .max_blocking_threads(arguments.instances.saturating_add(2))
        .enable_all()
        .build()
        .context("cannot start the threads")?;
    runtime.block_on(async {
        let recording = recording.as_ref().map(Recording::start).transpose()?;
        // The poller ends when it is dropped: with the server.
        let (service, _poller) = start(&config, arguments.model, releases, recording.as_ref())?;
        let server = Server::bind(service, arguments.listen).await?;
        let stop = stop_signal().context("cannot listen for signals")?;
        let address = server.address().context("cannot tell the address")?;
        // A closed standard output is no reason not to serve.
        let _ = writeln!(std::io::stdout(), "listening on http://{address}");
        server.serve(stop).await;
        // A try under way ends first; that takes a thread that may wait.
        tokio::task::spawn_blocking(move || drop(recording)).await?;
        Ok(())
    })
}

/// Loads one model, or follows releases.
fn start(
    config: &HostConfig,
    fallback: Option<PathBuf>,
    releases: Releases,
    recording: Option<&Recording>,
) -> Result<(LiveService, Option<Poller>)> {
    let (Some(source), Some(trusted_keys), Some(state_dir)) = (
        releases.release_source,
        releases.trusted_keys,
        releases.state_dir,
    ) else {
        return Ok((start_with(config, recording)?.into(), None));
    };
    let timeout = Duration::from_secs(releases.sync_timeout);
    let source = open_source(&source, releases.allow_http, timeout)?;
    let options = SyncOptions {
        trusted_keys,
        state_dir,
        interval: Duration::from_secs(releases.sync_interval),
        max_staleness: Duration::from_secs(releases.max_staleness.saturating_mul(3600)),
        allow_schema_change: releases.allow_schema_change,
        fallback,
    };
    let released = start_released_with(config, source, &options, recording)?;
    Ok((released.service, Some(released.poller)))
}

/// Ready on the first signal to stop.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ready on the first signal to stop.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
