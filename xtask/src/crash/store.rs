//! The collector of this command: keeps records by id as a database does, and fails in every way that one can.

use super::load::{Acknowledged, read_head};
use super::random::Random;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) const TOKEN: &str = "the token of the crash test";

pub(crate) struct Store {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    up: AtomicBool,
    faulty: AtomicBool,
    random: Mutex<Random>,
    stored: Mutex<Stored>,
}

/// What was stored.
#[derive(Clone, Default)]
pub(crate) struct Stored {
    by_id: BTreeMap<String, Value>,
    /// Records that came again, under their ids.
    n_repeated: u64,
    /// Ids that came again with other content.
    n_conflicts: u64,
}

impl Stored {
    pub(crate) fn n_records(&self) -> u64 {
        self.by_id.len() as u64
    }

    pub(crate) fn n_repeated(&self) -> u64 {
        self.n_repeated
    }

    /// Labels of a prediction that was labelled once, but for the first; and ids with two contents.
    pub(crate) fn n_doubled(&self) -> u64 {
        let labels = self.labels();
        let distinct: BTreeSet<&&str> = labels.iter().collect();
        (labels.len() - distinct.len()) as u64 + self.n_conflicts
    }

    fn labels(&self) -> Vec<&str> {
        self.by_id
            .values()
            .filter_map(|it| it["prediction"].as_str())
            .collect()
    }

    /// How much of what was acknowledged is not there.
    pub(crate) fn missing(&self, acknowledged: &Acknowledged) -> u64 {
        let labels: BTreeSet<&str> = self.labels().into_iter().collect();
        let no_prediction = |id: &&String| !self.by_id.contains_key(*id);
        let no_label = |id: &&String| !labels.contains(id.as_str());
        let n_missing = acknowledged
            .predictions
            .iter()
            .filter(no_prediction)
            .count()
            + acknowledged.labels.iter().filter(no_label).count();
        n_missing as u64
    }
}

impl Store {
    pub(crate) fn start(seed: u64) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("listening")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            up: AtomicBool::new(true),
            faulty: AtomicBool::new(true),
            random: Mutex::new(Random::new(seed)),
            stored: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        // Ends with the command.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = Arc::clone(&serving);
                // A connection that breaks is what this is about.
                std::thread::spawn(move || drop(serving.answer(stream)));
            }
        });
        Ok(Self { address, shared })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A store that is down closes every connection.
    pub(crate) fn set_up(&self, up: bool) {
        self.shared.up.store(up, Ordering::Relaxed);
    }

    pub(crate) fn set_faults(&self, faulty: bool) {
        self.shared.faulty.store(faulty, Ordering::Relaxed);
    }

    pub(crate) fn stored(&self) -> Stored {
        lock(&self.shared.stored).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn answer(&self, stream: TcpStream) -> Result<()> {
        if !self.up.load(Ordering::Relaxed) {
            return Ok(());
        }
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut reader = BufReader::new(stream);
        let (start, n_bytes) = read_head(&mut reader)?;
        ensure!(start.starts_with("post /records "), "found {start}");
        let mut body = vec![0; n_bytes];
        reader.read_exact(&mut body)?;
        let fault = if self.faulty.load(Ordering::Relaxed) {
            lock(&self.random).below(8)
        } else {
            u64::MAX
        };
        let lines: Vec<&[u8]> = body
            .split(|it| *it == b'\n')
            .filter(|it| !it.is_empty())
            .collect();
        let n_stored = match fault {
            // Breaks off before anything is stored.
            0 => return Ok(()),
            // Breaks off in the middle, or with everything stored and nothing said.
            1 => lines.len() / 2,
            _ => lines.len(),
        };
        self.store(&lines[..n_stored])?;
        if fault == 1 || fault == 2 {
            return Ok(());
        }
        let (status, answer) = if fault == 3 {
            ("503 Service Unavailable", Value::Null)
        } else {
            let outcomes = vec![json!({"outcome": "delivered"}); lines.len()];
            ("200 OK", json!({ "outcomes": outcomes }))
        };
        let answer = answer.to_string();
        write!(
            reader.get_mut(),
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
            answer.len()
        )?;
        Ok(())
    }

    fn store(&self, lines: &[&[u8]]) -> Result<()> {
        let mut stored = lock(&self.stored);
        for line in lines {
            let record: Value = serde_json::from_slice(line)?;
            let id = record["id"]
                .as_str()
                .context("a record without an id")?
                .to_owned();
            match stored.by_id.get(&id) {
                None => {
                    stored.by_id.insert(id, record);
                }
                Some(before) => {
                    let differs = *before != record;
                    stored.n_repeated += 1;
                    stored.n_conflicts += u64::from(differs);
                }
            }
        }
        Ok(())
    }
}
