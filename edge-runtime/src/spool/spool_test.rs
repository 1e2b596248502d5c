//! The spool on a folder, with its writer.

use std::time::Duration;

use super::disk::Folder;
use super::frame;
use super::{Fate, Spool, SpoolConfig, SpoolError, Survey};

type Tested = Result<(), Box<dyn std::error::Error>>;

#[test]
fn many_threads_share_syncs_and_nothing_is_lost() -> Tested {
    let folder = tempfile::tempdir()?;
    let spool = Spool::open(folder.path(), SpoolConfig::default())?;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let spool = &spool;
            scope.spawn(move || {
                for i in 0..50 {
                    let record = format!("{{\"n\":{}}}", thread * 1000 + i);
                    let ticket = spool.append([record.as_bytes()]).expect("room");
                    ticket.wait().expect("durable");
                }
            });
        }
    });
    let mut found = Vec::new();
    while let Some(batch) = spool.peek(64, 1 << 20, Duration::ZERO)? {
        found.extend(batch.records.iter().map(|(_, it)| it.clone()));
        let fates = vec![Fate::Delivered; batch.records.len()];
        spool.settle(&batch.settle(fates))?;
    }
    found.sort_unstable();
    found.dedup();
    let counters = spool.counters();
    assert_eq!(
        (found.len(), counters.accepted, counters.delivered),
        (400, 400, 400)
    );
    Ok(())
}

#[test]
fn a_second_process_is_kept_out_and_a_look_is_not() -> Tested {
    let folder = tempfile::tempdir()?;
    let spool = Spool::open(folder.path(), SpoolConfig::default())?;
    spool.append([b"{}".as_slice()])?.wait()?;
    let second = Spool::open(folder.path(), SpoolConfig::default());
    assert!(matches!(second, Err(SpoolError::InUse { .. })));
    assert_eq!(Survey::of(&Folder::look(folder.path())?)?.next_seq, 2);
    drop(spool);
    let again = Spool::open(folder.path(), SpoolConfig::default())?;
    assert_eq!(again.counters().pending, 1);
    Ok(())
}

#[test]
fn room_that_is_taken_ahead_is_no_damage_and_stays_within_the_bound() -> Tested {
    for max_bytes in [4000, 64 << 20] {
        let folder = tempfile::tempdir()?;
        let config = SpoolConfig {
            max_bytes,
            ..SpoolConfig::default()
        };
        let spool = Spool::open(folder.path(), config)?;
        spool.append([b"{}".as_slice()])?.wait()?;
        // As a kill would leave it.
        let looked_at = Folder::look(folder.path())?;
        let survey = Survey::of(&looked_at)?;
        assert!(survey.is_sound());
        let [segment] = survey.segments.as_slice() else {
            return Err(format!("{survey:?}").into());
        };
        assert_eq!((segment.n_bytes, segment.torn), (22, 0));
        assert!(segment.unused > 0 && 22 + segment.unused <= max_bytes / 8);
        assert_eq!(spool.counters().bytes, 22);
        // Also where other segments have taken most of it.
        while max_bytes == 4000 && spool.append([b"[1,2,3]".as_slice()]).is_ok() {
            spool.await_queued();
            let files = std::fs::read_dir(folder.path())?.flatten();
            let segments = files.filter(|it| it.file_name().to_string_lossy().contains("segment"));
            let taken: u64 = segments
                .flat_map(|it| it.metadata())
                .map(|it| it.len())
                .sum();
            assert!(taken <= max_bytes, "{taken} bytes");
        }
        drop(spool);
        let closed = Survey::of(&looked_at)?;
        assert_eq!(closed.segments[0].unused, 0);
    }
    Ok(())
}

#[test]
fn a_full_spool_refuses_until_something_is_delivered() -> Tested {
    let folder = tempfile::tempdir()?;
    let config = SpoolConfig {
        max_bytes: 4000,
        ..SpoolConfig::default()
    };
    let spool = Spool::open(folder.path(), config)?;
    let record = format!("{{\"fill\":\"{}\"}}", "x".repeat(200));
    let mut n_taken = 0;
    let refused = loop {
        match spool.append([record.as_bytes()]) {
            Ok(ticket) => ticket.wait()?,
            Err(error) => break error,
        }
        n_taken += 1;
    };
    assert!(
        matches!(refused, SpoolError::Full { max: 4000, .. }),
        "{refused}"
    );
    assert_eq!((n_taken, spool.n_refused()), (17, 1));
    let batch = spool.peek(10, 4000, Duration::ZERO)?.ok_or("pending")?;
    spool.settle(&batch.settle(vec![Fate::Delivered; batch.records.len()]))?;
    spool.append([record.as_bytes()])?.wait()?;
    Ok(())
}

#[test]
fn erased_records_are_neither_on_the_disk_nor_delivered_and_are_counted() -> Tested {
    let folder = tempfile::tempdir()?;
    let spool = Spool::open(folder.path(), SpoolConfig::default())?;
    let of = |i: u32| {
        format!(
            "{{\"n\":{i},\"who\":\"{}\"}}",
            ["ann", "bob"][i as usize % 2]
        )
    };
    for i in 0..10 {
        spool.append([of(i).as_bytes()])?.wait()?;
    }
    // Two are settled and still stand in the segment; one of Bob's is under way, one is a dead letter.
    let batch = spool.peek(2, 4000, Duration::ZERO)?.ok_or("pending")?;
    spool.settle(&batch.settle(vec![
        Fate::Delivered,
        Fate::Rejected {
            reason: "no".into(),
            record: of(1).into_bytes(),
        },
    ]))?;
    let under_way = spool.peek(3, 4000, Duration::ZERO)?.ok_or("pending")?;
    let is_bob = |record: &[u8]| record.windows(3).any(|it| it == b"bob");
    assert_eq!(spool.erase(&is_bob)?, 4);
    spool.settle(&under_way.settle(vec![Fate::Delivered; 3]))?;
    let counters = spool.counters();
    assert_eq!(
        (counters.accepted, counters.delivered, counters.pending),
        (10, 4, 2),
        "{counters:?}"
    );
    assert_eq!((counters.erased, counters.rejected), (3, 1));
    for name in std::fs::read_dir(folder.path())? {
        let bytes = std::fs::read(name?.path())?;
        assert!(!is_bob(&bytes));
    }
    drop(spool);
    let spool = Spool::open(folder.path(), SpoolConfig::default())?;
    assert_eq!(spool.counters().erased, 3);
    let mut left = Vec::new();
    while let Some(batch) = spool.peek(9, 4000, Duration::ZERO)? {
        left.extend(batch.records.iter().map(|(seq, _)| *seq));
        spool.settle(&batch.settle(vec![Fate::Delivered; batch.records.len()]))?;
    }
    let counters = spool.counters();
    assert_eq!((left, counters.pending), (vec![7, 9], 0), "{counters:?}");
    assert_eq!((counters.delivered, counters.dropped()), (6, 4));
    assert_eq!(counters.accepted, counters.delivered + counters.dropped());
    Ok(())
}

#[test]
fn records_that_are_too_large_leave_the_others_alone() -> Tested {
    let folder = tempfile::tempdir()?;
    let spool = Spool::open(folder.path(), SpoolConfig::default())?;
    let large = vec![b'x'; frame::MAX_RECORD + 1];
    let refused = spool.append([b"{}".as_slice(), &large]);
    assert!(matches!(refused, Err(SpoolError::RecordTooLarge { .. })));
    spool.append([b"[]".as_slice()])?.wait()?;
    let batch = spool.peek(9, 4000, Duration::ZERO)?.ok_or("pending")?;
    assert_eq!(batch.records, [(1, b"[]".to_vec())]);
    Ok(())
}
