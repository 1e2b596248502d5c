//! A spool whose files anything may have happened to: it opens, nothing panics, every record is counted in one place,
//! and what is appended afterwards comes out.
#![no_main]

#[path = "../../../edge-runtime/src/spool/mod.rs"]
#[allow(dead_code, unused_imports, missing_docs, reason = "another room's, and all of it")]
mod spool;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use spool::{Disk, Fate, SpoolConfig, SpoolLog, Survey, WhenFull};

/// Files in memory, which outlive the log.
#[derive(Clone, Debug, Default)]
struct Files(Rc<RefCell<BTreeMap<String, Vec<u8>>>>);

impl Files {
    /// The name of a file by any number.
    fn pick(&self, idx: u8) -> Option<String> {
        let files = self.0.borrow();
        let n_files = files.len().max(1);
        files.keys().nth(usize::from(idx) % n_files).cloned()
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for Files {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.borrow().keys().cloned().collect())
    }

    fn read(&self, name: &str, offset: u64, n_bytes: usize) -> io::Result<Vec<u8>> {
        let files = self.0.borrow();
        let file = files.get(name).ok_or_else(not_found)?;
        let rest = file.get(offset as usize..).unwrap_or_default();
        Ok(rest[..n_bytes.min(rest.len())].to_vec())
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut files = self.0.borrow_mut();
        let file = files.entry(name.to_owned()).or_default();
        let end = offset as usize + bytes.len();
        let n_bytes = file.len().max(end);
        file.resize(n_bytes, 0);
        file[offset as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, name: &str, n_bytes: u64) -> io::Result<()> {
        let mut files = self.0.borrow_mut();
        let file = files.get_mut(name).ok_or_else(not_found)?;
        file.resize(n_bytes as usize, 0);
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.0.borrow_mut();
        let file = files.remove(from).ok_or_else(not_found)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let removed = self.0.borrow_mut().remove(name);
        removed.map(drop).ok_or_else(not_found)
    }

    fn sync_names(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The fuzzer's bytes, zeros behind their end.
struct Input<'b>(&'b [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Small, or any at all.
    fn number(&mut self) -> u64 {
        let small = self.byte();
        if small == u8::MAX { self.word() } else { u64::from(small) }
    }
}

fn frame(seq: u64, record: &[u8]) -> Vec<u8> {
    let mut checked = (record.len() as u32).to_le_bytes().to_vec();
    checked.extend_from_slice(&seq.to_le_bytes());
    let mut all = checked.clone();
    all.extend_from_slice(record);
    let mut out = b"\xFFPS\x01".to_vec();
    out.extend_from_slice(&checked);
    out.extend_from_slice(&crc32fast::hash(&all).to_le_bytes());
    out.extend_from_slice(record);
    out
}

fn ledger(input: &mut Input<'_>) -> Vec<u8> {
    let mut out = b"PKLEDGR1".to_vec();
    for _ in 0..8 {
        out.extend_from_slice(&input.number().to_le_bytes());
    }
    out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
    out
}

/// What anyone with the disk may do to it, and what age does.
fn meddle(files: &mut Files, input: &mut Input<'_>) {
    let kind = input.byte();
    let Some(name) = files.pick(input.byte()) else { return };
    let place = input.number() as usize;
    let mut file = files.0.borrow().get(&name).cloned().unwrap_or_default();
    match kind % 7 {
        0 => {
            if let Some(byte) = file.get_mut(place % (1 << 16)) {
                *byte ^= input.byte() | 1;
            }
        }
        1 => file.truncate(place),
        2 => return drop(files.remove(&name)),
        3 => file.extend_from_slice(&frame(place as u64, b"{\"a\":1}")),
        4 => {
            let slot = 4096 * (place as u64 % 2);
            return drop(files.write("ledger", slot, &ledger(input)));
        }
        5 => return drop(files.write(&format!("segment-{place:016x}.log"), 0, &file)),
        _ => return drop(files.rename(&name, "dead.log")),
    }
    files.0.borrow_mut().insert(name, file);
}

fn open(files: Files) -> SpoolLog<Files> {
    let config = SpoolConfig {
        max_bytes: 4096,
        max_dead_bytes: 1024,
        when_full: WhenFull::DropOldest,
    };
    let survey = Survey::of(&files).expect("names can be read");
    let mut n_pending = 0;
    let told = survey.pending(&files, |_, _| {
        n_pending += 1;
        Ok::<(), ()>(())
    });
    assert!(told.is_ok());
    let log = SpoolLog::open(files, config).expect("damage is no error");
    let counters = log.counters();
    assert_eq!(counters.pending, n_pending, "{counters:?}");
    assert_eq!(counters.accepted, survey.next_seq - 1);
    check(&log);
    log
}

fn check(log: &SpoolLog<Files>) {
    let counters = log.counters();
    let sum = counters.delivered + counters.pending + counters.dropped();
    assert_eq!(counters.accepted, sum, "{counters:?}");
}

fn append(log: &mut SpoolLog<Files>, record: &[u8]) {
    log.append([record].into_iter()).expect("there is room");
}

/// A repair changes no count but that of bytes, and leaves nothing amiss that a look would see.
fn repair(log: &mut SpoolLog<Files>, files: &Files) {
    // What happened to the files since they were opened is seen when they are opened again.
    *log = open(files.clone());
    let before = log.counters();
    log.repair().expect("a disk that writes");
    let mut after = log.counters();
    after.bytes = before.bytes;
    assert_eq!(after, before);
    let survey = Survey::of(files).expect("names can be read");
    assert!(survey.is_sound(), "{survey:?}");
    assert_eq!(survey.next_seq - 1, before.accepted);
}

/// Delivers up to so many batches. Gives the last record.
fn deliver(log: &mut SpoolLog<Files>, n_batches: usize, choices: u8) -> Option<Vec<u8>> {
    let mut last = None;
    for _ in 0..n_batches {
        let Some(batch) = log.peek(3, 400).expect("a disk that reads") else { break };
        let fates = batch.records.iter().enumerate().map(|(idx, (_, record))| {
            if choices >> (idx % 8) & 1 == 0 {
                return Fate::Delivered;
            }
            let (reason, record) = ("no".to_owned(), record.clone());
            Fate::Rejected { reason, record }
        });
        let settled = batch.settle(fates.collect());
        log.settle(&settled).expect("a disk that writes");
        last = batch.records.last().map(|(_, record)| record.clone()).or(last);
        check(log);
    }
    last
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let mut files = Files::default();
    let mut log = open(files.clone());
    let mut n_steps = 0;
    while !input.0.is_empty() && n_steps < 200 {
        n_steps += 1;
        match input.byte() % 7 {
            0 | 1 => {
                let record = vec![b'1'; usize::from(input.byte())];
                append(&mut log, &record);
            }
            2 => drop(deliver(&mut log, 2, input.byte())),
            3 => drop(log.replay()),
            4 => drop(log.checkpoint()),
            5 => repair(&mut log, &files),
            _ => {
                for _ in 0..1 + input.byte() % 3 {
                    meddle(&mut files, &mut input);
                }
                log = open(files.clone());
            }
        }
        check(&log);
    }
    // Whatever happened: what comes now is kept, and comes out last.
    if log.counters().accepted < 1 << 61 {
        append(&mut log, b"\"the last\"");
        let mut log = open(files);
        let last = deliver(&mut log, 10_000, 0);
        assert_eq!(last.as_deref(), Some(b"\"the last\"".as_slice()));
        let counters = log.counters();
        assert_eq!(counters.pending, 0, "{counters:?}");
    }
});
