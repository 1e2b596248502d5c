//! Two gates that answer and keep what they answered, and the collector that takes it to where the dashboard looks.

use super::output_locations;
use super::server::Server;
use crate::command;
use crate::http;
use crate::interrupt::Interrupt;
use crate::repo::Repo;
use anyhow::{Context, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two rows of the demo's own traffic.
const ROW_EVERY: Duration = Duration::from_secs(2);
/// How often the traffic asks whether it is to end.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long the histograms of one record span, so that the dashboard has something new soon.
const WINDOW_SECONDS: &str = "60";
/// The nodes. A synthetic week has a third, which fell silent.
const GATES: [&str; 2] = ["gate-1", "gate-2"];

/// The collector, then the gates. The first gate listens where it is told to.
pub(crate) fn serve(
    repo: &Repo,
    edge_runtime: &Path,
    folder: &Path,
    model: &Path,
    records: &Path,
    first: SocketAddr,
    interrupt: &Interrupt,
) -> Result<(Vec<Server>, Vec<SocketAddr>)> {
    // A program's own log would bury what the demo says.
    let log = |name: &str| {
        let place = folder.join(format!("{name}.log"));
        std::fs::File::create(&place).with_context(|| format!("writing {}", place.display()))
    };
    // A collector lets nobody in without a token; this one is made anew for every demo.
    let tokens = folder.join("collector-tokens.json");
    if tokens.exists() {
        std::fs::remove_file(&tokens).with_context(|| format!("removing {}", tokens.display()))?;
    }
    let mut command = repo.command(edge_runtime);
    command.args(["token", "add", "gates", "--role", "deliver", "--tokens"]);
    let token = command::capture(command.arg(&tokens))?;
    let collector = http::free_address()?;
    let mut command = repo.command(edge_runtime);
    command
        .args(["collect", "--listen", &collector.to_string(), "--into"])
        .arg(records)
        .arg("--tokens")
        .arg(&tokens)
        .stdout(log("collector")?);
    let mut servers = vec![Server::start(
        "edge-runtime collect",
        command,
        (collector, "/health"),
        interrupt,
    )?];
    let mut addresses = Vec::new();
    for gate in GATES {
        let address = if addresses.is_empty() {
            first
        } else {
            http::free_address()?
        };
        let spool = folder.join("spool").join(gate);
        if spool.exists() {
            // What an earlier demo left there is of another model.
            std::fs::remove_dir_all(&spool)
                .with_context(|| format!("removing {}", spool.display()))?;
        }
        let mut command = repo.command(edge_runtime);
        command
            .args(["serve".as_ref(), "--model".as_ref(), model.as_os_str()])
            .args(["--listen", &address.to_string()])
            .args(["--node", gate, "--record", "verdicts-with-features"])
            .args(["--record-window", WINDOW_SECONDS, "--spool"])
            .arg(&spool)
            .args(["--upload", &format!("http://{collector}")])
            .env("PICKET_UPLOAD_TOKEN", token.trim())
            .envs(output_locations(repo));
        if !addresses.is_empty() {
            command.stdout(log(gate)?);
        }
        servers.push(Server::start(
            "edge-runtime",
            command,
            (address, "/ready"),
            interrupt,
        )?);
        addresses.push(address);
    }
    Ok((servers, addresses))
}

/// Asks the gates in turn about rows of the data until Ctrl-C: a dashboard lives by what comes in.
pub(crate) fn traffic(
    gates: Vec<SocketAddr>,
    bodies: Vec<String>,
    interrupt: &Interrupt,
) -> JoinHandle<()> {
    let interrupt = interrupt.clone();
    std::thread::spawn(move || {
        for (body, gate) in bodies.iter().cycle().zip(gates.iter().cycle()) {
            // A gate that does not answer is seen by whoever watches the servers.
            let _ = http::post_json(*gate, "/predict", body);
            let mut waited = Duration::ZERO;
            while waited < ROW_EVERY {
                if interrupt.came() {
                    return;
                }
                std::thread::sleep(ASK_EVERY);
                waited += ASK_EVERY;
            }
        }
    })
}

/// An address of this machine.
pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
