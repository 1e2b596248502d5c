//! The real program as a child: started, ready, killed.

use crate::http;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};
use std::fs::OpenOptions;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The first start compiles the scorer component to machine code.
const READY_LIMIT: Duration = Duration::from_mins(3);

/// `edge-runtime` with an address of its own, which is the same after every start.
pub(crate) struct Program {
    path: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Program {
    pub(crate) fn new(repo: &Repo, log: PathBuf) -> Result<Self> {
        let name = format!("debug/edge-runtime{}", std::env::consts::EXE_SUFFIX);
        Ok(Self {
            path: repo.target.join(name),
            log,
            // A port that was free just now.
            address: TcpListener::bind(("127.0.0.1", 0))?.local_addr()?,
            child: None,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Starts it with what `arrange` adds, and waits until it answers.
    pub(crate) fn start(&mut self, arrange: impl FnOnce(&mut Command)) -> Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let mut command = Command::new(&self.path);
        arrange(&mut command);
        command
            .args(["--listen", &self.address.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.child = Some(command.spawn().context("starting edge-runtime")?);
        let start = Instant::now();
        while !matches!(http::get(self.address, "/health"), Ok((200, _))) {
            let log = self.log.display();
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!("edge-runtime ended before it was ready ({status}); its log is {log}");
            }
            if start.elapsed() > READY_LIMIT {
                bail!("edge-runtime was not ready in time; its log is {log}");
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
}

impl Drop for Program {
    fn drop(&mut self) {
        // On every way out: no program is left behind.
        drop(self.kill());
    }
}
