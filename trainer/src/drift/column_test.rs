//! The test of one column.

use picket_schema::Feature;

use super::binned::Bins;
use super::chi_squared::Cells;
use super::design_effect::{CopiedRows, DesignEffect};
use super::kolmogorov_smirnov::kolmogorov_smirnov;
use super::report::DriftTest;
use super::stability_index::stability_index;

/// What a test of one column says.
#[derive(Clone, Debug)]
pub(super) struct ColumnTest {
    pub(super) test: DriftTest,
    pub(super) statistic: f64,
    pub(super) p_value: f64,
    pub(super) psi: f64,
    pub(super) design_effect: f64,
    pub(super) labels: Vec<String>,
    pub(super) reference: Vec<f64>,
    pub(super) live: Vec<f64>,
}

/// Compares two samples of a column, each of shape `(n_rows,)`. `feature` is `None` for scores.
pub(super) fn compare(
    feature: Option<&Feature>,
    reference: &[f32],
    live: &[f32],
    copies: Option<&CopiedRows>,
) -> ColumnTest {
    if let Some(bins) = feature.and_then(|feature| Bins::discrete(feature, reference, live)) {
        let counts = (bins.counts(reference), bins.counts(live));
        let overall = copies.map_or(1.0, CopiedRows::overall);
        let cells = Cells::of(&counts.0, &counts.1, overall);
        let effect = copies.map_or(DesignEffect::NONE, |copies| {
            let cell_of = |value| cells.cell_of[bins.bin_of(value)];
            copies.design_effect((reference, live), cells.n_cells, cell_of)
        });
        return by_counts(feature, &bins, counts, &cells, &effect);
    }
    let (sorted_reference, sorted_live) = (sorted(reference), sorted(live));
    let bins = Bins::deciles(&sorted_reference);
    let counts = (bins.counts(reference), bins.counts(live));
    let cells = Cells::of(&counts.0, &counts.1, 1.0);
    let effect = copies.map_or(DesignEffect::NONE, |copies| {
        let cell_of = |value| cells.cell_of[bins.bin_of(value)];
        copies.design_effect((reference, live), cells.n_cells, cell_of)
    });
    let found = kolmogorov_smirnov(&sorted_reference, &sorted_live, effect.mean);
    let lacking = |all: &[f32], present: &[f32]| {
        vec![present.len() as f64, (all.len() - present.len()) as f64]
    };
    let (gaps_reference, gaps_live) = (
        lacking(reference, &sorted_reference),
        lacking(live, &sorted_live),
    );
    let mut p_value = found.p_value;
    if gaps_reference[1] + gaps_live[1] > 0.0 {
        // Two questions of one column: the answer to both by Bonferroni.
        let cells = Cells::of(&gaps_reference, &gaps_live, effect.mean);
        let gaps = cells.test(&gaps_reference, &gaps_live, &effect);
        p_value = (2.0 * p_value.min(gaps.p_value)).min(1.0);
    }
    let (reference, live) = counts;
    ColumnTest {
        test: DriftTest::KolmogorovSmirnov,
        statistic: found.statistic,
        p_value,
        psi: stability_index(&reference, &live),
        design_effect: effect.mean,
        labels: bins.labels(None),
        reference,
        live,
    }
}

/// Compares counts in the same bins, put together into cells.
pub(super) fn by_counts(
    feature: Option<&Feature>,
    bins: &Bins,
    (reference, live): (Vec<f64>, Vec<f64>),
    cells: &Cells,
    effect: &DesignEffect,
) -> ColumnTest {
    let found = cells.test(&reference, &live, effect);
    ColumnTest {
        test: DriftTest::ChiSquared,
        statistic: found.statistic,
        p_value: found.p_value,
        psi: stability_index(&reference, &live),
        design_effect: effect.mean,
        labels: bins.labels(feature),
        reference,
        live,
    }
}

fn sorted(values: &[f32]) -> Vec<f32> {
    let mut sorted: Vec<f32> = values
        .iter()
        .copied()
        .filter(|value| !value.is_nan())
        .collect();
    sorted.sort_unstable_by(f32::total_cmp);
    sorted
}
