//! Clients that ask for predictions and label some of them, and remember what was acknowledged.

use anyhow::{Result, anyhow};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const N_CLIENTS: usize = 4;
/// Between two requests of a client.
const PAUSE: Duration = Duration::from_millis(3);

/// Ids of predictions that were answered, and of those whose label was taken.
#[derive(Default)]
pub(crate) struct Acknowledged {
    pub(crate) predictions: BTreeSet<String>,
    pub(crate) labels: BTreeSet<String>,
}

pub(crate) struct Load {
    clients: Vec<JoinHandle<Acknowledged>>,
    stopped: Arc<AtomicBool>,
    n_acknowledged: Arc<AtomicU64>,
}

impl Load {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let n_acknowledged = Arc::new(AtomicU64::new(0));
        let client = |_| {
            let (stopped, counted) = (Arc::clone(&stopped), Arc::clone(&n_acknowledged));
            std::thread::spawn(move || {
                let mut acknowledged = Acknowledged::default();
                while !stopped.load(Ordering::Relaxed) {
                    // The device is killed again and again: a broken connection is the normal case.
                    let _ = talk(address, &stopped, &counted, &mut acknowledged);
                    std::thread::sleep(Duration::from_millis(5));
                }
                acknowledged
            })
        };
        Self {
            clients: (0..N_CLIENTS).map(client).collect(),
            stopped,
            n_acknowledged,
        }
    }

    pub(crate) fn n_acknowledged(&self) -> u64 {
        self.n_acknowledged.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(self) -> Result<Acknowledged> {
        self.stopped.store(true, Ordering::Relaxed);
        let mut all = Acknowledged::default();
        for client in self.clients {
            let one = client.join().map_err(|_| anyhow!("a client panicked"))?;
            all.predictions.extend(one.predictions);
            all.labels.extend(one.labels);
        }
        Ok(all)
    }
}

/// Asks over one connection until it breaks.
fn talk(
    address: SocketAddr,
    stopped: &AtomicBool,
    counted: &AtomicU64,
    acknowledged: &mut Acknowledged,
) -> Result<()> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut n_asked = 0_u32;
    while !stopped.load(Ordering::Relaxed) {
        n_asked += 1;
        // What the servers, down half the time, can take in the end.
        std::thread::sleep(PAUSE);
        let (status, answer) = ask(&mut reader, "/predict", r#"{"features":{"port":-1}}"#)?;
        if status != 200 {
            continue;
        }
        let id = answer["id"].as_str().unwrap_or_default().to_owned();
        if n_asked.is_multiple_of(4) {
            let label = format!(r#"{{"prediction":"{id}","label":"phishing"}}"#);
            let (status, _) = ask(&mut reader, "/feedback", &label)?;
            if status == 202 {
                acknowledged.labels.insert(id.clone());
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
        acknowledged.predictions.insert(id);
        counted.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn ask(reader: &mut BufReader<TcpStream>, path: &str, body: &str) -> Result<(u16, Value)> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: device\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    reader.get_mut().write_all(request.as_bytes())?;
    let (start, n_bytes) = read_head(reader)?;
    let mut answer = vec![0; n_bytes];
    reader.read_exact(&mut answer)?;
    let status = start
        .split_whitespace()
        .nth(1)
        .and_then(|it| it.parse().ok());
    let status = status.ok_or_else(|| anyhow!("no status line"))?;
    Ok((status, serde_json::from_slice(&answer)?))
}

/// Reads the head of a message: its first line, and the length of its body.
pub(crate) fn read_head(reader: &mut impl BufRead) -> Result<(String, usize)> {
    let mut start = String::new();
    let mut n_bytes = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(anyhow!("the connection was closed"));
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() && !start.is_empty() {
            return Ok((start, n_bytes));
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            n_bytes = value.trim().parse()?;
        }
        if start.is_empty() {
            start = line;
        }
    }
}
