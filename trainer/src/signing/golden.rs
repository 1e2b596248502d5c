//! Golden rows: what an edge must score exactly as this machine does.

use picket_schema::release::GoldenRow;
use picket_schema::{Domain, Feature};
use picket_wasm_model::{Model, RowError, Scorer};

use crate::random::Random;

/// How many rows go into a release.
const N_ROWS: u64 = 8;
/// One value of so many is missing, from the second row on.
const MISSING_IN: usize = 8;

/// Rows drawn from a model's domains, with the margins that it gives them. The same model gets the same rows.
///
/// # Errors
/// None are known: rows of the schema's width are scored.
pub fn golden_rows(model: &Model<'_>) -> Result<Vec<GoldenRow>, RowError> {
    let features = &model.artifact().schema.features;
    let mut scorer = Scorer::new(model);
    (0..N_ROWS)
        .map(|row_idx| {
            let mut random = Random::stream(0, row_idx);
            let row: Vec<f32> = features
                .iter()
                .map(|feature| value(feature, row_idx > 0, &mut random))
                .collect();
            let scored = scorer.score_batch(&row)?;
            Ok(GoldenRow::new(&row, scored[0].margin.0))
        })
        .collect()
}

fn value(feature: &Feature, may_miss: bool, random: &mut Random) -> f32 {
    if random.below(MISSING_IN) == 0 && may_miss {
        return f32::NAN;
    }
    match &feature.domain {
        Domain::Range([min, max]) => (min + random.unit() * (max - min)) as f32,
        Domain::Values(values) => values[random.below(values.len())] as f32,
        Domain::Categories(names) => random.below(names.len()) as f32,
        Domain::Hashed(n_buckets) => random.below(*n_buckets as usize) as f32,
    }
}
