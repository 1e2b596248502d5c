//! Stands before a server and fails as a network does.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What becomes of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Closed at once.
    Down,
    /// Every piece that goes either way takes so long.
    Slow(Duration),
    /// Cut once so many bytes went to the server.
    CutAfter(usize),
    /// Cut once the server has all that was sent, and says something of so many bytes or more.
    CutAnswer(usize),
    /// Taken, and never answered.
    Silent,
}

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    fault: Arc<Mutex<Fault>>,
}

impl Relay {
    pub(crate) fn start(target: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let fault = Arc::new(Mutex::new(Fault::None));
        let current = Arc::clone(&fault);
        // Ends with the tests.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let _ = relay(client, target, &current);
            }
        });
        Ok(Self { address, fault })
    }

    /// Connections that stand are held to it as well.
    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

fn relay(client: TcpStream, target: SocketAddr, fault: &Arc<Mutex<Fault>>) -> std::io::Result<()> {
    let server = TcpStream::connect(target)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ends = [
        (client.try_clone()?, server.try_clone()?, true),
        (server, client, false),
    ];
    for (from, to, is_request) in ends {
        let fault = Arc::clone(fault);
        std::thread::spawn(move || {
            copy(&from, &to, is_request, &fault);
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}

fn copy(mut from: &TcpStream, mut to: &TcpStream, is_request: bool, fault: &Mutex<Fault>) {
    let mut buffer = vec![0; 16 << 10];
    let mut n_sent = 0;
    // A look now and then at what the test wants.
    let _ = from.set_read_timeout(Some(Duration::from_millis(20)));
    loop {
        let read = from.read(&mut buffer);
        let fault = *fault.lock().unwrap_or_else(PoisonError::into_inner);
        if fault == Fault::Down {
            return;
        }
        let n_bytes = match read {
            Ok(0) => return,
            Ok(n_bytes) => n_bytes,
            Err(error) if is_timeout(&error) => continue,
            Err(_) => return,
        };
        let mut piece = &buffer[..n_bytes];
        match fault {
            Fault::Silent => continue,
            Fault::Slow(duration) => std::thread::sleep(duration),
            Fault::CutAfter(limit) if is_request && n_sent + n_bytes > limit => {
                piece = &piece[..limit.saturating_sub(n_sent)];
                let _ = to.write_all(piece);
                return;
            }
            Fault::CutAnswer(least) if !is_request && n_bytes >= least => return,
            _ => {}
        }
        if to.write_all(piece).is_err() {
            return;
        }
        n_sent += n_bytes;
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}
