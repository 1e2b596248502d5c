//! Uploads to a server with faults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Outcome, Pace, RecordSink, SinkError, Uploader};
use crate::spool::{Counters, Spool, SpoolConfig};

type Tested = Result<(), Box<dyn std::error::Error>>;

/// What a server has: how often each record came through to it.
type Store = Arc<Mutex<BTreeMap<Vec<u8>, u32>>>;

/// A server that does what the test says, by the number of the call.
struct Faulty<F> {
    store: Store,
    n_calls: u32,
    fault: F,
}

enum Fault {
    None,
    Down,
    /// Takes the first so many, and breaks off without an answer.
    BreaksOff(usize),
    /// Never takes records with this text.
    Rejects(&'static str),
    /// Takes every other, the rest later.
    Half,
    TooLarge(usize),
    Slow(Duration),
}

impl<F: FnMut(u32) -> Fault + Send> RecordSink for Faulty<F> {
    fn deliver(&mut self, records: &[&[u8]]) -> Result<Vec<Outcome>, SinkError> {
        self.n_calls += 1;
        let fault = (self.fault)(self.n_calls);
        let mut store = self.store.lock().expect("no panic");
        let mut take = |record: &[u8]| *store.entry(record.to_vec()).or_default() += 1;
        let reason = "the test says so".to_owned();
        match fault {
            Fault::Down => return Err(SinkError::Unreachable { reason }),
            Fault::TooLarge(most) if records.len() > most => {
                return Err(SinkError::TooLarge { reason });
            }
            Fault::BreaksOff(n_records) => {
                records.iter().take(n_records).for_each(|it| take(it));
                return Err(SinkError::Unreachable { reason });
            }
            Fault::Slow(duration) => std::thread::sleep(duration),
            _ => {}
        }
        let outcome = |(idx, record): (usize, &&[u8])| {
            let text = String::from_utf8_lossy(record);
            match fault {
                Fault::Rejects(part) if text.contains(part) => {
                    Outcome::Rejected("never".to_owned())
                }
                Fault::Half if idx % 2 == 1 => Outcome::Later("busy".to_owned()),
                _ => {
                    take(record);
                    Outcome::Delivered
                }
            }
        };
        Ok(records.iter().enumerate().map(outcome).collect())
    }
}

fn quick() -> Pace {
    Pace {
        max_records: 100,
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(5),
        open_for: Duration::from_millis(5),
        ..Pace::default()
    }
}

/// What was counted, and how often each record came.
type Uploaded = (Counters, BTreeMap<Vec<u8>, u32>);

/// Uploads so many records through the faults until nothing is pending.
fn upload(
    n_records: u64,
    pace: Pace,
    fault: impl FnMut(u32) -> Fault + Send + 'static,
) -> Result<Uploaded, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let spool = Arc::new(Spool::open(folder.path(), SpoolConfig::default())?);
    let records: Vec<String> = (0..n_records)
        .map(|i| format!("{{\"id\":\"{i}.\"}}"))
        .collect();
    let store = Store::default();
    let sink = Faulty {
        store: Arc::clone(&store),
        n_calls: 0,
        fault,
    };
    let uploader = Uploader::start(Arc::clone(&spool), Box::new(sink), pace, || {})?;
    for some in records.chunks(500) {
        spool.append(some.iter().map(String::as_bytes))?.wait()?;
    }
    let start = Instant::now();
    while spool.counters().pending > 0 {
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "{:?}",
            spool.counters()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(uploader);
    let counters = spool.counters();
    assert_eq!(counters.accepted, n_records);
    assert_eq!(
        counters.accepted,
        counters.delivered + counters.pending + counters.dropped()
    );
    let store = store.lock().expect("no panic").clone();
    Ok((counters, store))
}

#[test]
fn a_server_that_is_down_for_ten_thousand_records_gets_each_once() -> Tested {
    let (counters, store) = upload(10_000, quick(), |n_calls| {
        if n_calls <= 40 {
            Fault::Down
        } else {
            Fault::None
        }
    })?;
    assert_eq!((counters.delivered, store.len()), (10_000, 10_000));
    assert!(store.values().all(|n| *n == 1));
    Ok(())
}

#[test]
fn a_server_that_breaks_off_sees_records_again_under_their_ids() -> Tested {
    let (counters, store) = upload(1000, quick(), |n_calls| {
        if n_calls % 2 == 1 {
            Fault::BreaksOff(30)
        } else {
            Fault::None
        }
    })?;
    // Twice over the wire, once by id.
    assert_eq!((counters.delivered, store.len()), (1000, 1000));
    assert!(store.values().any(|n| *n > 1));
    Ok(())
}

#[test]
fn rejected_records_are_dead_letters_and_hold_nothing_up() -> Tested {
    let (counters, store) = upload(500, quick(), |_| Fault::Rejects("7."))?;
    assert_eq!((counters.rejected, counters.delivered), (50, 450));
    assert!(store.len() == 450 && counters.dead_bytes > 0);
    Ok(())
}

#[test]
fn a_server_that_takes_some_gets_the_others_later() -> Tested {
    let (counters, store) = upload(200, quick(), |n_calls| {
        if n_calls < 50 {
            Fault::Half
        } else {
            Fault::None
        }
    })?;
    assert_eq!((counters.delivered, store.len()), (200, 200));
    Ok(())
}

#[test]
fn a_server_that_takes_small_batches_gets_small_ones() -> Tested {
    let (counters, store) = upload(300, quick(), |_| Fault::TooLarge(10))?;
    assert_eq!(
        (counters.delivered, store.len(), counters.rejected),
        (300, 300, 0)
    );
    Ok(())
}

#[test]
fn a_batch_of_one_that_is_too_large_is_rejected() -> Tested {
    let (counters, _) = upload(3, quick(), |_| Fault::TooLarge(0))?;
    assert_eq!(counters.rejected, 3);
    Ok(())
}

#[test]
fn a_slow_server_and_a_low_rate_hold_the_spool_not_the_requests() -> Tested {
    let start = Instant::now();
    let pace = Pace {
        records_per_second: 1000,
        ..quick()
    };
    let (counters, _) = upload(300, pace, |_| Fault::Slow(Duration::from_millis(20)))?;
    assert_eq!(counters.delivered, 300);
    // Three batches of a hundred: the last need not wait for the next.
    assert!(
        start.elapsed() >= Duration::from_millis(190),
        "{:?}",
        start.elapsed()
    );
    Ok(())
}
