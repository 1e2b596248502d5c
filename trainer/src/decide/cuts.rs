//! Every way to part scored rows by a threshold.

use crate::metrics::ScoredGroups;

/// The rows at or above a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cut {
    pub(super) threshold: f64,
    pub(super) true_positives: f64,
    pub(super) false_positives: f64,
    /// Distinct rows with a negative label at or above the threshold.
    pub(super) n_negative_groups: usize,
}

/// All cuts, by falling threshold, and how many rows there are of each class.
pub(super) struct Cuts {
    pub(super) all: Vec<Cut>,
    pub(super) n_positive: f64,
    pub(super) n_negative: f64,
    /// How many distinct rows have a negative label.
    pub(super) n_negative_groups: usize,
}

impl Cuts {
    /// A threshold stands half way between two neighbouring scores. The first one takes no row for
    /// positive, and is missing where a score is 1; the last one takes all.
    pub(super) fn of(scored: &ScoredGroups) -> Self {
        let groups = scored.groups();
        let mut cuts = Vec::new();
        let mut cut = Cut {
            threshold: 1.0,
            true_positives: 0.0,
            false_positives: 0.0,
            n_negative_groups: 0,
        };
        let highest = groups.first().map_or(0.0, |group| group.score);
        if highest < 1.0 {
            cut.threshold = between(1.0, highest);
            cuts.push(cut);
        }
        for (at, group) in groups.iter().enumerate() {
            cut.true_positives += f64::from(group.n_positive);
            cut.false_positives += f64::from(group.n_negative);
            cut.n_negative_groups += usize::from(group.n_negative > 0);
            let next = groups.get(at + 1).map_or(0.0, |next| next.score);
            if at + 1 < groups.len() && next == group.score {
                continue;
            }
            cut.threshold = between(group.score, next);
            cuts.push(cut);
        }
        Self {
            all: cuts,
            n_positive: cut.true_positives,
            n_negative: cut.false_positives,
            n_negative_groups: cut.n_negative_groups,
        }
    }

    /// The cut with the highest value; of equals, the one nearest to `wanted`.
    pub(super) fn best(&self, wanted: f64, value: impl Fn(&Cut) -> f64) -> f64 {
        let mut best = (f64::NEG_INFINITY, wanted);
        for cut in &self.all {
            let (value, threshold) = (value(cut), cut.threshold);
            let is_nearer = (threshold - wanted).abs() < (best.1 - wanted).abs();
            if value > best.0 || (value == best.0 && is_nearer) {
                best = (value, threshold);
            }
        }
        best.1
    }
}

/// A threshold that `above` reaches and `below` does not: the middle, where numbers are fine enough.
fn between(above: f64, below: f64) -> f64 {
    let middle = f64::midpoint(above, below);
    if middle > below { middle } else { above }
}
