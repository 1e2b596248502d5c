//! Metrics of parts of the rows: a model may be good on the whole and bad where it matters.

use picket_schema::artifact::Metric;
use picket_schema::{Domain, Feature};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::metrics::{ScoredGroups, measure_with_intervals};
use crate::row_groups::RowGroups;

/// A slice with fewer distinct rows is small.
const MIN_DISTINCT_ROWS: usize = 50;
/// A slice with fewer distinct rows of one class is small.
const MIN_DISTINCT_OF_CLASS: usize = 10;

/// What a model achieves on a part of the rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slice {
    /// The value, the range of values, or `missing`.
    pub name: String,
    /// How many rows it has.
    pub n_rows: usize,
    /// How many of them are distinct.
    pub n_distinct_rows: usize,
    /// How many of them are positive.
    pub n_positive: usize,
    /// Whether it has so few distinct rows, in all or of one class, that its numbers say little.
    pub is_small: bool,
    /// With 95 % intervals; empty where all rows are of one class.
    pub metrics: Vec<Metric>,
}

/// What a model achieves by the values of one feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SliceReport {
    /// The feature's name.
    pub feature: String,
    /// By category or value in the order of the schema, or by quarter of the rows; missing values last.
    pub slices: Vec<Slice>,
}

/// Measures the rows of each value of a feature; of a numeric feature, each quarter of the rows by its
/// values. `scores` has shape `(n_rows,)`; `seed` draws the samples of the intervals.
///
/// # Panics
/// When `feature_idx` is out of range or the shapes differ.
#[must_use]
pub fn slice_by(
    data: &Dataset,
    feature_idx: usize,
    scores: &[f64],
    threshold: f64,
    seed: u64,
) -> SliceReport {
    let feature = &data.schema().features[feature_idx];
    let values = data.features().column(feature_idx).to_vec();
    let (names, slice_of) = slicing(feature, &values);
    let groups = RowGroups::of(data);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); names.len()];
    for (row_idx, slice) in slice_of.into_iter().enumerate() {
        rows[slice].push(row_idx);
    }
    let slices = names.into_iter().zip(rows);
    SliceReport {
        feature: feature.name.clone(),
        slices: slices
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(name, rows)| measured(name, &rows, data, &groups, scores, threshold, seed))
            .collect(),
    }
}

fn measured(
    name: String,
    rows: &[usize],
    data: &Dataset,
    groups: &RowGroups,
    scores: &[f64],
    threshold: f64,
    seed: u64,
) -> Slice {
    let labels: Vec<bool> = rows.iter().map(|row_idx| data.labels()[*row_idx]).collect();
    let part_scores: Vec<f64> = rows.iter().map(|row_idx| scores[*row_idx]).collect();
    let part_groups: Vec<usize> = rows
        .iter()
        .map(|row_idx| groups.group_of_row()[*row_idx])
        .collect();
    // Equal rows have equal values, so a group is in one slice.
    let scored = ScoredGroups::by_group(&part_groups, &part_scores, &labels);
    let distinct = scored.groups();
    let n_positive_groups = distinct.iter().filter(|group| group.n_positive > 0).count();
    let n_negative_groups = distinct.iter().filter(|group| group.n_negative > 0).count();
    Slice {
        name,
        n_rows: rows.len(),
        n_distinct_rows: distinct.len(),
        n_positive: labels.iter().filter(|label| **label).count(),
        is_small: distinct.len() < MIN_DISTINCT_ROWS
            || n_positive_groups.min(n_negative_groups) < MIN_DISTINCT_OF_CLASS,
        metrics: measure_with_intervals(&scored, threshold, seed).unwrap_or_default(),
    }
}

/// The names of the slices and each row's slice.
fn slicing(feature: &Feature, values: &[f32]) -> (Vec<String>, Vec<usize>) {
    let (mut names, slice_of): (Vec<String>, Vec<Option<usize>>) = match &feature.domain {
        Domain::Categories(categories) => {
            let code = |x: &f32| Feature::category_code(categories.len(), *x);
            (categories.clone(), values.iter().map(code).collect())
        }
        Domain::Hashed(n_buckets) => {
            let code = |x: &f32| Feature::category_code(*n_buckets as usize, *x);
            let names = (0..*n_buckets).map(|bucket| format!("bucket {bucket}"));
            (names.collect(), values.iter().map(code).collect())
        }
        Domain::Values(listed) => {
            let listed: Vec<f32> = listed.iter().map(|value| *value as f32).collect();
            let place = |x: &f32| listed.iter().position(|value| value == x);
            let names = listed.iter().map(f32::to_string).collect();
            (names, values.iter().map(place).collect())
        }
        Domain::Range(_) => {
            let edges = quartiles(values);
            let quarter = |x: &f32| (!x.is_nan()).then(|| edges.partition_point(|edge| edge < x));
            (range_names(&edges), values.iter().map(quarter).collect())
        }
    };
    let missing = names.len();
    names.push("missing".to_owned());
    let slice_of = slice_of.into_iter().map(|slice| slice.unwrap_or(missing));
    (names, slice_of.collect())
}

/// The distinct values below which a quarter, a half and three quarters of the rows are; the largest value
/// is no edge.
fn quartiles(values: &[f32]) -> Vec<f32> {
    let mut sorted: Vec<f32> = values.iter().copied().filter(|x| !x.is_nan()).collect();
    sorted.sort_by(f32::total_cmp);
    let Some(largest) = sorted.last().copied() else {
        return Vec::new();
    };
    let mut edges: Vec<f32> = (1..4)
        .map(|quarter| sorted[(quarter * sorted.len()).div_ceil(4) - 1])
        .filter(|edge| *edge < largest)
        .collect();
    edges.dedup();
    edges
}

fn range_names(edges: &[f32]) -> Vec<String> {
    let Some((first, last)) = edges.first().zip(edges.last()) else {
        return vec!["all".to_owned()];
    };
    let mut names = vec![format!("up to {first}")];
    for pair in edges.windows(2) {
        names.push(format!("above {} up to {}", pair[0], pair[1]));
    }
    names.push(format!("above {last}"));
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use picket_schema::FeatureSchema;

    fn data() -> Dataset {
        let schema = FeatureSchema::from_toml(
            r#"
            name = "s"
            label = { name = "y", positive = { name = "bad", values = ["1"] }, negative = { name = "good" } }
            features = [
                { name = "n", domain = { range = [0, 1000] }, missing = "accept" },
                { name = "c", domain = { categories = ["p", "q", "r"] }, missing = "accept" },
                { name = "o", domain = { values = [-1, 0, 1] }, missing = "accept" },
            ]
            "#,
        )
        .unwrap();
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        for i in 0..400_u16 {
            let number = if i % 20 == 0 { f32::NAN } else { f32::from(i) };
            values.extend([number, f32::from(i % 2), f32::from(i % 3) - 1.0]);
            labels.push(i % 5 < 2);
        }
        Dataset::new(schema, values, labels, "made").unwrap()
    }

    #[test]
    fn every_row_is_in_one_slice_and_quarters_are_quarters() {
        let data = data();
        let scores: Vec<f64> = (0..400_u16).map(|i| f64::from(i % 5) / 5.0).collect();
        for feature_idx in 0..3 {
            let report = slice_by(&data, feature_idx, &scores, 0.5, 1);
            let n_rows: usize = report.slices.iter().map(|slice| slice.n_rows).sum();
            assert_eq!(n_rows, 400, "{}", report.feature);
        }
        let of = |feature_idx| -> Vec<(String, usize)> {
            let report = slice_by(&data, feature_idx, &scores, 0.5, 1);
            report
                .slices
                .into_iter()
                .map(|slice| (slice.name, slice.n_rows))
                .collect()
        };
        let numeric = of(0);
        assert_eq!(numeric.len(), 5, "{numeric:?}");
        assert!(numeric[..4].iter().all(|(_, n)| *n == 95), "{numeric:?}");
        assert_eq!(numeric[4], ("missing".to_owned(), 20));
        assert_eq!(of(1), [("p".to_owned(), 200), ("q".to_owned(), 200)]);
        assert_eq!(
            of(2)
                .iter()
                .map(|slice| slice.0.as_str())
                .collect::<Vec<_>>(),
            ["-1", "0", "1"]
        );
    }

    #[test]
    fn small_slices_are_flagged_and_a_slice_is_measured_by_its_own_rows() {
        let data = data();
        let scores: Vec<f64> = data
            .labels()
            .iter()
            .map(|label| if *label { 0.9 } else { 0.1 })
            .collect();
        let report = slice_by(&data, 0, &scores, 0.5, 1);
        assert!(!report.slices[0].is_small && report.slices[4].is_small);
        assert!(report.slices.iter().all(|slice| {
            slice
                .metrics
                .iter()
                .any(|m| m.name == "f1" && m.value == 1.0)
                || slice.metrics.is_empty()
        }));
        // Rows 0, 20, 40 ... are all positive: no metrics of one class.
        assert!(report.slices[4].metrics.is_empty());
        assert_eq!(report.slices[4].n_positive, 20);
    }
}
