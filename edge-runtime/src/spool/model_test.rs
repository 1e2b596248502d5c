//! The log against a model in memory, on a disk that fails and loses power at any step.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::batch::Fate;
use super::config::{SpoolConfig, WhenFull};
use super::counters::Counters;
use super::error::SpoolError;
use super::fake_disk::{Draws, FakeDisk};
use super::spool_log::SpoolLog;
use super::survey::Survey;

#[derive(Clone, Debug)]
enum Step {
    Append {
        n_records: usize,
        size: usize,
    },
    Deliver {
        max_records: usize,
        n_settled: usize,
        rejects: bool,
    },
    /// The power goes at the given change of the disk, or now.
    PowerCut {
        in_changes: u32,
        seed: u64,
    },
    /// One change fails.
    Fault {
        in_changes: u32,
    },
    Reopen,
    /// Records whose ids leave this rest when divided by 3.
    Erase {
        rest: u64,
    },
    /// Opened anew and repaired; the power goes at the given change, if it gets there.
    Repair {
        in_changes: u32,
        seed: u64,
    },
    Flip {
        seed: u64,
    },
}

fn step(flips: bool) -> impl Strategy<Value = Step> {
    let append =
        (1..6usize, 0..160usize).prop_map(|(n_records, size)| Step::Append { n_records, size });
    let deliver = (1..8usize, 0..8usize, prop::bool::weighted(0.2)).prop_map(
        |(max_records, n_settled, rejects)| Step::Deliver {
            max_records,
            n_settled,
            rejects,
        },
    );
    let cut =
        (0..12u32, 1..u64::MAX).prop_map(|(in_changes, seed)| Step::PowerCut { in_changes, seed });
    let fault = (0..12u32).prop_map(|in_changes| Step::Fault { in_changes });
    let erase = (0..3u64).prop_map(|rest| Step::Erase { rest });
    let repair =
        (0..40u32, 1..u64::MAX).prop_map(|(in_changes, seed)| Step::Repair { in_changes, seed });
    let flip = (1..u64::MAX).prop_map(|seed| Step::Flip { seed });
    prop_oneof![
        8 => append,
        5 => deliver,
        2 => cut,
        1 => fault,
        1 => Just(Step::Reopen),
        1 => erase,
        1 => repair,
        if flips { 2 } else { 0 } => flip,
    ]
}

/// What the log was told and what it said.
struct Model {
    log: SpoolLog<FakeDisk>,
    config: SpoolConfig,
    /// A cut that is to come, and its seed.
    cut: Option<u64>,
    next_id: u64,
    /// Records that the log said are durable.
    promised: BTreeSet<u64>,
    /// Records whose delivery the log said is written down.
    settled: BTreeSet<u64>,
    /// Records whose settling failed: it may be written down or not.
    unsure: BTreeSet<u64>,
    /// Records that were to be erased, whether or not the log said so.
    erased: BTreeSet<u64>,
    flipped: bool,
    /// A change failed, or may yet, since the log was opened.
    faulted: bool,
}

fn id_of(record: &[u8]) -> u64 {
    let text = std::str::from_utf8(record).expect("text");
    let digits = text.trim_start_matches("{\"n\":");
    let (id, rest) = digits.split_once(',').expect("an id");
    assert!(rest.ends_with("\"}"), "{text}");
    id.parse().expect("a number")
}

impl Model {
    fn new(config: SpoolConfig) -> Result<Self, SpoolError> {
        Ok(Self {
            log: SpoolLog::open(FakeDisk::default(), config)?,
            config,
            cut: None,
            next_id: 1,
            promised: BTreeSet::new(),
            settled: BTreeSet::new(),
            unsure: BTreeSet::new(),
            erased: BTreeSet::new(),
            flipped: false,
            faulted: false,
        })
    }

    fn run(mut self, steps: Vec<Step>) -> Result<(), SpoolError> {
        for step in steps {
            self = self.take(step)?;
            self.check_identity();
        }
        self = self.after_cut(None)?;
        self.check_end()
    }

    #[expect(clippy::needless_pass_by_value, reason = "a step is taken once")]
    fn take(mut self, step: Step) -> Result<Self, SpoolError> {
        match step {
            Step::Append { n_records, size } => {
                let ids: Vec<u64> = (self.next_id..self.next_id + n_records as u64).collect();
                self.next_id += n_records as u64;
                let fill = "x".repeat(size);
                let records: Vec<String> = ids
                    .iter()
                    .map(|id| format!("{{\"n\":{id},\"fill\":\"{fill}\"}}"))
                    .collect();
                let appended = self.log.append(records.iter().map(String::as_bytes));
                if appended.is_ok() {
                    self.promised.extend(ids);
                }
            }
            Step::Deliver {
                max_records,
                n_settled,
                rejects,
            } => {
                self.deliver(max_records, n_settled, rejects);
            }
            Step::PowerCut { in_changes, seed } => {
                if in_changes > 0 && self.cut.is_none() {
                    let disk = self.log.disk_mut();
                    (disk.fails_in, disk.power_cut) = (Some(in_changes), true);
                    self.cut = Some(seed);
                    return Ok(self);
                }
                return self.after_cut(Some(seed));
            }
            Step::Fault { in_changes } => {
                if self.cut.is_none() {
                    self.log.disk_mut().fails_in = Some(in_changes);
                    self.faulted = true;
                }
            }
            Step::Reopen => {
                if self.cut.is_none() {
                    self.log.disk_mut().fails_in = None;
                    self.log.close()?;
                    self.log = SpoolLog::open(self.log.into_disk(), self.config)?;
                    self.faulted = false;
                }
            }
            Step::Erase { rest } => {
                let done = self
                    .log
                    .erase(&|record| record != b"null" && id_of(record) % 3 == rest);
                let gone = self.promised.iter().filter(|id| *id % 3 == rest);
                self.erased.extend(gone);
                if done.is_ok() {
                    let mut left = 0;
                    let shown = self.log.for_each(&mut |record| {
                        if record != super::frame::ERASED && record != b"null" {
                            left += u32::from(id_of(record) % 3 == rest);
                        }
                    });
                    assert!(shown.is_err() || left == 0, "{left} are not erased");
                }
            }
            Step::Repair { in_changes, seed } => return self.repair(in_changes, seed),
            Step::Flip { seed } => {
                // Damage to the end of what the ledger does not know yet looks like a cut writing.
                if self.log.checkpoint().is_err() {
                    return Ok(self);
                }
                let mut draws = Draws(seed);
                let disk = self.log.disk_mut();
                let mut names = super::disk::Disk::list(disk).unwrap_or_default();
                // The ledger's two slots have a test of their own.
                names.retain(|it| it != super::ledger::NAME);
                if !names.is_empty() {
                    let name = &names[draws.below(names.len())];
                    let at = draws.below(disk.n_bytes(name));
                    disk.flip(name, at);
                    self.flipped = true;
                }
            }
        }
        Ok(self)
    }

    fn repair(mut self, in_changes: u32, seed: u64) -> Result<Self, SpoolError> {
        if self.cut.is_some() {
            return Ok(self);
        }
        self.log.disk_mut().fails_in = None;
        self.log = SpoolLog::open(self.log.into_disk(), self.config)?;
        self.faulted = false;
        let before = self.log.counters();
        let disk = self.log.disk_mut();
        (disk.fails_in, disk.power_cut) = (Some(in_changes), true);
        if self.log.repair().is_err() {
            return self.after_cut(Some(seed));
        }
        assert_eq!(
            self.log.counters(),
            Counters {
                bytes: self.log.counters().bytes,
                ..before
            }
        );
        let disk = self.log.disk_mut();
        (disk.fails_in, disk.power_cut) = (None, false);
        let survey = Survey::of(disk)?;
        assert!(survey.is_sound(), "{survey:?}");
        // And so it stays, whatever was durable already.
        let mut twin = disk.clone();
        twin.crash(&mut Draws(seed));
        assert!(Survey::of(&twin)?.is_sound());
        Ok(self)
    }

    fn deliver(&mut self, max_records: usize, n_settled: usize, rejects: bool) {
        let Ok(Some(batch)) = self.log.peek(max_records, 400) else {
            return;
        };
        assert!(batch.records.len() <= max_records);
        let ids: Vec<u64> = batch.records.iter().map(|(_, it)| id_of(it)).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
        if !self.flipped {
            assert!(
                ids.iter().all(|id| !self.settled.contains(id)),
                "settled ones came again: {ids:?}"
            );
        }
        let n_settled = n_settled.min(batch.records.len());
        let fate = |record: &[u8]| {
            if rejects {
                Fate::Rejected {
                    reason: "no".into(),
                    record: record.to_vec(),
                }
            } else {
                Fate::Delivered
            }
        };
        let fates = batch.records.iter().take(n_settled).map(|(_, it)| fate(it));
        let outcome = self.log.settle(&batch.settle(fates.collect()));
        let ids = ids.into_iter().take(n_settled);
        if outcome.is_ok() {
            self.settled.extend(ids);
        } else {
            self.unsure.extend(ids);
        }
    }

    fn after_cut(mut self, seed: Option<u64>) -> Result<Self, SpoolError> {
        let Some(seed) = self.cut.take().or(seed) else {
            return Ok(self);
        };
        let mut disk = self.log.into_disk();
        disk.crash(&mut Draws(seed));
        self.log = SpoolLog::open(disk, self.config)?;
        self.faulted = false;
        Ok(self)
    }

    fn check_identity(&mut self) {
        let counters = self.log.counters();
        assert_eq!(
            counters.accepted,
            counters.delivered + counters.pending + counters.dropped(),
            "{counters:?}"
        );
        if self.flipped {
            return;
        }
        // The counters are not only consistent: they are what happened.
        let counted = counters.delivered + counters.rejected;
        let (least, most) = (self.settled.len(), self.settled.len() + self.unsure.len());
        assert!(
            (least as u64..=most as u64).contains(&counted),
            "{counters:?}"
        );
        // After a fault the disk may hold more than the log could promise.
        if self.cut.is_none() && !self.faulted {
            let disk = self.log.disk_mut().clone();
            let mut twin = SpoolLog::open(disk, self.config).expect("opens");
            assert_eq!(drain(&mut twin).len() as u64, counters.pending);
        }
    }

    fn check_end(mut self) -> Result<(), SpoolError> {
        self.log.disk_mut().fails_in = None;
        self.log = SpoolLog::open(self.log.into_disk(), self.config)?;
        let left = drain(&mut self.log);
        let counters = self.log.counters();
        assert_eq!(counters.pending, 0, "{counters:?}");
        let missing = self
            .promised
            .iter()
            .filter(|id| {
                !left.contains(id)
                    && !self.settled.contains(id)
                    && !self.unsure.contains(id)
                    && !self.erased.contains(id)
            })
            .count() as u64;
        let dropped = counters.overflowed + counters.damaged + counters.unaccounted;
        assert!(
            missing <= dropped,
            "{missing} promised records are lost: {counters:?}"
        );
        if !self.flipped && self.config.when_full == WhenFull::Refuse {
            assert_eq!(missing, 0, "{counters:?}");
        }
        Ok(())
    }
}

/// Delivers everything.
fn drain(log: &mut SpoolLog<FakeDisk>) -> BTreeSet<u64> {
    let mut ids = BTreeSet::new();
    while let Some(batch) = log.peek(3, 400).expect("reads") {
        ids.extend(batch.records.iter().map(|(_, it)| id_of(it)));
        let fates = batch.records.iter().map(|_| Fate::Delivered).collect();
        log.settle(&batch.settle(fates)).expect("settles");
    }
    ids
}

pub(super) fn config(when_full: WhenFull) -> SpoolConfig {
    SpoolConfig {
        max_bytes: 6000,
        max_dead_bytes: 2000,
        when_full,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_promised_is_kept_through_any_crash(steps in prop::collection::vec(step(false), 1..60)) {
        Model::new(config(WhenFull::Refuse))?.run(steps)?;
    }

    #[test]
    fn what_is_dropped_for_room_is_counted(steps in prop::collection::vec(step(false), 1..60)) {
        Model::new(config(WhenFull::DropOldest))?.run(steps)?;
    }

    #[test]
    fn damage_stops_nothing_and_is_counted(steps in prop::collection::vec(step(true), 1..60)) {
        Model::new(config(WhenFull::DropOldest))?.run(steps)?;
    }
}
