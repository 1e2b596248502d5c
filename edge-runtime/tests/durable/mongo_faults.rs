//! The uploader and the real driver before a real server that fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mongodb::bson::doc;
use picket_edge_runtime::spool::{Counters, Folder, Spool, SpoolConfig, dead_letters};
use picket_edge_runtime::upload::{MongoSink, Pace, Uploader};
use tempfile::TempDir;

use crate::Tested;
use crate::mongo::Database;
use crate::program::Result;
use crate::relay::{Fault, Relay};

/// How long a call of the driver may take here.
const TIMEOUT: Duration = Duration::from_secs(2);

struct Scene {
    database: Database,
    relay: Relay,
    spool: Arc<Spool>,
    folder: TempDir,
    _uploader: Uploader,
}

impl Scene {
    fn new(fault: Fault) -> Result<Option<Self>> {
        let Some(database) = Database::new()? else {
            return Ok(None);
        };
        let relay = Relay::start(database.address)?;
        relay.set(fault);
        let folder = tempfile::tempdir()?;
        let spool = Arc::new(Spool::open(folder.path(), SpoolConfig::default())?);
        let sink = MongoSink::new(&database.uri_by(relay.address), TIMEOUT)?;
        let pace = Pace {
            max_records: 500,
            first_wait: Duration::from_millis(20),
            longest_wait: Duration::from_millis(100),
            open_for: Duration::from_millis(100),
            ..Pace::default()
        };
        let uploader = Uploader::start(Arc::clone(&spool), Box::new(sink), pace, || {})?;
        Ok(Some(Self {
            database,
            relay,
            spool,
            folder,
            _uploader: uploader,
        }))
    }

    /// Appends so many labels, from a number on.
    fn append(&self, from: u64, n_records: u64) -> Result<()> {
        let records: Vec<String> = (from..from + n_records)
            .map(|i| format!(r#"{{"kind":"label","id":"{i:032x}","time_ms":{i},"prediction":"{i:032x}","label":"phishing"}}"#))
            .collect();
        for some in records.chunks(1000) {
            let ticket = self.spool.append(some.iter().map(String::as_bytes))?;
            ticket.wait()?;
        }
        Ok(())
    }

    fn drained(&self) -> Result<Counters> {
        let start = Instant::now();
        loop {
            let counters = self.spool.counters();
            assert_eq!(
                counters.accepted,
                counters.delivered + counters.pending + counters.dropped()
            );
            if counters.pending == 0 {
                return Ok(counters);
            }
            if start.elapsed() > Duration::from_mins(1) {
                return Err(format!("still pending: {counters:?}").into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn ten_thousand_records_wait_for_a_server_that_is_down() -> Tested {
    let Some(scene) = Scene::new(Fault::Down)? else {
        return Ok(());
    };
    let start = Instant::now();
    scene.append(0, 10_000)?;
    assert!(start.elapsed() < Duration::from_mins(1), "requests waited");
    assert_eq!(scene.spool.counters().pending, 10_000);
    scene.relay.set(Fault::None);
    assert_eq!(scene.drained()?.delivered, 10_000);
    assert_eq!(scene.database.n_records()?, 10_000);
    Ok(())
}

#[test]
fn a_batch_that_breaks_off_is_stored_once() -> Tested {
    let Some(scene) = Scene::new(Fault::None)? else {
        return Ok(());
    };
    scene.append(0, 1)?;
    scene.drained()?;
    // A batch of 500 is some 60,000 bytes: it is cut in the middle.
    for (round, fault) in [Fault::CutAfter(20_000), Fault::CutAnswer(20)]
        .into_iter()
        .enumerate()
    {
        scene.relay.set(fault);
        scene.append(1 + 2000 * round as u64, 2000)?;
        std::thread::sleep(Duration::from_millis(700));
        assert!(scene.spool.counters().pending > 0, "{fault:?} did nothing");
        scene.relay.set(Fault::None);
        let expected = 1 + 2000 * (round as u64 + 1);
        assert_eq!(scene.drained()?.delivered, expected);
        assert_eq!(scene.database.n_records()?, expected, "{fault:?}");
    }
    Ok(())
}

#[test]
fn a_slow_server_holds_the_spool_not_the_requests() -> Tested {
    let Some(scene) = Scene::new(Fault::Slow(Duration::from_millis(100)))? else {
        return Ok(());
    };
    let start = Instant::now();
    scene.append(0, 2000)?;
    assert!(start.elapsed() < Duration::from_mins(1), "requests waited");
    assert_eq!(scene.drained()?.delivered, 2000);
    assert_eq!(scene.database.n_records()?, 2000);
    Ok(())
}

#[test]
fn a_server_that_never_answers_holds_nothing_for_good() -> Tested {
    let Some(scene) = Scene::new(Fault::None)? else {
        return Ok(());
    };
    scene.append(0, 1)?;
    scene.drained()?;
    scene.relay.set(Fault::Silent);
    scene.append(1, 10)?;
    // The batch is under way when the server falls silent, and is given up after the time limit.
    std::thread::sleep(TIMEOUT / 2);
    assert_eq!(scene.spool.counters().pending, 10);
    scene.relay.set(Fault::None);
    // What was swallowed is never answered: without a limit this would wait for ever.
    assert_eq!(scene.drained()?.delivered, 11);
    assert_eq!(scene.database.n_records()?, 11);
    Ok(())
}

#[test]
fn what_the_server_rejects_is_a_dead_letter_with_its_reason() -> Tested {
    let Some(scene) = Scene::new(Fault::None)? else {
        return Ok(());
    };
    let good = format!(
        r#"{{"kind":"label","id":"{0:032x}","time_ms":5,"prediction":"{0:032x}","label":"phishing"}}"#,
        1
    );
    // No record of the device is so: a field's name that the server does not take, and one without an id.
    let bad = format!(r#"{{"kind":"label","id":"{:032x}","$where":{{"a":1}}}}"#, 2);
    let none = r#"{"kind":"label"}"#;
    let records = [bad.as_bytes(), good.as_bytes(), none.as_bytes()];
    scene.spool.append(records)?.wait()?;
    let counters = scene.drained()?;
    let is_taken = scene.database.has(doc! {"_id": format!("{:032x}", 2)})?;
    // MongoDB 5 and later takes such names, FerretDB does not.
    let n_rejected = if is_taken { 1 } else { 2 };
    assert_eq!(counters.rejected, n_rejected, "{counters:?}");
    assert_eq!(counters.delivered, 3 - n_rejected);
    let letters = dead_letters(&Folder::look(scene.folder.path())?);
    assert_eq!(letters.len() as u64, n_rejected);
    assert!(letters.iter().all(|it| !it.reason.is_empty()));
    assert!(letters.iter().any(|it| it.record.get() == none));
    Ok(())
}
