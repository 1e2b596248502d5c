//! The device under test: the real program on a spool of its own.

use crate::command;
use crate::http;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The first start compiles the scorer component to machine code.
const READY_LIMIT: Duration = Duration::from_mins(3);

pub(crate) struct Device {
    program: PathBuf,
    folder: PathBuf,
    model: PathBuf,
    component: PathBuf,
    address: SocketAddr,
    collector: SocketAddr,
    child: Option<Child>,
}

impl Device {
    pub(crate) fn new(repo: &Repo, folder: &Path, collector: SocketAddr) -> Result<Self> {
        // A port that was free just now; the device listens on it in every cycle.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let program = format!("debug/edge-runtime{}", std::env::consts::EXE_SUFFIX);
        Ok(Self {
            program: repo.target.join(program),
            folder: folder.to_owned(),
            model: repo.root.join("schema/testdata/v1/phishing-tree.picket"),
            component: repo.scorer_component(),
            address,
            collector,
            child: None,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn spool(&self) -> PathBuf {
        self.folder.join("spool")
    }

    /// Starts the program and waits until it answers.
    pub(crate) fn start(&mut self) -> Result<()> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("log.jsonl"))?;
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .args(
                [
                    path("--model", &self.model),
                    path("--component", &self.component),
                ]
                .concat(),
            )
            .args(path("--spool", &self.spool()))
            .args(path("--cache-dir", &self.folder.join("cache")))
            .args(["--listen", &self.address.to_string()])
            .args(["--upload", &format!("http://{}", self.collector)])
            .args(["--upload-longest-wait", "1", "--upload-records", "200"])
            .args(["--record-window", "1"])
            .env("PICKET_UPLOAD_TOKEN", super::store::TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.child = Some(command.spawn().context("starting edge-runtime")?);
        let start = Instant::now();
        while !matches!(http::get(self.address, "/health"), Ok((200, _))) {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!(
                    "edge-runtime ended before it was ready ({status}); its log is in target/crash"
                );
            }
            if start.elapsed() > READY_LIMIT {
                bail!("edge-runtime was not ready in time");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// SIGKILL: nothing of the program runs after it.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().context("killing edge-runtime")?;
            child.wait().context("waiting for edge-runtime")?;
        }
        Ok(())
    }

    pub(crate) fn metric(&self, name: &str) -> Result<u64> {
        let (_, page) = http::get(self.address, "/metrics")?;
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = line.with_context(|| format!("{name} is not in /metrics"))?;
        value.parse().with_context(|| format!("{name} is {value}"))
    }

    /// What `spool inspect` says.
    pub(crate) fn inspect(&self) -> Result<String> {
        let spool = self.spool();
        command::capture(
            Command::new(&self.program)
                .args(["spool", "inspect"])
                .arg(spool),
        )
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // On every way out: no device is left behind.
        drop(self.kill());
    }
}

fn path(option: &str, path: &Path) -> Vec<std::ffi::OsString> {
    vec![option.into(), path.into()]
}
