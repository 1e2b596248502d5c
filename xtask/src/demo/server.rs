//! The servers as children: started, waited for, stopped.

use crate::http;
use crate::interrupt::Interrupt;
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The first start compiles the scorer component to machine code.
const READY_LIMIT: Duration = Duration::from_mins(3);

/// A terminal's Ctrl-C reaches the child by itself; only after this it is told.
const OWN_ACCORD: Duration = Duration::from_secs(1);

/// How long requests under way may take to finish.
const STOP_LIMIT: Duration = Duration::from_secs(15);

const POLL: Duration = Duration::from_millis(50);

pub(crate) struct Server {
    child: Child,
    name: &'static str,
}

impl Server {
    /// Starts it and waits until it says at a path that it is ready, or until the user wants no more of it.
    pub(crate) fn start(
        name: &'static str,
        mut command: Command,
        (address, ready): (SocketAddr, &str),
        interrupt: &Interrupt,
    ) -> Result<Self> {
        // Another server on the port would answer in place of ours.
        if std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
            bail!("something listens on {address} already; choose another port for {name}");
        }
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let mut server = Self { child, name };
        let start = Instant::now();
        while !interrupt.came() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended before it was ready ({status})");
            }
            if matches!(http::get(address, ready), Ok((200, _))) {
                break;
            }
            if start.elapsed() > READY_LIMIT {
                bail!("{name} was not ready within {} s", READY_LIMIT.as_secs());
            }
            std::thread::sleep(POLL);
        }
        Ok(server)
    }

    /// Sees it end well, after Ctrl-C.
    fn stop(&mut self) -> Result<()> {
        let name = self.name;
        let mut status = self.wait(OWN_ACCORD)?;
        if status.is_none() {
            send_interrupt(self.child.id())?;
            status = self.wait(STOP_LIMIT)?;
        }
        let status = status
            .with_context(|| format!("{name} did not stop within {} s", STOP_LIMIT.as_secs()))?;
        if !status.success() {
            bail!("{name} did not stop cleanly ({status})");
        }
        Ok(())
    }

    fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let start = Instant::now();
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || start.elapsed() > limit {
                return Ok(status);
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // On every way out, errors included: no server is left behind. Both calls fail only for
        // a child that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets servers serve until Ctrl-C, then sees them end well.
pub(crate) fn run_until(servers: &mut [Server], interrupt: &Interrupt) -> Result<()> {
    while !interrupt.came() {
        for server in &mut *servers {
            if let Some(status) = server.child.try_wait()? {
                bail!("{} ended by itself ({status})", server.name);
            }
        }
        std::thread::sleep(POLL);
    }
    println!("\nstopping");
    for server in servers {
        server.stop()?;
    }
    println!("stopped");
    Ok(())
}

/// What the terminal does on Ctrl-C, for one process.
pub(crate) fn send_interrupt(pid: u32) -> Result<()> {
    // The shell's own `kill`: the program of that name is missing on small systems.
    crate::command::run(Command::new("sh").args(["-c", "kill -s INT \"$0\"", &pid.to_string()]))
}
