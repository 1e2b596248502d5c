//! Labelled rows for any schema, by a rule with chance in it: material for fixtures and tests.

use picket_schema::{Domain, Feature, FeatureSchema, MissingPolicy};

use crate::dataset::Dataset;
use crate::ingest::IngestError;
use crate::random::Random;

/// The chance of a missing value where the schema accepts one.
const MISSING: f64 = 0.03;

/// Draws `n_rows` labelled rows from the domains of `schema`.
///
/// Each value votes for a class with a weight of its own, pairs of neighbouring features vote
/// together, and some noise is added: there is something to learn for every learner, and no more
/// meaning than that.
///
/// # Errors
/// [`IngestError`] where fewer rows are drawn than show both classes.
pub fn synthetic_rows(
    schema: &FeatureSchema,
    n_rows: usize,
    seed: u64,
) -> Result<Dataset, IngestError> {
    let mut random = Random::stream(seed, 3);
    let (mut values, mut votes) = (Vec::new(), Vec::with_capacity(n_rows));
    for _ in 0..n_rows {
        let (mut vote, mut neighbour) = (2.0 * random.unit() - 1.0, 0.0);
        for (feature_idx, feature) in schema.features.iter().enumerate() {
            let place = random.unit();
            let may_lack = feature.missing == MissingPolicy::Accept;
            if may_lack && random.unit() < MISSING {
                values.push(f32::NAN);
                continue;
            }
            let (value, opinion) = draw(feature, place, feature_idx);
            values.push(value);
            vote += opinion / (1.0 + feature_idx as f64 / 4.0) + 0.5 * opinion * neighbour;
            neighbour = opinion;
        }
        votes.push(vote);
    }
    let mut sorted = votes.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(n_rows / 2).copied().unwrap_or_default();
    let labels = votes.into_iter().map(|vote| vote > median).collect();
    Dataset::new(schema.clone(), values, labels, "the synthetic rows")
}

/// A value at `place`, in 0..1, of the feature's domain, and what it votes, in -1..=1.
fn draw(feature: &Feature, place: f64, feature_idx: usize) -> (f32, f64) {
    let sign = if feature_idx.is_multiple_of(2) {
        1.0
    } else {
        -1.0
    };
    match &feature.domain {
        Domain::Range([min, max]) => {
            // Small values are the most frequent, as they are in counts of bytes and connections.
            let share = place * place * place * place;
            let value = min + (max - min) * share;
            let value = if max - min > 1.0 {
                value.floor()
            } else {
                value
            };
            (value as f32, sign * (2.0 * place - 1.0))
        }
        Domain::Values(values) => {
            let index = (place * values.len() as f64) as usize;
            (values[index] as f32, sign * (2.0 * place - 1.0))
        }
        Domain::Categories(_) | Domain::Hashed(_) => {
            let index = (place * place * feature.n_categories() as f64) as usize;
            // Neighbouring codes disagree: only a split by sets can follow.
            let opinion = if (index * 7 + feature_idx) % 5 < 2 {
                1.0
            } else {
                -1.0
            };
            (index as f32, opinion)
        }
    }
}
