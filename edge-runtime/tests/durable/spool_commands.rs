//! `edge-runtime spool` on a spool with pending records, dead letters and damage.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use picket_edge_runtime::spool::{Fate, Spool, SpoolConfig};
use serde_json::{Value, json};

use crate::Tested;
use crate::program::{Result, spool, text};

fn record(number: u32) -> Value {
    json!({"kind": "label", "id": format!("{number:032x}"), "label": "phishing"})
}

/// Records 1 to 20: 1 to 4 are delivered, 5 and 6 rejected, the others pending.
fn make(folder: &Path) -> Result<()> {
    let spool = Spool::open(folder, SpoolConfig::default())?;
    let records: Vec<String> = (1..=20).map(|number| record(number).to_string()).collect();
    spool.append(records.iter().map(String::as_bytes))?.wait()?;
    let batch = spool.peek(6, 1 << 20, Duration::ZERO)?.ok_or("records")?;
    let fates = batch.records.iter().map(|(seq, record)| {
        if *seq <= 4 {
            return Fate::Delivered;
        }
        Fate::Rejected {
            reason: "the test says so".to_owned(),
            record: record.clone(),
        }
    });
    spool.settle(&batch.settle(fates.collect()))?;
    Ok(())
}

fn inspected(folder: &Path) -> Result<Value> {
    let output = spool(&["inspect"], folder)?;
    assert!(output.status.success(), "{output:?}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The lines of an export.
fn exported(words: &[&str], folder: &Path) -> Result<Vec<Value>> {
    let output = spool(words, folder)?;
    assert!(output.status.success(), "{output:?}");
    let lines = text(&output.stdout);
    Ok(lines
        .lines()
        .map(serde_json::from_str)
        .collect::<std::result::Result<_, _>>()?)
}

fn segment(folder: &Path) -> Result<PathBuf> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().contains("segment-") {
            return Ok(path);
        }
    }
    Err("no segment".into())
}

/// Changes a byte of the record with a number.
fn damage(folder: &Path, number: u32) -> Result<()> {
    let path = segment(folder)?;
    let mut file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let id = format!("{number:032x}");
    let at = bytes.windows(32).position(|it| it == id.as_bytes());
    file.seek(SeekFrom::Start(at.ok_or("the record")? as u64 + 30))?;
    Ok(file.write_all(b"?")?)
}

#[test]
fn a_sound_spool_is_looked_at_and_left_alone() -> Tested {
    let folder = tempfile::tempdir()?;
    make(folder.path())?;
    let before = std::fs::read(segment(folder.path())?)?;
    let shown = inspected(folder.path())?;
    assert_eq!(
        (
            &shown["accepted"],
            &shown["pending"],
            &shown["dead_letters"]
        ),
        (&json!(20), &json!(14), &json!(2))
    );
    assert_eq!(
        (&shown["ledger"]["delivered"], &shown["ledger"]["rejected"]),
        (&json!(4), &json!(2))
    );
    let verified = spool(&["verify"], folder.path())?;
    assert!(verified.status.success(), "{verified:?}");
    let pending: Vec<Value> = (7..=20).map(record).collect();
    assert_eq!(exported(&["export"], folder.path())?, pending);
    let dead = exported(&["export", "--dead"], folder.path())?;
    let expected = |number: u32| json!({"seq": number, "reason": "the test says so", "record": record(number)});
    assert_eq!(dead, [expected(5), expected(6)]);
    let out = folder.path().join("out.ndjson");
    let place = out.to_string_lossy().into_owned();
    assert!(exported(&["export", "--out", &place], folder.path())?.is_empty());
    assert_eq!(std::fs::read_to_string(out)?.lines().count(), 14);
    assert_eq!(std::fs::read(segment(folder.path())?)?, before);
    Ok(())
}

#[test]
fn replay_makes_dead_letters_pending_again() -> Tested {
    let folder = tempfile::tempdir()?;
    make(folder.path())?;
    let replayed = spool(&["replay"], folder.path())?;
    assert!(replayed.status.success(), "{replayed:?}");
    assert_eq!(text(&replayed.stdout), "2 dead letters are pending again\n");
    let mut pending: Vec<Value> = (7..=20).map(record).collect();
    // Under their old ids: what the server has of them it does not get twice.
    pending.extend([record(5), record(6)]);
    assert_eq!(exported(&["export"], folder.path())?, pending);
    assert!(exported(&["export", "--dead"], folder.path())?.is_empty());
    let shown = inspected(folder.path())?;
    assert_eq!(
        (&shown["accepted"], &shown["pending"]),
        (&json!(22), &json!(16))
    );
    let again = spool(&["replay"], folder.path())?;
    assert_eq!(text(&again.stdout), "0 dead letters are pending again\n");
    Ok(())
}

#[test]
fn damage_is_named_counted_once_and_costs_its_record_only() -> Tested {
    let folder = tempfile::tempdir()?;
    make(folder.path())?;
    damage(folder.path(), 11)?;
    let verified = spool(&["verify"], folder.path())?;
    assert!(!verified.status.success());
    let said = text(&verified.stderr);
    assert!(said.contains("damage from byte"), "{said}");
    assert!(said.contains("1 records are lost to damage"), "{said}");
    assert_eq!(inspected(folder.path())?["sound"], json!(false));
    let left: Vec<Value> = (7..=20).filter(|it| *it != 11).map(record).collect();
    assert_eq!(exported(&["export"], folder.path())?, left);
    for n_before in 0..2 {
        let repaired = spool(&["repair"], folder.path())?;
        assert!(repaired.status.success(), "{repaired:?}");
        let counters: Value = serde_json::from_slice(&repaired.stdout)?;
        assert_eq!(
            (&counters["damaged"], &counters["pending"]),
            (&json!(1), &json!(13))
        );
        // The second time there is nothing left to put aside.
        let put_aside = counters["quarantined_bytes"].as_u64();
        assert_eq!(put_aside > Some(0), n_before == 0, "{counters}");
        let verified = spool(&["verify"], folder.path())?;
        assert!(verified.status.success(), "{verified:?}");
        assert_eq!(inspected(folder.path())?["sound"], json!(true));
    }
    let names = std::fs::read_dir(folder.path())?;
    let quarantined = names
        .flatten()
        .filter(|it| it.file_name().to_string_lossy().starts_with("quarantine-"));
    assert_eq!(quarantined.count(), 1);
    assert_eq!(exported(&["export"], folder.path())?, left);
    // What is settled then is counted as before, and the mark of damage goes with its segment.
    let spool = Spool::open(folder.path(), SpoolConfig::default())?;
    while let Some(batch) = spool.peek(5, 1 << 20, Duration::ZERO)? {
        spool.settle(&batch.settle(vec![Fate::Delivered; batch.records.len()]))?;
    }
    let counters = spool.counters();
    assert_eq!(
        (counters.accepted, counters.delivered, counters.damaged),
        (20, 17, 1)
    );
    Ok(())
}

#[test]
fn a_segment_that_is_gone_is_counted_and_repair_says_so_in_its_place() -> Tested {
    for lost in ["ledger and all", "segment"] {
        let folder = tempfile::tempdir()?;
        make(folder.path())?;
        std::fs::remove_file(segment(folder.path())?)?;
        // A start goes on behind the records that the ledger knows.
        let spool_open = Spool::open(folder.path(), SpoolConfig::default())?;
        spool_open.append([b"{}".as_slice()])?.wait()?;
        drop(spool_open);
        if lost != "segment" {
            std::fs::remove_file(folder.path().join("ledger"))?;
        }
        assert!(
            !spool(&["verify"], folder.path())?.status.success(),
            "{lost}"
        );
        let repaired = spool(&["repair"], folder.path())?;
        let counters: Value = serde_json::from_slice(&repaired.stdout)?;
        let found = ["accepted", "pending", "damaged", "unaccounted"].map(|it| &counters[it]);
        let expected = if lost == "segment" {
            [21, 1, 14, 0]
        } else {
            [21, 1, 0, 20]
        };
        assert_eq!(found, expected.map(|it| json!(it)).each_ref(), "{lost}");
        let verified = spool(&["verify"], folder.path())?;
        assert!(verified.status.success(), "{lost}: {verified:?}");
        assert_eq!(exported(&["export"], folder.path())?, [json!({})], "{lost}");
    }
    Ok(())
}

#[test]
fn a_torn_end_is_no_damage_and_repair_cuts_it() -> Tested {
    let folder = tempfile::tempdir()?;
    make(folder.path())?;
    let path = segment(folder.path())?;
    let whole = std::fs::metadata(&path)?.len();
    let mut file = std::fs::OpenOptions::new().append(true).open(&path)?;
    file.write_all(b"\xFFPS\x01\x40\0\0\0 the power went here")?;
    assert!(spool(&["verify"], folder.path())?.status.success());
    assert_eq!(exported(&["export"], folder.path())?.len(), 14);
    let repaired = spool(&["repair"], folder.path())?;
    let counters: Value = serde_json::from_slice(&repaired.stdout)?;
    assert_eq!(counters["torn_bytes"], json!(28));
    assert_eq!(std::fs::metadata(&path)?.len(), whole);
    Ok(())
}

#[test]
fn a_lost_ledger_and_no_spool_at_all_are_said() -> Tested {
    let folder = tempfile::tempdir()?;
    make(folder.path())?;
    std::fs::remove_file(folder.path().join("ledger"))?;
    // Segments go once they are settled; this one holds records 1 to 20 still, so nothing is unaccounted for.
    let pending = exported(&["export"], folder.path())?;
    assert_eq!(pending.len(), 20);
    let nowhere = folder.path().join("nowhere");
    for words in [["inspect"], ["verify"], ["export"]] {
        let output = spool(&words, &nowhere)?;
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains("nowhere"), "{output:?}");
    }
    assert!(!nowhere.exists(), "a look made a folder");
    Ok(())
}
