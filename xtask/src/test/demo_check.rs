//! The demo as a new user meets it: it starts, the line it says to try works, Ctrl-C stops it.

use crate::command;
use crate::demo::TRY_LINE;
use crate::http;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Alerts are raised by the second look.
const LIVE_LIMIT: Duration = Duration::from_mins(1);

pub(crate) fn run(repo: &Repo) -> Result<()> {
    let (port, trainer_port) = (http::free_address()?.port(), http::free_address()?.port());
    let mut child = Demo(
        repo.command(&repo.xtask)
            .args(["demo", "--profile", "dev", "--port", &port.to_string()])
            .args(["--trainer-port", &trainer_port.to_string()])
            // A group of its own, to which Ctrl-C goes as a terminal sends it.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the demo")?,
    );
    let result = try_out(&mut child.0, port).and_then(|()| try_dashboard(trainer_port));
    // Stopped whether or not it answered; the first error is the one to tell.
    let stopped = child.stop();
    result.and(stopped)
}

fn try_out(child: &mut Child, port: u16) -> Result<()> {
    let output = child.stdout.take().context("the demo has no output")?;
    let mut line_to_try = None;
    let mut lines = BufReader::new(output).lines();
    for line in lines.by_ref() {
        let line = line?;
        println!("    {line}");
        if line.starts_with(TRY_LINE) {
            line_to_try = Some(line.trim().to_owned());
        }
        if line.starts_with("Ready after") {
            break;
        }
    }
    // It writes on until it ends, and a closed pipe would break it.
    std::thread::spawn(move || {
        lines
            .map_while(Result::ok)
            .for_each(|line| println!("    {line}"));
    });
    let line = line_to_try.context("the demo ended without a line to try")?;

    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    for path in ["/ready", "/"] {
        let (status, _) = http::get(address, path)?;
        println!("GET {path}: {status}");
        if status != 200 {
            bail!("GET {path} answered {status}");
        }
    }
    let answer =
        command::capture(Command::new("sh").args(["-c", &format!("{line} --fail-with-body")]))?;
    println!("POST /predict: {answer}");
    let answer: serde_json::Value =
        serde_json::from_str(&answer).context("the answer of /predict is not JSON")?;
    if !answer["id"].is_string() {
        bail!("the answer of /predict has no id: nothing is recorded");
    }
    Ok(())
}

/// The dashboard is there, and lives: it has records, models with an accuracy, drift, nodes, soon alerts, and what the
/// gates answered since.
fn try_dashboard(port: u16) -> Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    for path in ["/home", "/home/main.js"] {
        let (status, body) = http::get(address, path)?;
        println!("GET {path}: {status}, {} bytes", body.len());
        if status != 200 {
            bail!("GET {path} answered {status}");
        }
    }
    let start = Instant::now();
    let n_rows = |live: &serde_json::Value| live["view"]["totals"]["n_rows"].as_u64().unwrap_or(0);
    let mut n_before = 0;
    loop {
        let (live, alerts) = (json(address, "/live")?, json(address, "/alerts")?);
        let view = &live["view"];
        let n_of = |list: &serde_json::Value| list.as_array().map_or(0, Vec::len);
        let found = [
            n_of(&view["versions"]),
            n_of(&view["drift"]),
            n_of(&view["nodes"]),
            n_of(&live["contributions"]["features"]),
            n_of(&alerts["alerts"]),
        ];
        if n_before == 0 {
            n_before = n_rows(&live);
        }
        let n_now = n_rows(&live);
        if found.iter().all(|n| *n > 0) && n_before > 0 && n_now > n_before {
            println!(
                "GET /live: {n_before} rows, then {n_now}; versions, drift, nodes, contributions, alerts: {found:?}"
            );
            return Ok(());
        }
        if start.elapsed() > LIVE_LIMIT {
            bail!(
                "the dashboard has nothing to show, or nothing new: {n_before} rows, then {n_now}; versions, drift, nodes, contributions, alerts: {found:?}"
            );
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn json(address: SocketAddr, path: &str) -> Result<serde_json::Value> {
    let (status, body) = http::get(address, path)?;
    if status != 200 {
        bail!("GET {path} answered {status}");
    }
    serde_json::from_str(&body).with_context(|| format!("the answer of {path} is not JSON"))
}

/// The running demo; its whole group goes when this does.
struct Demo(Child);

impl Demo {
    fn stop(&mut self) -> Result<()> {
        if self.0.try_wait()?.is_none() {
            signal_group(&self.0, "INT")?;
        }
        let start = Instant::now();
        loop {
            match self.0.try_wait()? {
                Some(status) if status.success() => break,
                Some(status) => bail!("the demo did not end cleanly ({status})"),
                None if start.elapsed() > STOP_LIMIT => bail!("the demo ignored Ctrl-C"),
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        }
        println!(
            "Ctrl-C: stopped cleanly in {:.1} s",
            start.elapsed().as_secs_f64()
        );
        Ok(())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            // Nothing more can be done for a group that does not even hear this.
            let _ = signal_group(&self.0, "KILL");
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

fn signal_group(child: &Child, signal: &str) -> Result<()> {
    let group = format!("-{}", child.id());
    command::run(Command::new("sh").args(["-c", "kill -s \"$0\" -- \"$1\"", signal, &group]))
}
