//! Right and wrong verdicts of rows that got a label.

use std::collections::BTreeMap;

use picket_schema::Verdict;

use super::live_view::{Accuracy, AccuracyBin};
use super::share::Share;

/// Verdicts against labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Confusion {
    true_positive: u64,
    false_positive: u64,
    true_negative: u64,
    false_negative: u64,
    n_uncertain: u64,
}

impl Confusion {
    fn add(&mut self, verdict: Verdict, is_positive: bool) {
        let count = match (verdict, is_positive) {
            (Verdict::Positive, true) => &mut self.true_positive,
            (Verdict::Positive, false) => &mut self.false_positive,
            (Verdict::Negative, false) => &mut self.true_negative,
            (Verdict::Negative, true) => &mut self.false_negative,
            (Verdict::Uncertain, _) => &mut self.n_uncertain,
        };
        *count += 1;
    }

    fn n_right(&self) -> u64 {
        self.true_positive + self.true_negative
    }

    fn n_decided(&self) -> u64 {
        self.n_right() + self.false_positive + self.false_negative
    }
}

/// Right and wrong verdicts of one model.
#[derive(Clone, Debug, Default)]
pub(super) struct AccuracyTally {
    all: Confusion,
    bins: BTreeMap<u64, Confusion>,
}

impl AccuracyTally {
    /// Counts a labelled row, in the bin of its prediction.
    pub(super) fn add(&mut self, bin_ms: u64, verdict: Verdict, is_positive: bool) {
        self.all.add(verdict, is_positive);
        self.bins
            .entry(bin_ms)
            .or_default()
            .add(verdict, is_positive);
    }

    pub(super) fn view(&self) -> Option<Accuracy> {
        let all = &self.all;
        let n_labelled = all.n_decided() + all.n_uncertain;
        (n_labelled > 0).then(|| Accuracy {
            n_labelled,
            n_uncertain: all.n_uncertain,
            accuracy: Share::new(all.n_right(), all.n_decided()),
            recall: Share::new(all.true_positive, all.true_positive + all.false_negative),
            precision: Share::new(all.true_positive, all.true_positive + all.false_positive),
        })
    }

    pub(super) fn over_time(&self) -> Vec<AccuracyBin> {
        let bins = self.bins.iter().filter(|(_, it)| it.n_decided() > 0);
        bins.map(|(start_ms, it)| AccuracyBin {
            start_ms: *start_ms,
            accuracy: Share::new(it.n_right(), it.n_decided()),
        })
        .collect()
    }
}

/// Whether a verdict is right; `None` where it is open.
pub(super) fn is_right(verdict: Verdict, is_positive: bool) -> Option<bool> {
    match verdict {
        Verdict::Positive => Some(is_positive),
        Verdict::Negative => Some(!is_positive),
        Verdict::Uncertain => None,
    }
}
