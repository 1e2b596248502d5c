//! Bins of a column, and counts in them.

use picket_schema::{Domain, Feature};

/// How many bins a numeric column has for the stability index and the design effect: deciles of the
/// reference.
const N_BINS: usize = 10;

/// A column of a range with at most so many different numbers is tested by chi-squared: with many
/// ties Kolmogorov and Smirnov's test sees little.
const FEW_VALUES: usize = 32;

/// The bins of a column: a value is in the first with `value <= edge`, else in the last but one; the
/// last is for missing values.
#[derive(Clone, Debug)]
pub(super) struct Bins {
    edges: Vec<f32>,
}

impl Bins {
    pub(super) fn new(edges: Vec<f32>) -> Self {
        Self { edges }
    }

    /// One bin a value, where the domain or the samples have few; else `None`.
    pub(super) fn discrete(feature: &Feature, reference: &[f32], live: &[f32]) -> Option<Self> {
        let edges = match &feature.domain {
            Domain::Categories(_) | Domain::Hashed(_) => (1..feature.n_categories())
                .map(|code| (code - 1) as f32)
                .collect(),
            Domain::Values(values) => values[..values.len() - 1]
                .iter()
                .map(|value| *value as f32)
                .collect(),
            Domain::Range(_) => {
                let mut distinct: Vec<f32> = Vec::new();
                for value in reference.iter().chain(live).filter(|value| !value.is_nan()) {
                    if let Err(at) = distinct.binary_search_by(|other| other.total_cmp(value)) {
                        if distinct.len() == FEW_VALUES {
                            return None;
                        }
                        distinct.insert(at, *value);
                    }
                }
                distinct.pop();
                distinct
            }
        };
        Some(Self { edges })
    }

    /// Deciles of `sorted`, which holds no NaN.
    pub(super) fn deciles(sorted: &[f32]) -> Self {
        let mut edges: Vec<f32> = (1..N_BINS)
            .filter_map(|bin| sorted.get(bin * sorted.len() / N_BINS).copied())
            .filter(|edge| Some(edge) != sorted.last())
            .collect();
        edges.dedup();
        Self { edges }
    }

    pub(super) fn n_bins(&self) -> usize {
        self.edges.len() + 2
    }

    pub(super) fn bin_of(&self, value: f32) -> usize {
        if value.is_nan() {
            return self.edges.len() + 1;
        }
        self.edges.partition_point(|edge| *edge < value)
    }

    pub(super) fn counts(&self, values: &[f32]) -> Vec<f64> {
        let mut counts = vec![0.0; self.n_bins()];
        for value in values {
            counts[self.bin_of(*value)] += 1.0;
        }
        counts
    }

    /// The bins in words, in their order.
    pub(super) fn labels(&self, feature: Option<&Feature>) -> Vec<String> {
        let mut labels: Vec<String> = match feature.map(|feature| &feature.domain) {
            Some(Domain::Categories(names)) => names.clone(),
            Some(Domain::Hashed(n_buckets)) => (0..*n_buckets)
                .map(|bucket| format!("bucket {bucket}"))
                .collect(),
            Some(Domain::Values(values)) => values.iter().map(f64::to_string).collect(),
            _ => {
                let up_to = self.edges.iter().map(|edge| format!("≤ {edge}"));
                let last = self
                    .edges
                    .last()
                    .map_or_else(|| "any".to_owned(), |edge| format!("> {edge}"));
                up_to.chain([last]).collect()
            }
        };
        labels.push("missing".to_owned());
        labels
    }
}
