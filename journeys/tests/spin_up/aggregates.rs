//! Aggregates count every row that was answered, once, whatever instances come and go.

use std::sync::atomic::{AtomicU64, Ordering};

use picket_schema::Artifact;
use picket_schema::record::Record;

use crate::stand::{Client, CollectorStand, Host, Result, Stand, bundled, component, row, until};

/// What clients have seen.
#[derive(Default)]
struct Seen {
    asked: AtomicU64,
    answered: AtomicU64,
}

impl Seen {
    fn answered(&self) -> u64 {
        self.answered.load(Ordering::SeqCst)
    }
}

/// Predicts rows alone and in batches, until all are answered or the host is gone.
fn talk(host: &Host, artifact: &Artifact<'_>, from: usize, seen: &Seen, is_cut: bool) {
    let client = Client::new(host);
    for number in from..from + 12 {
        let body = row(artifact, number);
        let (path, body, n_rows) = if number % 4 == 0 {
            let body = format!("{{\"samples\":[{body},{body},{body}]}}");
            ("/predict/batch", body, 3)
        } else {
            ("/predict", body, 1)
        };
        seen.asked.fetch_add(n_rows, Ordering::SeqCst);
        match client.post(path, &body) {
            // What a host says of requests that it was cut off with.
            Ok(answer) if is_cut && answer.status == 503 => return,
            Ok(answer) => {
                assert_eq!(answer.status, 200, "{answer:?}");
                seen.answered.fetch_add(n_rows, Ordering::SeqCst);
            }
            Err(_) => return,
        }
    }
}

/// Rows in the collector's aggregates, each of which the reader takes.
fn counted(collector: &CollectorStand) -> u64 {
    let aggregates = collector.aggregates();
    let rows = aggregates.iter().map(|it| {
        let Ok(Record::Aggregate(record)) = Record::from_json(it.to_string().as_bytes()) else {
            panic!("no aggregate: {it}");
        };
        assert_eq!(record.span_ms, 1000);
        assert_eq!(record.node.as_deref(), Some("spin-1"));
        record.n_rows
    });
    rows.sum()
}

/// Asks from hosts that are dropped one after the other; then everything is delivered.
fn asked(
    component: &std::path::Path,
    (reuse, concurrent): (usize, usize),
    is_cut: bool,
) -> Result<(CollectorStand, Seen)> {
    let collector = CollectorStand::start()?;
    let mut stand = Stand::new(component, reuse)?;
    stand.config.concurrent = concurrent;
    stand.record_to(&collector);
    stand.set("record", "aggregates");
    stand.set("node", "spin-1");
    let seen = Seen::default();
    for start in 0..3 {
        collector.set_down(start < 2);
        let host = stand.start()?;
        let bytes = bundled(&Client::new(&host))?;
        let artifact = Artifact::decode(&bytes)?;
        let first = seen.answered();
        let hosts = std::sync::Mutex::new(Some(host));
        std::thread::scope(|scope| -> Result<()> {
            let origin = hosts.lock().map_err(|_| "a lock")?;
            let host = origin.as_ref().ok_or("a host")?.origin.clone();
            drop(origin);
            let clients: Vec<_> = (0..4)
                .map(|client| {
                    let (artifact, seen) = (&artifact, &seen);
                    let host = Host::at(&host);
                    let from = 1000 * start + 100 * client;
                    scope.spawn(move || talk(&host, artifact, from, seen, is_cut))
                })
                .collect();
            if is_cut {
                // In the middle of it: as if the power went.
                while seen.answered() < first + 8 {
                    std::thread::yield_now();
                }
                drop(hosts.lock().map_err(|_| "a lock")?.take());
            }
            for client in clients {
                client.join().map_err(|_| "a client panicked")?;
            }
            Ok(())
        })?;
    }
    collector.set_down(false);
    let host = stand.start()?;
    let client = Client::new(&host);
    let waits = client.metric("picket_spin_pending_batches")?;
    if reuse > 1 {
        // Not one a request: an instance goes on with its own.
        let asked = seen.asked.load(Ordering::SeqCst);
        assert!(waits < asked / 2, "{waits} keys for {asked} rows");
    }
    until("everything is delivered", || {
        Ok(client.metric("picket_spin_pending_batches")? == 0)
    })?;
    assert!(collector.records().is_empty(), "a row was recorded");
    Ok((collector, seen))
}

#[test]
fn every_answer_is_counted_once() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    for instances in [(1, 1), (50, 16)] {
        let (collector, seen) = asked(&component, instances, false)?;
        let answered = seen.answered();
        assert_eq!(answered, 3 * 4 * (9 + 3 * 3));
        assert_eq!(counted(&collector), answered, "{instances:?}");
    }
    Ok(())
}

#[test]
fn hosts_that_are_cut_off_miscount_no_answer() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    for instances in [(1, 1), (50, 16)] {
        let (collector, seen) = asked(&component, instances, true)?;
        let (answered, asked) = (seen.answered(), seen.asked.load(Ordering::SeqCst));
        let counted = counted(&collector);
        // What was cut off may be counted, as its answer may have been on its way.
        assert!(
            (answered..=asked).contains(&counted),
            "{instances:?}: {answered} of {asked} answered, {counted} counted"
        );
    }
    Ok(())
}

#[test]
fn beside_verdicts_aggregates_are_written_too() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    let collector = CollectorStand::start()?;
    let mut stand = Stand::new(&component, 1000)?;
    stand.record_to(&collector);
    let host = stand.start()?;
    let client = Client::new(&host);
    let bytes = bundled(&client)?;
    let artifact = Artifact::decode(&bytes)?;
    for number in 0..30 {
        let answer = client.post("/predict", &row(&artifact, number))?;
        assert_eq!(answer.status, 200);
        if number % 10 == 9 {
            std::thread::sleep(std::time::Duration::from_millis(1100));
        }
    }
    until("everything is delivered", || {
        Ok(client.metric("picket_spin_pending_batches")? == 0)
    })?;
    assert_eq!(collector.records().len(), 30);
    let aggregates = collector.aggregates();
    let rows: u64 = aggregates
        .iter()
        .filter_map(|it| it["n_rows"].as_u64())
        .sum();
    // The last second of a window may be missing.
    assert!(aggregates.len() >= 3 && (3..=30).contains(&rows), "{rows}");
    Ok(())
}
