//! Uploads to a server with faults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Outcome, Pace, RecordSink, SinkError, Uploader};
use crate::spool::{Counters, Spool, SpoolConfig};

type Tested = Result<(), Box<dyn std::error::Error>>;

/// What a server has: how often each record came through to it.
type Store = Arc<Mutex<BTreeMap<Vec<u8>, u32>>>;

/// When batches came, and of how many records.
type Calls = Arc<Mutex<Vec<(Instant, usize)>>>;

/// A server that does what the test says, by the number of the call.
struct Faulty<F> {
    store: Store,
    calls: Calls,
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
        let mut calls = self.calls.lock().expect("no panic");
        calls.push((Instant::now(), records.len()));
        let fault = (self.fault)(calls.len() as u32);
        drop(calls);
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
    Ok(upload_seen(n_records, pace, fault)?.0)
}

/// When a batch came, and of how many records.
type Seen = Vec<(Instant, usize)>;

/// As [`upload`], with when batches came and of how many records.
fn upload_seen(
    n_records: u64,
    pace: Pace,
    fault: impl FnMut(u32) -> Fault + Send + 'static,
) -> Result<(Uploaded, Seen), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let spool = Arc::new(Spool::open(folder.path(), SpoolConfig::default())?);
    let records: Vec<String> = (0..n_records)
        .map(|i| format!("{{\"id\":\"{i}.\"}}"))
        .collect();
    for some in records.chunks(500) {
        spool.append(some.iter().map(String::as_bytes))?.wait()?;
    }
    let (store, calls) = (Store::default(), Calls::default());
    let sink = Faulty {
        store: Arc::clone(&store),
        calls: Arc::clone(&calls),
        fault,
    };
    let uploader = Uploader::start(Arc::clone(&spool), Box::new(sink), pace, || {})?;
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
    let calls = calls.lock().expect("no panic").clone();
    Ok(((counters, store), calls))
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
fn batches_are_halved_until_they_are_taken_and_grow_again() -> Tested {
    let pace = Pace {
        // Or a single record would try after some failures.
        failures_to_open: u32::MAX,
        ..quick()
    };
    let ((counters, _), calls) = upload_seen(1000, pace, |n_calls| {
        Fault::TooLarge(if n_calls <= 5 { 10 } else { 1000 })
    })?;
    let sizes: Vec<usize> = calls.iter().map(|it| it.1).collect();
    assert_eq!(
        sizes[..9],
        [100, 50, 25, 12, 6, 12, 24, 48, 96],
        "{sizes:?}"
    );
    assert!(sizes[9] == 100 && counters.delivered == 1000, "{sizes:?}");
    Ok(())
}

#[test]
fn while_the_circuit_is_open_one_record_tries() -> Tested {
    let ((counters, _), calls) = upload_seen(300, quick(), |n_calls| {
        if n_calls <= 20 {
            Fault::Down
        } else {
            Fault::None
        }
    })?;
    let sizes: Vec<usize> = calls.iter().map(|it| it.1).collect();
    assert!(sizes[..8].iter().all(|it| *it == 100), "{sizes:?}");
    assert!(sizes[8..21].iter().all(|it| *it == 1), "{sizes:?}");
    assert!(sizes[21] == 100 && counters.delivered == 300, "{sizes:?}");
    Ok(())
}

#[test]
fn outside_its_hours_nothing_goes() -> Tested {
    let folder = tempfile::tempdir()?;
    let spool = Arc::new(Spool::open(folder.path(), SpoolConfig::default())?);
    spool.append([b"{}".as_slice()])?.wait()?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let hour = now.as_secs() / 3600;
    let hours = |from: u64| {
        format!(
            "{:02}:00-{:02}:00",
            (hour + from) % 24,
            (hour + from + 6) % 24
        )
    };
    for (from, n_delivered) in [(6, 0), (21, 1)] {
        let pace = Pace {
            hours: Some(hours(from).parse()?),
            ..quick()
        };
        let sink = Faulty {
            store: Store::default(),
            calls: Calls::default(),
            fault: |_| Fault::None,
        };
        let uploader = Uploader::start(Arc::clone(&spool), Box::new(sink), pace, || {})?;
        let start = Instant::now();
        let patience = Duration::from_secs(if n_delivered == 0 { 1 } else { 60 });
        while spool.counters().delivered == 0 && start.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(uploader);
        assert_eq!(spool.counters().delivered, n_delivered, "{}", hours(from));
    }
    Ok(())
}

#[test]
fn a_rate_is_kept_between_batches() -> Tested {
    let pace = Pace {
        records_per_second: 200,
        ..quick()
    };
    let start = Instant::now();
    let (_, calls) = upload_seen(300, pace, |_| Fault::None)?;
    let times: Vec<Instant> = calls.iter().map(|it| it.0).collect();
    assert_eq!(times.len(), 3);
    // A batch of 100 stands for half a second. From the start on: a batch that was held up on its way comes closer to the
    // next one, but none can be earlier than the rate lets it.
    for (n_before, time) in (0..).zip(&times) {
        let after = time.duration_since(start);
        assert!(after >= Duration::from_millis(450) * n_before, "{after:?}");
    }
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
