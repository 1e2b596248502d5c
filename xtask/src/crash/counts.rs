//! What became of the records, as the device tells it.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) delivered: u64,
    pub(crate) pending: u64,
    /// For every reason.
    pub(crate) dropped: u64,
}

impl Counts {
    pub(crate) fn of_metrics(page: &str) -> Result<Self> {
        let sum = |name: &str| -> Result<u64> {
            let values = page.lines().filter_map(|line| {
                let rest = line.strip_prefix(name)?;
                let (labels, value) = rest.rsplit_once(' ')?;
                (labels.is_empty() || labels.starts_with('{')).then_some(value)
            });
            let values: Vec<&str> = values.collect();
            ensure!(!values.is_empty(), "{name} is not in /metrics");
            let numbers = values.iter().map(|value| value.parse::<u64>());
            numbers
                .sum::<Result<u64, _>>()
                .with_context(|| format!("{name} is {values:?}"))
        };
        Ok(Self {
            accepted: sum("picket_spool_accepted_total")?,
            delivered: sum("picket_spool_delivered_total")?,
            pending: sum("picket_spool_pending_records")?,
            dropped: sum("picket_spool_dropped_total")?,
        })
    }

    pub(crate) fn of_inspection(shown: &Value) -> Result<Self> {
        let number = |value: &Value| value.as_u64().context("a number in `spool inspect`");
        let ledger = &shown["ledger"];
        let mut dropped = number(&shown["damaged_ahead"])? + number(&shown["erased_ahead"])?;
        for reason in ["rejected", "overflowed", "damaged", "unaccounted", "erased"] {
            dropped += number(&ledger[reason])?;
        }
        Ok(Self {
            accepted: number(&shown["accepted"])?,
            delivered: number(&ledger["delivered"])?,
            pending: number(&shown["pending"])?,
            dropped,
        })
    }

    /// Every accepted record is counted in one place.
    pub(crate) fn check(self) -> Result<()> {
        ensure!(
            self.accepted == self.delivered + self.pending + self.dropped,
            "accepted is not delivered, pending and dropped together: {self:?}"
        );
        Ok(())
    }

    /// What was counted once stays counted over a restart.
    pub(crate) fn check_after(self, before: Self) -> Result<()> {
        self.check()?;
        ensure!(
            self.accepted >= before.accepted
                && self.delivered >= before.delivered
                && self.dropped >= before.dropped,
            "counts went back from {before:?} to {self:?}"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_and_held_to_the_identity() {
        let page = "# HELP picket_spool_accepted_total x\npicket_spool_accepted_total 7\n\
            picket_spool_delivered_total 3\npicket_spool_pending_records 2\n\
            picket_spool_dropped_total{reason=\"a b\"} 1\npicket_spool_dropped_total{reason=\"c\"} 1\n";
        let counts = Counts::of_metrics(page).expect("counts");
        let expected = Counts {
            accepted: 7,
            delivered: 3,
            pending: 2,
            dropped: 2,
        };
        assert_eq!(counts, expected);
        assert!(counts.check_after(counts).is_ok());
        let fewer = Counts {
            accepted: 6,
            pending: 1,
            ..counts
        };
        assert!(fewer.check().is_ok() && fewer.check_after(counts).is_err());
        assert!(
            Counts {
                pending: 3,
                ..counts
            }
            .check()
            .is_err()
        );
        assert!(Counts::of_metrics("picket_spool_accepted_total 7\n").is_err());
    }
}
