//! A Redis server: one that runs already, or Debian's.

use crate::command;
use crate::repo::Repo;
use crate::setup::ensure_redis;
use anyhow::{Context, Result, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Names a server that runs already, and tells the tests where the server is.
pub(crate) const URI_VARIABLE: &str = "PICKET_REDIS_URL";

const READY_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// What gives the tests their server.
pub(crate) enum RedisProgram {
    /// It runs already, at this address.
    Running(String),
    /// `redis-server`.
    Installed(PathBuf),
}

impl RedisProgram {
    /// Finds or installs one.
    pub(crate) fn ensure() -> Result<Self> {
        if let Ok(url) = std::env::var(URI_VARIABLE)
            && !url.is_empty()
        {
            println!("Redis: the server that {URI_VARIABLE} names");
            return Ok(Self::Running(url));
        }
        ensure_redis()?;
        let program = command::find("redis-server").context("there is no redis-server")?;
        Ok(Self::Installed(program))
    }

    /// Starts it, empty, keeping nothing on the disk.
    pub(crate) fn start(&self, repo: &Repo) -> Result<RunningRedis> {
        match self {
            Self::Running(url) => Ok(RunningRedis {
                url: url.clone(),
                child: None,
            }),
            Self::Installed(program) => start(program, repo),
        }
    }
}

/// A server; it stops when this goes.
pub(crate) struct RunningRedis {
    url: String,
    child: Option<Child>,
}

impl RunningRedis {
    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for RunningRedis {
    fn drop(&mut self) {
        // On every way out, errors included. These fail only for what is gone already.
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start(program: &std::path::Path, repo: &Repo) -> Result<RunningRedis> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let folder = repo.target.join("servers");
    std::fs::create_dir_all(&folder)?;
    let child = Command::new(program)
        .current_dir(&folder)
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("starting redis-server")?;
    let mut server = RunningRedis {
        url: format!("redis://127.0.0.1:{port}"),
        child: Some(child),
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let start = Instant::now();
    while TcpStream::connect_timeout(&address, POLL).is_err() {
        if let Some(child) = &mut server.child
            && let Some(status) = child.try_wait()?
        {
            bail!("redis-server ended before it was ready ({status})");
        }
        if start.elapsed() > READY_LIMIT {
            bail!(
                "redis-server was not ready within {} s",
                READY_LIMIT.as_secs()
            );
        }
        std::thread::sleep(POLL);
    }
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_starts_listens_and_stops() {
        let Some(program) = command::find("redis-server") else {
            println!("skipped: there is no redis-server; cargo xtask setup installs it");
            return;
        };
        let repo = Repo::find().expect("the repository");
        let server = start(&program, &repo).expect("a server");
        let address: SocketAddr = server
            .url()
            .trim_start_matches("redis://")
            .parse()
            .expect("an address");
        TcpStream::connect(address).expect("it listens");
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "it is stopped");
    }
}
