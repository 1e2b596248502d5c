//! Champion and challenger on the same rows.

use std::collections::BTreeMap;

use picket_schema::record::{ModelName, ShadowRecord};

use super::accuracy::is_right;
use super::live_view::{Paired, ShadowView};
use super::share::Share;
use crate::accept::McNemar;

/// Bins of the difference of scores.
const N_BINS: usize = 20;
/// 2^52: a difference of scores is below 1 and keeps all its digits that count.
const FIXED_POINT: f64 = 4_503_599_627_370_496.0;

#[derive(Clone, Debug)]
struct Pair {
    n_rows: u64,
    n_agreed: u64,
    /// Of the differences, in fixed point: the same in whatever order records are read.
    sum: i128,
    deltas: Vec<u64>,
    both_right: u64,
    both_wrong: u64,
    only_champion: u64,
    only_challenger: u64,
}

/// All pairs of champion and challenger.
#[derive(Clone, Debug, Default)]
pub(super) struct ShadowTally(BTreeMap<(ModelName, ModelName), Pair>);

impl ShadowTally {
    /// Counts what a challenger said; `is_positive` is the row's label, where it has one.
    pub(super) fn add(&mut self, record: &ShadowRecord, is_positive: Option<bool>) {
        let key = (record.champion.model.clone(), record.model.clone());
        let pair = self.0.entry(key).or_insert_with(|| Pair {
            n_rows: 0,
            n_agreed: 0,
            sum: 0,
            deltas: vec![0; N_BINS],
            both_right: 0,
            both_wrong: 0,
            only_champion: 0,
            only_challenger: 0,
        });
        pair.n_rows += 1;
        pair.n_agreed += u64::from(record.verdict == record.champion.verdict);
        let delta = record.score - record.champion.score;
        pair.sum += (delta * FIXED_POINT) as i128;
        let bin = ((delta + 1.0) * (N_BINS as f64 / 2.0)) as usize;
        pair.deltas[bin.min(N_BINS - 1)] += 1;
        let Some(is_positive) = is_positive else {
            return;
        };
        let champion = is_right(record.champion.verdict, is_positive);
        let challenger = is_right(record.verdict, is_positive);
        let (Some(champion), Some(challenger)) = (champion, challenger) else {
            return;
        };
        let count = match (champion, challenger) {
            (true, true) => &mut pair.both_right,
            (false, false) => &mut pair.both_wrong,
            (true, false) => &mut pair.only_champion,
            (false, true) => &mut pair.only_challenger,
        };
        *count += 1;
    }

    pub(super) fn views(&self) -> Vec<ShadowView> {
        self.0.iter().map(|(key, pair)| view(key, pair)).collect()
    }
}

fn view((champion, challenger): &(ModelName, ModelName), pair: &Pair) -> ShadowView {
    let n_labelled = pair.both_right + pair.both_wrong + pair.only_champion + pair.only_challenger;
    ShadowView {
        champion: champion.clone(),
        challenger: challenger.clone(),
        agreement: Share::new(pair.n_agreed, pair.n_rows),
        mean_delta: pair.sum as f64 / FIXED_POINT / pair.n_rows.max(1) as f64,
        deltas: pair.deltas.clone(),
        paired: (n_labelled > 0).then(|| Paired {
            champion: Share::new(pair.both_right + pair.only_champion, n_labelled),
            challenger: Share::new(pair.both_right + pair.only_challenger, n_labelled),
            test: McNemar::of(pair.only_champion, pair.only_challenger),
        }),
    }
}
