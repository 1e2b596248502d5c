//! Single faults of a disk, each with what may come of it.

use super::batch::Fate;
use super::config::WhenFull;
use super::dead_letters::DeadLetters;
use super::error::SpoolError;
use super::fake_disk::{Draws, FakeDisk};
use super::model_test::config;
use super::spool_log::SpoolLog;
use super::survey::Survey;

/// The ledger's writing fails, a start reads it all the same, and then the power goes: nothing may have been removed on
/// its word.
#[test]
fn a_ledger_that_is_read_is_durable_before_anything_is_removed() -> Result<(), SpoolError> {
    let mut n_read = 0;
    for seed in 1..40 {
        let config = config(WhenFull::Refuse);
        let mut log = SpoolLog::open(FakeDisk::default(), config)?;
        for id in 1..=12 {
            let record = format!("{{\"n\":{id},\"fill\":\"{}\"}}", "x".repeat(150));
            log.append([record.as_bytes()].into_iter())?;
        }
        // The first two writings of the ledger take its room; the third is like all that follow.
        for _ in 0..2 {
            let batch = log.peek(1, 10_000)?.expect("a record");
            log.settle(&batch.settle(vec![Fate::Delivered]))?;
        }
        let batch = log.peek(6, 10_000)?.expect("records");
        log.disk_mut().fails_in = Some(0);
        let n_records = batch.records.len();
        let settled = log.settle(&batch.settle(vec![Fate::Delivered; n_records]));
        assert!(settled.is_err());
        let log = SpoolLog::open(log.into_disk(), config)?;
        n_read += u32::from(log.counters().delivered > 2);
        let mut disk = log.into_disk();
        super::disk::Disk::sync_names(&mut disk).map_err(SpoolError::file("sync", "names"))?;
        disk.crash(&mut Draws(seed));
        let counters = SpoolLog::open(disk, config)?.counters();
        assert_eq!(
            (counters.accepted, counters.damaged),
            (12, 0),
            "{counters:?}"
        );
    }
    assert!(n_read > 0, "the test does not get there");
    Ok(())
}

#[test]
fn a_segment_that_is_gone_is_amiss_until_a_mark_stands_for_it() -> Result<(), SpoolError> {
    let config = config(WhenFull::Refuse);
    let mut log = SpoolLog::open(FakeDisk::default(), config)?;
    let record = format!("{{\"n\":1,\"fill\":\"{}\"}}", "x".repeat(150));
    for _ in 0..12 {
        log.append([record.as_bytes()].into_iter())?;
    }
    let mut disk = log.into_disk();
    let gone = Survey::of(&disk)?.segments[1].clone();
    super::disk::Disk::remove(&mut disk, &gone.name).map_err(SpoolError::file("remove", "it"))?;
    assert!(!Survey::of(&disk)?.is_sound());
    let mut log = SpoolLog::open(disk, config)?;
    assert_eq!(log.counters().damaged, gone.n_records);
    log.repair()?;
    assert!(Survey::of(log.disk_mut())?.is_sound());
    let mut log = SpoolLog::open(log.into_disk(), config)?;
    let n_left = 12 - gone.n_records;
    assert_eq!(
        (log.counters().damaged, log.counters().pending),
        (gone.n_records, n_left)
    );
    let mut n_delivered = 0;
    while let Some(batch) = log.peek(3, 400)? {
        n_delivered += batch.records.len() as u64;
        let n_records = batch.records.len();
        log.settle(&batch.settle(vec![Fate::Delivered; n_records]))?;
    }
    let counters = log.counters();
    assert_eq!(
        (n_delivered, counters.delivered, counters.damaged),
        (n_left, n_left, gone.n_records)
    );
    Ok(())
}

/// A frame whose number came before, as meddling may leave it between two that count: it is nobody's record.
#[test]
fn a_frame_that_does_not_count_is_not_counted_when_its_segment_is_dropped() -> Result<(), SpoolError>
{
    let mut bytes = Vec::new();
    for (seq, record) in [(1, "{\"n\":1}"), (1, "{\"n\":3}"), (2, "{\"n\":2}")] {
        super::frame::push(&mut bytes, seq, record.as_bytes());
    }
    let mut disk = FakeDisk::default();
    let written = super::disk::Disk::write(&mut disk, "segment-0000000000000001.log", 0, &bytes);
    written.map_err(SpoolError::file("write", "it"))?;
    let mut log = SpoolLog::open(disk, config(WhenFull::DropOldest))?;
    assert_eq!(log.counters().pending, 2);
    while log.counters().overflowed == 0 {
        log.append([[b'1'; 500].as_slice()].into_iter())?;
    }
    let counters = log.counters();
    assert_eq!(
        counters.accepted,
        counters.pending + counters.overflowed,
        "{counters:?}"
    );
    Ok(())
}

/// Rejected records leave the segments for good: they must stand among the dead letters before, also those that were
/// written just before the older half began.
#[test]
fn dead_letters_outlive_a_crash_once_they_are_settled() -> Result<(), SpoolError> {
    for seed in 1..40 {
        let config = config(WhenFull::Refuse);
        let mut log = SpoolLog::open(FakeDisk::default(), config)?;
        let record = format!("{{\"n\":1,\"fill\":\"{}\"}}", "x".repeat(150));
        log.append(std::iter::repeat_n(record.as_bytes(), 6))?;
        let batch = log.peek(6, 10_000)?.expect("records");
        let reject = |(_, record): &(u64, Vec<u8>)| Fate::Rejected {
            reason: "no".to_owned(),
            record: record.clone(),
        };
        log.settle(&batch.settle(batch.records.iter().map(reject).collect()))?;
        let mut disk = log.into_disk();
        assert!(disk.n_bytes("dead.old.log") > 0 && disk.n_bytes("dead.log") > 0);
        disk.crash(&mut Draws(seed));
        assert_eq!(DeadLetters::read(&disk).len(), 6, "seed {seed}");
        assert_eq!(SpoolLog::open(disk, config)?.counters().rejected, 6);
    }
    Ok(())
}
