//! The device host, recording more or less.

use crate::bench::http::{resident_mb, thread_time};
use crate::http;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// The first start compiles the component to machine code.
const READY_LIMIT: Duration = Duration::from_mins(3);
/// What the spool may take: a bench fills it, and the oldest go.
const SPOOL_BYTES: &str = "67108864";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Off,
    Aggregates,
    Verdicts,
    VerdictsWithFeatures,
}

/// The first is what the others are compared with.
pub(super) const MODES: [Mode; 4] = [
    Mode::Off,
    Mode::Aggregates,
    Mode::Verdicts,
    Mode::VerdictsWithFeatures,
];

impl Mode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Aggregates => "aggregates",
            Self::Verdicts => "verdicts",
            Self::VerdictsWithFeatures => "verdicts-with-features",
        }
    }
}

/// A server that is ready; ended when dropped.
pub(super) struct Server {
    mode: Mode,
    child: Child,
    address: SocketAddr,
    spool: PathBuf,
}

impl Server {
    pub(super) fn start(repo: &Repo, mode: Mode, core: u32, folder: &Path) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let spool = folder.join(format!("spool-{}-{}", std::process::id(), mode.name()));
        // taskset becomes the program that it starts: the child's id is the server's.
        let mut command = repo.command("taskset");
        command
            .args(["--cpu-list", &core.to_string()])
            .arg(repo.target.join("release/edge-runtime"))
            .args(["serve", "--listen", &address.to_string(), "--model"])
            .arg(repo.root.join("schema/testdata/v1/phishing-forest.picket"))
            .arg("--component")
            .arg(repo.scorer_component());
        if mode != Mode::Off {
            command
                .args(["--record", mode.name(), "--spool"])
                .arg(&spool)
                .args(["--spool-when-full", "drop-oldest"])
                .args(["--spool-max-bytes", SPOOL_BYTES]);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("starting edge-runtime")?;
        let mut server = Self {
            mode,
            child,
            address,
            spool,
        };
        let start = Instant::now();
        while !matches!(http::get(address, "/ready"), Ok((200, _))) {
            if let Some(status) = server.child.try_wait()? {
                bail!("edge-runtime ended before it was ready ({status})");
            }
            if start.elapsed() > READY_LIMIT {
                bail!("edge-runtime was not ready in time");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
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
        let status = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        resident_mb(&status).with_context(|| format!("no VmRSS in {path}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // These fail only for what is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.spool);
    }
}
