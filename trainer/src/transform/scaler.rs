//! Centre and scale of numeric columns, by scikit-learn's definitions; missing values are left out.

use picket_schema::artifact::{Column, ColumnKind};
use picket_schema::limits;

use super::plan::Scaling;
use crate::dataset::Dataset;

/// The column scaled; copied where it is not to be, or holds categories.
pub(super) fn fit(scaling: Scaling, data: &Dataset, column_idx: usize) -> Column<'static> {
    let column = column_idx as u32;
    let copy = Column::Copy(column);
    if data.columns().kind(column_idx) != Some(ColumnKind::Numeric) {
        return copy;
    }
    let values = data.features().column(column_idx);
    let mut present: Vec<f64> = values
        .iter()
        .filter(|x| x.is_finite())
        .map(|x| f64::from(*x))
        .collect();
    if present.is_empty() {
        return copy;
    }
    let (centre, scale) = match scaling {
        Scaling::None => return copy,
        Scaling::Standard => standard(&present),
        Scaling::Robust | Scaling::MinMax => {
            present.sort_unstable_by(f64::total_cmp);
            if scaling == Scaling::Robust {
                robust(&present)
            } else {
                (
                    present[0],
                    not_zero(present[present.len() - 1] - present[0]),
                )
            }
        }
    };
    Column::Scale {
        column,
        centre,
        scale: scale.max(limits::MIN_COLUMN_SCALE),
    }
}

/// Mean and standard deviation of the rows themselves; 1 for a column that is constant but for rounding.
fn standard(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    let of_rounding = n * mean * f64::EPSILON;
    let bound = n * f64::EPSILON * variance + of_rounding * of_rounding;
    let scale = if variance > bound {
        variance.sqrt()
    } else {
        1.0
    };
    (mean, scale)
}

/// Median and interquartile range of sorted values.
fn robust(sorted: &[f64]) -> (f64, f64) {
    let range = quantile(sorted, 0.75) - quantile(sorted, 0.25);
    (quantile(sorted, 0.5), not_zero(range))
}

/// 1 where a range is 0 but for rounding.
fn not_zero(range: f64) -> f64 {
    if range < 10.0 * f64::EPSILON {
        1.0
    } else {
        range
    }
}

/// The quantile of sorted values, linear between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor();
    let (low, high) = (sorted[below as usize], sorted[place.ceil() as usize]);
    low + (high - low) * (place - below)
}
