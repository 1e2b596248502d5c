//! Redis servers for tests: the one that `PICKET_REDIS_URL` names, and one that a test may kill.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::PATIENCE;

/// The address of a database of the tests' server, or why there is none. Each test has a number of its own.
pub(crate) fn redis_url(database: u8) -> Option<String> {
    let url = std::env::var("PICKET_REDIS_URL")
        .ok()
        .filter(|url| !url.is_empty());
    if url.is_none() {
        println!("skipped: PICKET_REDIS_URL names no Redis server; cargo xtask test starts one");
    }
    Some(format!("{}/{database}", url?.trim_end_matches('/')))
}

/// A server that keeps nothing on the disk and ends with the test.
pub(crate) struct OwnRedis {
    child: Child,
    port: u16,
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl OwnRedis {
    /// `None` where there is no server on this machine.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let version = Command::new("redis-server").arg("--version").output();
        if version.is_err() {
            println!("skipped: there is no redis-server; cargo xtask setup installs it");
            return None;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        Some(Self::on(folder, port))
    }

    fn on(folder: &Path, port: u16) -> Self {
        let mut child = Command::new("redis-server")
            .current_dir(folder)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "redis-server ended");
            assert!(start.elapsed() < PATIENCE, "redis-server is not ready");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { child, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// At the same address, and empty.
    pub(crate) fn start_again(&mut self, folder: &Path) {
        *self = Self::on(folder, self.port);
    }
}
