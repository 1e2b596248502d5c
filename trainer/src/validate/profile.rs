//! What the columns look like, for reports.

use picket_schema::{Domain, Feature};
use serde::Serialize;

use super::column_values::{ColumnValues, Tally};

/// How many bins the histogram of a numeric column has at most.
const N_BINS: usize = 20;

/// The quantiles that are told, as shares.
const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/// What the rows look like, column by column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataProfile {
    /// Rows.
    pub n_rows: u64,
    /// Rows with distinct features.
    pub n_distinct_rows: u64,
    /// Rows of the positive class.
    pub n_positive: u64,
    /// One a feature, in the schema's order.
    pub columns: Vec<ColumnProfile>,
}

/// What one column looks like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnProfile {
    /// The column.
    pub name: String,
    /// The unit, where the schema has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Rows with a value.
    pub n_present: u64,
    /// Rows without.
    pub n_missing: u64,
    /// Positive rows without.
    pub n_missing_positive: u64,
    /// Distinct values.
    pub n_distinct: u64,
    /// The ROC-AUC of the best rule that knows this column alone.
    pub best_auc: f64,
    /// The values.
    pub values: ProfileValues,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProfileValues {
    /// Numbers of a range.
    Numeric {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
        /// Their mean.
        mean: f64,
        /// Their standard deviation (of the population).
        std: f64,
        /// The smallest values with at least so large a share of the values at or below them.
        quantiles: Vec<Quantile>,
        /// Bins of nearly equal size.
        bins: Vec<ValueBin>,
    },
    /// The schema's values or categories, in its order.
    Counts {
        /// One a value of the domain.
        counts: Vec<ValueCount>,
    },
    /// There is none.
    Empty,
}

/// One quantile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantile {
    /// The share.
    pub share: f64,
    /// The value.
    pub value: f64,
}

/// Values from `from` to `to`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ValueBin {
    /// The smallest value in it.
    pub from: f64,
    /// The largest.
    pub to: f64,
    /// Rows.
    pub n: u64,
    /// Positive rows.
    pub n_positive: u64,
}

/// One value of a domain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValueCount {
    /// The value, as in the schema.
    pub value: String,
    /// Rows.
    pub n: u64,
    /// Positive rows.
    pub n_positive: u64,
}

impl ColumnProfile {
    pub(super) fn of(feature: &Feature, values: &ColumnValues, best_auc: f64) -> Self {
        Self {
            name: feature.name.clone(),
            unit: feature.unit.clone(),
            n_present: values.n_present(),
            n_missing: values.missing.n,
            n_missing_positive: values.missing.n_positive,
            n_distinct: values.distinct.len() as u64,
            best_auc,
            values: values_of(feature, values),
        }
    }
}

fn values_of(feature: &Feature, values: &ColumnValues) -> ProfileValues {
    let tally = |wanted: f32| -> Tally {
        let place = values
            .distinct
            .binary_search_by(|(value, _)| value.total_cmp(&wanted));
        place.map_or_else(|_| Tally::default(), |at| values.distinct[at].1)
    };
    let count = |value: String, tally: Tally| ValueCount {
        value,
        n: tally.n,
        n_positive: tally.n_positive,
    };
    match &feature.domain {
        Domain::Categories(names) => ProfileValues::Counts {
            counts: names
                .iter()
                .zip(0_u16..)
                .map(|(name, code)| count(name.clone(), tally(f32::from(code))))
                .collect(),
        },
        // Which texts fell into a bucket nobody knows: only the buckets that occur are shown.
        Domain::Hashed(_) => ProfileValues::Counts {
            counts: values
                .distinct
                .iter()
                .map(|(bucket, tally)| count(format!("bucket {bucket}"), *tally))
                .collect(),
        },
        Domain::Values(domain) => ProfileValues::Counts {
            counts: domain
                .iter()
                .map(|value| count(value.to_string(), tally(*value as f32 + 0.0)))
                .collect(),
        },
        Domain::Range(_) => numeric(values),
    }
}

fn numeric(values: &ColumnValues) -> ProfileValues {
    let n = values.n_present();
    let (Some(first), Some(last)) = (values.distinct.first(), values.distinct.last()) else {
        return ProfileValues::Empty;
    };
    let weighted = |of: &dyn Fn(f64) -> f64| -> f64 {
        let terms = values.distinct.iter();
        let sum: f64 = terms
            .map(|(value, tally)| of(f64::from(*value)) * tally.n as f64)
            .sum();
        sum / n as f64
    };
    let mean = weighted(&|value| value);
    let variance = weighted(&|value| (value - mean) * (value - mean));
    let (mut quantiles, mut seen) = (Vec::with_capacity(QUANTILES.len()), 0);
    for (value, tally) in &values.distinct {
        seen += tally.n;
        while let Some(share) = QUANTILES.get(quantiles.len())
            && seen as f64 >= share * n as f64
        {
            quantiles.push(Quantile {
                share: *share,
                value: f64::from(*value),
            });
        }
    }
    let bins = values.bins(N_BINS).into_iter();
    ProfileValues::Numeric {
        min: f64::from(first.0),
        max: f64::from(last.0),
        mean,
        std: variance.sqrt(),
        quantiles,
        bins: bins
            .map(|(from, to, tally)| ValueBin {
                from: f64::from(from),
                to: f64::from(to),
                n: tally.n,
                n_positive: tally.n_positive,
            })
            .collect(),
    }
}
