//! `edge-runtime`: serves a model on a device.

mod commands;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use picket_edge_runtime::{
    HostConfig, PoolConfig, Recording, Server, default_cache_dir, default_component,
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
}

#[derive(clap::Args)]
struct Serve {
    /// The model to serve
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
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

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Serve(arguments) => serve(*arguments),
        Command::Collect(arguments) => arguments.run(),
        Command::Spool(arguments) => arguments.run(),
    }
}

fn serve(arguments: Serve) -> Result<()> {
    let from_environment = || std::env::var_os("PICKET_SCORER_COMPONENT").map(PathBuf::from);
    let www = arguments.www.or_else(|| {
        let www = PathBuf::from("www");
        www.join("index.html").is_file().then_some(www)
    });
    let recording = arguments.recording.config()?;
    let config = HostConfig {
        model: arguments.model,
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
        let service = picket_edge_runtime::start_with(&config, recording.as_ref())?;
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
