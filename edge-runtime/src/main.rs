//! `edge-runtime`: serves a model on a device.

mod commands;

use anyhow::Result;
use clap::{FromArgMatches as _, Parser, Subcommand};

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
    Serve(Box<commands::serve::Serve>),
    /// Takes records from devices and keeps them in MongoDB
    Collect(commands::collect::Collect),
    /// Looks at a spool of records, and mends it
    Spool(commands::spool::Spool),
    /// Serves the Spin component of a spin.toml, without Spin
    SpinUp(commands::spin_up::SpinUpArgs),
    /// Makes, lists and removes the tokens that let clients in
    Token(commands::token::Token),
    /// Checks an audit log
    Audit(commands::audit::Audit),
    /// Shows the settings of a command and where each comes from
    Config(commands::config::Config),
}

fn main() -> Result<()> {
    let settings = commands::settings::Settings::of_process()?;
    let matches = settings.matches();
    let cli = Cli::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    match cli.command {
        Command::Serve(arguments) => arguments.run(),
        Command::Collect(arguments) => arguments.run(),
        Command::Spool(arguments) => arguments.run(),
        Command::SpinUp(arguments) => arguments.run(),
        Command::Token(arguments) => arguments.run(),
        Command::Audit(arguments) => arguments.run(),
        Command::Config(arguments) => arguments.run(),
    }
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
