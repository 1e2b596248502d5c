//! The profile of labelled rows, column by column.

use picket_schema::{Feature, Kind};

use crate::dataset::Dataset;
use crate::report::contents::{ClassCount, ColumnProfile, Profile};
use crate::report::number;
use crate::row_groups::RowGroups;

/// Up to this many values each have bars of their own.
const N_VALUES: usize = 12;
/// Numbers of more values are told apart by tenths of the rows.
const N_RANGES: usize = 10;

impl Profile {
    /// The profile of `data`.
    #[must_use]
    pub fn of(data: &Dataset) -> Self {
        let column = |(feature_idx, feature): (usize, &Feature)| {
            let values = data.features().column(feature_idx);
            let known = values.iter().zip(data.labels());
            let mut known: Vec<(f32, bool)> = known
                .filter(|(x, _)| !x.is_nan())
                .map(|(x, label)| (*x, *label))
                .collect();
            known.sort_by(|a, b| a.0.total_cmp(&b.0));
            column(feature, &known, data.n_rows())
        };
        Self {
            n_rows: data.n_rows() as u64,
            n_distinct_rows: RowGroups::of(data).n_groups() as u64,
            n_positive: data.labels().iter().filter(|label| **label).count() as u64,
            columns: data
                .schema()
                .features
                .iter()
                .enumerate()
                .map(column)
                .collect(),
        }
    }
}

/// A value as people read it.
pub(super) fn value_text(feature: &Feature, x: f32) -> String {
    if x.is_nan() {
        return "missing".to_owned();
    }
    let names = feature.categories();
    match Feature::category_code(names.len(), x) {
        Some(code) => names[code].clone(),
        None => number::short(f64::from(x)),
    }
}

/// Equal values, with their counts by class.
struct Level {
    value: f32,
    n_negative: u64,
    n_positive: u64,
}

fn column(feature: &Feature, known: &[(f32, bool)], n_rows: usize) -> ColumnProfile {
    let mut levels: Vec<Level> = Vec::new();
    for (x, is_positive) in known {
        if levels.last().is_none_or(|level| level.value != *x) {
            levels.push(Level {
                value: *x,
                n_negative: 0,
                n_positive: 0,
            });
        }
        if let Some(level) = levels.last_mut() {
            level.n_positive += u64::from(*is_positive);
            level.n_negative += u64::from(!*is_positive);
        }
    }
    let is_categorical = feature.kind() == Kind::Categorical;
    ColumnProfile {
        name: feature.name.clone(),
        kind: match feature.kind() {
            Kind::Numeric => "numeric",
            Kind::Ordinal => "ordinal",
            Kind::Categorical => "categorical",
        }
        .to_owned(),
        unit: feature.unit.clone(),
        n_missing: (n_rows - known.len()) as u64,
        n_distinct: levels.len() as u64,
        values: in_words(feature, known, &levels),
        bars: if levels.len() <= N_VALUES {
            levels.iter().map(|level| bar(feature, level)).collect()
        } else if is_categorical {
            most_frequent(feature, levels)
        } else {
            ranges(&levels, known.len())
        },
    }
}

fn bar(feature: &Feature, level: &Level) -> ClassCount {
    ClassCount {
        label: value_text(feature, level.value),
        n_negative: level.n_negative,
        n_positive: level.n_positive,
    }
}

fn in_words(feature: &Feature, known: &[(f32, bool)], levels: &[Level]) -> String {
    const N_NAMED: usize = 4;
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return "no values".to_owned();
    };
    let text = |x: f32| value_text(feature, x);
    let is_categorical = feature.kind() == Kind::Categorical;
    if levels.len() <= N_NAMED || is_categorical {
        let mut sorted: Vec<&Level> = levels.iter().collect();
        if is_categorical {
            sorted.sort_by_key(|level| std::cmp::Reverse(level.n_negative + level.n_positive));
        }
        let named: Vec<String> = sorted.iter().take(N_NAMED).map(|x| text(x.value)).collect();
        let rest = if levels.len() > N_NAMED { ", …" } else { "" };
        return format!("{}{rest}", named.join(", "));
    }
    format!(
        "{} to {}, median {}",
        text(first.0),
        text(last.0),
        text(known[known.len() / 2].0)
    )
}

/// The most frequent categories, and all others as one.
fn most_frequent(feature: &Feature, mut levels: Vec<Level>) -> Vec<ClassCount> {
    levels.sort_by_key(|level| std::cmp::Reverse(level.n_negative + level.n_positive));
    let rest = levels.split_off(N_VALUES - 1);
    let mut bars: Vec<ClassCount> = levels.iter().map(|level| bar(feature, level)).collect();
    bars.push(ClassCount {
        label: "all others".to_owned(),
        n_negative: rest.iter().map(|level| level.n_negative).sum(),
        n_positive: rest.iter().map(|level| level.n_positive).sum(),
    });
    bars
}

/// Ranges of about equally many rows. Equal widths would put long tails into one bar.
fn ranges(levels: &[Level], n_known: usize) -> Vec<ClassCount> {
    let full = (n_known / N_RANGES).max(1) as u64;
    let mut bars: Vec<ClassCount> = Vec::new();
    let mut count = ClassCount::default();
    let mut first = 0;
    for (idx, level) in levels.iter().enumerate() {
        count.n_negative += level.n_negative;
        count.n_positive += level.n_positive;
        let is_last = idx + 1 == levels.len();
        if count.n_negative + count.n_positive >= full || is_last {
            let (low, high) = (f64::from(levels[first].value), f64::from(level.value));
            count.label = if low == high {
                number::short(low)
            } else {
                format!("{} to {}", number::short(low), number::short(high))
            };
            bars.push(std::mem::take(&mut count));
            first = idx + 1;
        }
    }
    bars
}
