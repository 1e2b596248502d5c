//! Stands before a server that comes and goes: its address stays, and now and then it cuts a connection.

use super::random::Random;
use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One connection in so many is cut, as soon as at most so many bytes went to the server, or came back.
const CUT_ONE_IN: u64 = 3;
const CUT_WITHIN: [u64; 2] = [32 << 10, 1 << 10];

pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// Without one every connection is closed.
    target: Mutex<Option<SocketAddr>>,
    cutting: AtomicBool,
    n_cut: AtomicU64,
    random: Mutex<Random>,
}

impl Relay {
    pub(crate) fn start(seed: u64) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("listening")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: Mutex::new(None),
            cutting: AtomicBool::new(true),
            n_cut: AtomicU64::new(0),
            random: Mutex::new(Random::new(seed)),
        });
        let serving = Arc::clone(&shared);
        // Ends with the command.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A connection that breaks is what this is about.
                drop(serving.relay(stream));
            }
        });
        Ok(Self { address, shared })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where new connections go.
    pub(crate) fn set_target(&self, target: Option<SocketAddr>) {
        *self.shared.target() = target;
    }

    pub(crate) fn set_cutting(&self, cutting: bool) {
        self.shared.cutting.store(cutting, Ordering::Relaxed);
    }

    /// How many connections were cut.
    pub(crate) fn n_cut(&self) -> u64 {
        self.shared.n_cut.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn target(&self) -> std::sync::MutexGuard<'_, Option<SocketAddr>> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn relay(self: &Arc<Self>, client: TcpStream) -> Result<()> {
        let target = *self.target();
        let Some(target) = target else { return Ok(()) };
        let server = TcpStream::connect_timeout(&target, Duration::from_secs(1))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let mut limits = [u64::MAX; 2];
        if self.cutting.load(Ordering::Relaxed) {
            let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
            if random.below(CUT_ONE_IN) == 0 {
                let way = random.below(2) as usize;
                limits[way] = random.below(CUT_WITHIN[way]);
            }
        }
        let [there, back] = limits;
        let (to_client, from_client) = (client.try_clone()?, client);
        let (to_server, from_server) = (server.try_clone()?, server);
        let (one, other) = (Arc::clone(self), Arc::clone(self));
        std::thread::spawn(move || one.copy(&from_client, &to_server, there));
        std::thread::spawn(move || other.copy(&from_server, &to_client, back));
        Ok(())
    }

    /// Copies until either end closes or the limit is reached; both ends are closed then.
    fn copy(&self, mut from: &TcpStream, mut to: &TcpStream, limit: u64) {
        let mut buffer = vec![0; 16 << 10];
        let mut left = limit;
        while let Ok(n_bytes @ 1..) = from.read(&mut buffer) {
            let n_sent = (n_bytes as u64).min(left) as usize;
            if to.write_all(&buffer[..n_sent]).is_err() {
                break;
            }
            left -= n_sent as u64;
            if left == 0 {
                self.n_cut.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}
