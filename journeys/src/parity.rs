//! Rows that scorers may disagree on, and what the native scorers say of them.

use picket_schema::artifact::{ModelTable, Test};
use picket_schema::{ColumnMap, Domain, Feature, FeatureSchema};
use picket_wasm_model::{Explainer, ExplanationUnit, Model, RowError, Scorer, naive};
use std::path::Path;

use crate::models::in_range;
use crate::random::Random;

/// Numbers that are right for no feature, or barely.
const ODD: [f32; 14] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    0.0,
    -0.0,
    f32::MIN_POSITIVE,
    1e-45,
    -1e-45,
    f32::MAX,
    f32::MIN,
    -1.0,
    0.5,
    1e9,
    16_777_216.0,
];

/// Rows for a model: real ones first, then every sort of made ones. Shape: `(at least n_rows, n_features)`.
#[must_use]
pub fn rows(model: &Model<'_>, real: &[f32], n_rows: usize, seed: u64) -> Vec<f32> {
    let schema = model.schema();
    let mut random = Random::new(seed);
    let thresholds = thresholds(model);
    let mut rows = real.to_vec();
    let mut sort = 0;
    while rows.len() < n_rows * schema.n_features() {
        for (feature_idx, thresholds) in thresholds.iter().enumerate() {
            let feature = &schema.features[feature_idx];
            // The last sort takes a different one for each feature.
            let chosen = if sort == 5 { random.below(5) } else { sort };
            rows.push(match chosen {
                0 => in_domain(feature, &mut random),
                1 => f32::from_bits(random.bits() as u32),
                2 => on_threshold(thresholds, feature, &mut random),
                3 => *random.one_of(&ODD),
                _ => unseen(feature, &mut random),
            });
        }
        sort = (sort + 1) % 6;
    }
    rows
}

/// For each feature the thresholds that the model compares it, or a column made from it, with.
fn thresholds(model: &Model<'_>) -> Vec<Vec<f32>> {
    let mut thresholds = vec![Vec::new(); model.n_features()];
    for (_, table) in model.artifact().model.members() {
        let ModelTable::Trees(trees) = table else {
            continue;
        };
        for condition in trees.iter_conditions() {
            if let Test::Threshold(threshold) = condition.test {
                let column = model.columns().0[usize::from(condition.feature_idx)];
                thresholds[column.feature_idx].push(threshold);
            }
        }
    }
    thresholds
}

fn in_domain(feature: &Feature, random: &mut Random) -> f32 {
    match &feature.domain {
        Domain::Range([min, max]) => in_range(*min, *max, random),
        Domain::Values(values) => *random.one_of(values) as f32,
        Domain::Categories(_) | Domain::Hashed(_) => random.below(feature.n_categories()) as f32,
    }
}

/// A threshold or one of the two numbers beside it.
fn on_threshold(thresholds: &[f32], feature: &Feature, random: &mut Random) -> f32 {
    if thresholds.is_empty() {
        return in_domain(feature, random);
    }
    let threshold = *random.one_of(thresholds);
    *random.one_of(&[threshold, threshold.next_up(), threshold.next_down()])
}

/// A number outside the domain: codes that no category has, values never listed.
fn unseen(feature: &Feature, random: &mut Random) -> f32 {
    let n = match &feature.domain {
        Domain::Range([_, max]) => *max as f32,
        Domain::Values(values) => *values.last().unwrap_or(&0.0) as f32,
        Domain::Categories(_) | Domain::Hashed(_) => feature.n_categories() as f32,
    };
    *random.one_of(&[n, n + 1.0, n - 0.5, -1.0, -0.5, n * 2.0, 4_294_967_296.0])
}

/// The rows of `<PICKET_DATA_DIR>/<schema>.csv`, at most `max_rows`; none where the variable is not set.
///
/// # Panics
/// Where the variable is set and the file is missing or does not fit: then real rows are promised.
#[must_use]
pub fn real_rows(schema: &FeatureSchema, max_rows: usize) -> Vec<f32> {
    let Some(folder) = std::env::var_os("PICKET_DATA_DIR") else {
        return Vec::new();
    };
    let path = Path::new(&folder).join(format!("{}.csv", schema.name));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("PICKET_DATA_DIR: {}: {error}", path.display()));
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let columns = ColumnMap::from_header(schema, &header).expect("a header that fits");
    let mut rows = Vec::new();
    for line in lines.take(max_rows) {
        let fields: Vec<&str> = line.split(',').collect();
        for (feature, column_idx) in schema.features.iter().zip(&columns.features) {
            rows.push(
                feature
                    .parse_text(fields[*column_idx])
                    .expect("a field that fits"),
            );
        }
    }
    rows
}

/// The bits of margin and score of each row by the fast scorer, checked against the naive one.
/// Shape: `(n_rows, 2)`.
///
/// # Panics
/// Where fast and naive differ: with the row.
#[must_use]
pub fn native_scores(model: &Model<'_>, rows: &[f32]) -> Vec<u64> {
    let mut scorer = Scorer::new(model);
    let batch = scorer.score_batch(rows).expect("a whole number of rows");
    let mut bits = Vec::with_capacity(2 * batch.len());
    for (row, in_batch) in rows.chunks_exact(model.n_features()).zip(&batch) {
        let fast = scorer.score(row).expect("a row of the right length");
        let slow = naive::score(model, row).expect("a row of the right length");
        let bits_of = |scored: &picket_wasm_model::Scored| {
            [scored.margin.0.to_bits(), scored.score.0.to_bits()]
        };
        assert_eq!(
            bits_of(&fast),
            bits_of(&slow),
            "fast and naive differ on {row:?}"
        );
        assert_eq!(
            bits_of(&fast),
            bits_of(in_batch),
            "row and batch differ on {row:?}"
        );
        bits.extend(bits_of(&fast));
    }
    bits
}

/// The bits of base and contributions in the model's unit, then before calibration, of each row.
/// Shape: `(n_rows, 2, 1 + n_features)`, or empty of a model without exact explanations.
///
/// # Panics
/// Where `rows` is not a whole number of rows.
#[must_use]
pub fn native_explanations(model: &Model<'_>, rows: &[f32]) -> Vec<u64> {
    let mut explainer = Explainer::new(model);
    let mut bits = Vec::new();
    for row in rows.chunks_exact(model.n_features()) {
        let explanation = match explainer.explain(row) {
            Err(RowError::Unexplainable(_)) => continue,
            explanation => explanation.expect("a row of the right length"),
        };
        let unit = ExplanationUnit::of(model.calibration());
        let (base, contributions) = explanation.in_unit(unit);
        bits.push(base.to_bits());
        bits.extend(contributions.iter().map(|x| x.to_bits()));
        bits.push(explanation.base.to_bits());
        bits.extend(explanation.contributions.iter().map(|x| x.to_bits()));
    }
    bits
}

/// The position of the first difference, with both sides as numbers; `None` where all bits agree.
#[must_use]
pub fn first_difference(ours: &[u64], theirs: &[u64]) -> Option<(usize, f64, f64)> {
    if ours.len() != theirs.len() {
        return Some((ours.len().min(theirs.len()), f64::NAN, f64::NAN));
    }
    let at = ours.iter().zip(theirs).position(|(a, b)| a != b)?;
    Some((at, f64::from_bits(ours[at]), f64::from_bits(theirs[at])))
}
