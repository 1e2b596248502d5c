//! The servers that are measured.

use super::prepare::Prepared;
use crate::http;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The first start compiles a component to machine code.
const READY_LIMIT: Duration = Duration::from_mins(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Engine {
    PicketEdge,
    PicketSpin,
    AxumBare,
    Fastapi,
    FastapiEmpty,
}

impl Engine {
    pub(super) const ALL: [Self; 5] = [
        Self::PicketEdge,
        Self::PicketSpin,
        Self::AxumBare,
        Self::Fastapi,
        Self::FastapiEmpty,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PicketEdge => "picket-edge",
            Self::PicketSpin => "picket-spin",
            Self::AxumBare => "axum-bare",
            Self::Fastapi => "fastapi",
            Self::FastapiEmpty => "fastapi-empty",
        }
    }

    /// What runs the model, or would.
    pub(super) fn host(self) -> &'static str {
        match self {
            Self::PicketEdge | Self::PicketSpin => "wasmtime",
            Self::AxumBare => "native",
            Self::Fastapi | Self::FastapiEmpty => "cpython",
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::FastapiEmpty => "/empty",
            _ => "/predict",
        }
    }

    fn command(self, repo: &Repo, prepared: &Prepared, core: u32, listen: SocketAddr) -> Command {
        let mut command = repo.command("taskset");
        command.args(["--cpu-list", &core.to_string()]);
        match self {
            Self::PicketEdge => {
                command
                    .arg(&prepared.edge)
                    .args(["serve", "--listen", &listen.to_string(), "--model"])
                    .arg(&prepared.model)
                    .arg("--component")
                    .arg(repo.scorer_component());
            }
            Self::PicketSpin => {
                command
                    .arg(&prepared.edge)
                    .args(["spin-up", "--listen", &listen.to_string(), "--from"])
                    .arg(repo.root.join("spin.toml"))
                    .arg("--state")
                    .arg(&prepared.spin_state);
            }
            Self::AxumBare => {
                command
                    .arg(&prepared.others)
                    .args(["axum", &listen.to_string()]);
            }
            Self::Fastapi | Self::FastapiEmpty => {
                command
                    .arg(&prepared.python)
                    .args(["-m", "uvicorn", "http_app:app", "--app-dir"])
                    .arg(repo.root.join("xtask/bench"))
                    .args(["--port", &listen.port().to_string()])
                    .args(["--no-access-log", "--log-level", "warning"])
                    .env("FOREST_PICKLE", &prepared.pickle)
                    .env("PYTHONDONTWRITEBYTECODE", "1");
            }
        }
        command
    }
}

/// A server that is ready; ended when dropped.
pub(super) struct Server {
    engine: Engine,
    child: Child,
    address: SocketAddr,
}

impl Server {
    pub(super) fn start(
        repo: &Repo,
        prepared: &Prepared,
        engine: Engine,
        core: u32,
    ) -> Result<Self> {
        let address = free_address()?;
        // taskset becomes the program that it starts: the child's id is the server's.
        let child = engine
            .command(repo, prepared, core, address)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", engine.name()))?;
        let mut server = Self {
            engine,
            child,
            address,
        };
        let start = Instant::now();
        while !matches!(http::get(address, "/ready"), Ok((200, _))) {
            if let Some(status) = server.child.try_wait()? {
                bail!("{} ended before it was ready ({status})", engine.name());
            }
            if start.elapsed() > READY_LIMIT {
                bail!("{} was not ready in time", engine.name());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    pub(super) fn engine(&self) -> Engine {
        self.engine
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long the process has run on a core, all its threads together.
    pub(super) fn busy(&self) -> Result<Duration> {
        thread_time(self.child.id())
    }

    /// The memory that the process holds now, in MB of 10^6 bytes.
    pub(super) fn resident_mb(&self) -> Result<f64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status =
            std::fs::read_to_string(Path::new(&path)).with_context(|| format!("reading {path}"))?;
        resident_mb(&status).with_context(|| format!("no VmRSS in {path}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only for a child that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long a process has run on a core, all its threads together.
pub(in crate::bench) fn thread_time(process: u32) -> Result<Duration> {
    let folder = format!("/proc/{process}/task");
    let mut busy = Duration::ZERO;
    for thread in std::fs::read_dir(&folder).with_context(|| format!("reading {folder}"))? {
        let path = thread?.path().join("schedstat");
        // A thread that has just ended takes its time with it; servers keep theirs.
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let nanoseconds = text.split(' ').next().and_then(|word| word.parse().ok());
        let nanoseconds = nanoseconds.with_context(|| format!("{} has no time", path.display()))?;
        busy += Duration::from_nanos(nanoseconds);
    }
    Ok(busy)
}

pub(in crate::bench) fn resident_mb(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_resident_memory() {
        let status = "Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t   39063 kB\nThreads:\t2\n";
        assert_eq!(resident_mb(status), Some(40.000_512));
        assert_eq!(resident_mb("VmRSS:\tmany\n"), None);
    }
}
