//! What stands for missing values.

use std::collections::HashMap;

use picket_schema::artifact::{
    ColumnKind, IntTable, NeighbourImputer, NeighbourWeights, PackedRows, Step,
};
use picket_schema::{Feature, limits};

use super::error::TransformError;
use super::plan::Imputation;
use crate::dataset::Dataset;

/// The steps that fill the first `n_features` columns.
pub(super) fn fit(
    imputation: &Imputation,
    data: &Dataset,
    n_features: usize,
) -> Result<Vec<Step<'static>>, TransformError> {
    let mut steps = Vec::new();
    if let Imputation::Knn {
        n_neighbours,
        weights,
    } = *imputation
    {
        steps.extend(neighbours(data, n_features, n_neighbours, weights)?);
    }
    let fills: Vec<f32> = (0..data.columns().len())
        .map(|column_idx| {
            if column_idx < n_features {
                fill(imputation, data, column_idx).unwrap_or(f32::NAN)
            } else {
                f32::NAN
            }
        })
        .collect();
    if fills.iter().any(|fill| !fill.is_nan()) {
        steps.push(Step::Fill(
            fills.iter().flat_map(|fill| fill.to_le_bytes()).collect(),
        ));
    }
    Ok(steps)
}

/// The constant for a column; `None` where it is left as it is.
fn fill(imputation: &Imputation, data: &Dataset, column_idx: usize) -> Option<f32> {
    let column = data.features().column(column_idx);
    if let ColumnKind::Categorical { n_categories } = data.columns().0[column_idx].kind {
        if matches!(imputation, Imputation::None | Imputation::Constant(_)) {
            return None;
        }
        let codes = column.iter();
        let codes = codes.filter_map(|x| Feature::category_code(n_categories, *x));
        return most_frequent(codes.map(|code| code as f32).collect());
    }
    let present: Vec<f32> = column.iter().copied().filter(|x| !x.is_nan()).collect();
    match imputation {
        Imputation::None | Imputation::Knn { .. } => None,
        Imputation::Constant(constant) => Some(*constant as f32),
        Imputation::Mean => mean(&present).map(|mean| mean as f32),
        Imputation::Median => median(present).map(|median| median as f32),
        Imputation::MostFrequent => most_frequent(present),
    }
    .filter(|fill| fill.is_finite())
}

/// The mean; `None` of nothing.
fn mean(values: &[f32]) -> Option<f64> {
    let sum: f64 = values.iter().map(|x| f64::from(*x)).sum();
    (!values.is_empty()).then(|| sum / values.len() as f64)
}

/// The median; of an even number of values the mean of the middle two.
fn median(mut values: Vec<f32>) -> Option<f64> {
    values.sort_unstable_by(f32::total_cmp);
    let upper = f64::from(*values.get(values.len() / 2)?);
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(
        f64::from(values[values.len() / 2 - 1]),
        upper,
    ))
}

/// The most frequent value; of equally frequent ones the smallest.
fn most_frequent(mut values: Vec<f32>) -> Option<f32> {
    values.sort_unstable_by(f32::total_cmp);
    let mut best: Option<(usize, f32)> = None;
    for group in values.chunk_by(|a, b| a == b) {
        if best.is_none_or(|(count, _)| group.len() > count) {
            best = Some((group.len(), group[0]));
        }
    }
    best.map(|(_, value)| value)
}

/// The neighbours step over the numeric ones of the first `n_features` columns; `None` where these have
/// no value at all.
fn neighbours(
    data: &Dataset,
    n_features: usize,
    n_neighbours: u32,
    weights: NeighbourWeights,
) -> Result<Option<Step<'static>>, TransformError> {
    let columns: Vec<u16> = (0..n_features)
        .filter(|column_idx| data.columns().kind(*column_idx) == Some(ColumnKind::Numeric))
        .map(|column_idx| column_idx as u16)
        .collect();
    // Distinct rows in the order in which they first stand in the data.
    let mut positions: HashMap<Vec<u32>, usize> = HashMap::new();
    let (mut rows, mut counts) = (Vec::new(), Vec::<u32>::new());
    for row_idx in 0..data.n_rows() {
        let row = data.row(row_idx);
        let values = columns.iter().map(|column_idx| {
            let x = row[usize::from(*column_idx)];
            // The artifact holds finite numbers; as a coordinate an infinite one counts as the largest.
            if x.is_nan() {
                x
            } else {
                x.clamp(f32::MIN, f32::MAX)
            }
        });
        let values: Vec<f32> = values.collect();
        // A row without values has nothing to give.
        if values.iter().all(|x| x.is_nan()) {
            continue;
        }
        let key = values.iter().map(|x| x.to_bits()).collect();
        let position = *positions.entry(key).or_insert(counts.len());
        if position == counts.len() {
            rows.extend(values);
            counts.push(0);
        }
        counts[position] += 1;
    }
    if counts.is_empty() {
        return Ok(None);
    }
    let (found, n_columns) = (counts.len(), columns.len());
    let max = limits::MAX_PACKED_ROWS.min(limits::MAX_PACKED_VALUES / n_columns);
    if found > max {
        return Err(TransformError::Rows {
            found,
            n_columns,
            max,
        });
    }
    Ok(Some(Step::Neighbours(NeighbourImputer {
        n_neighbours,
        weights,
        columns: columns.iter().flat_map(|idx| idx.to_le_bytes()).collect(),
        rows: PackedRows::pack(n_columns, &rows),
        counts: IntTable::pack(counts),
    })))
}
