//! Categories as numbers: one-hot, ordinal, and by the share of positive rows.

use std::borrow::Cow;

use picket_schema::Domain;
use picket_schema::artifact::{Column, ColumnKind};

use super::plan::{Encoding, TransformPlan};
use crate::dataset::Dataset;
use crate::row_groups::RowGroups;
use crate::split::grouped_folds;

/// How many folds the training rows' target codes come from.
const N_FOLDS: usize = 5;

/// What a column may hold, as the encoders see it.
pub(super) struct Levels {
    /// The codes of the categories, or the numbers of an ordinal domain, ascending.
    values: Vec<f32>,
    is_categorical: bool,
}

/// The levels of a column that is to be encoded.
pub(super) fn levels(plan: &TransformPlan, data: &Dataset, column_idx: usize) -> Option<Levels> {
    if plan.encode == Encoding::None {
        return None;
    }
    let column = data.columns().0[column_idx];
    let feature = &data.schema().features[column.feature_idx];
    match (column.kind, &feature.domain) {
        (ColumnKind::Categorical { n_categories }, _) => Some(Levels {
            values: (0..n_categories).map(|code| code as f32).collect(),
            is_categorical: true,
        }),
        (ColumnKind::Numeric, Domain::Values(values)) if plan.encode_ordinal => Some(Levels {
            values: values.iter().map(|value| *value as f32).collect(),
            is_categorical: false,
        }),
        (ColumnKind::Numeric, _) => None,
    }
}

/// The columns that a column becomes.
pub(super) fn fit(
    encoding: Encoding,
    data: &Dataset,
    column_idx: usize,
    levels: &Levels,
) -> Vec<Column<'static>> {
    let column = column_idx as u32;
    match encoding {
        Encoding::None => vec![Column::Copy(column)],
        Encoding::OneHot => {
            let values = levels.values.iter();
            values
                .map(|value| Column::OneHot {
                    column,
                    value: *value,
                })
                .collect()
        }
        Encoding::Ordinal => {
            let codes = (0..levels.values.len()).map(|code| code as f32);
            let codes = codes.chain([f32::NAN]);
            vec![lookup(column, levels, codes)]
        }
        Encoding::Target { smoothing } => {
            let sums = Sums::of(data, column_idx, levels);
            let codes = sums
                .classes
                .iter()
                .map(|sum| sum.code(sums.total, smoothing));
            vec![lookup(column, levels, codes)]
        }
    }
}

/// A lookup of `values`, one a level and last that of everything else.
fn lookup(column: u32, levels: &Levels, values: impl Iterator<Item = f32>) -> Column<'static> {
    let table =
        |numbers: &[f32]| Cow::Owned(numbers.iter().flat_map(|x| x.to_le_bytes()).collect());
    Column::Lookup {
        column,
        levels: if levels.is_categorical {
            Cow::default()
        } else {
            table(&levels.values)
        },
        values: table(&values.collect::<Vec<_>>()),
    }
}

/// How many rows there are, and how many of them are positive.
#[derive(Clone, Copy, Default)]
struct Sum {
    n_rows: usize,
    n_positive: usize,
}

impl Sum {
    fn add(&mut self, is_positive: bool) {
        self.n_rows += 1;
        self.n_positive += usize::from(is_positive);
    }

    fn without(self, other: Self) -> Self {
        Self {
            n_rows: self.n_rows - other.n_rows,
            n_positive: self.n_positive - other.n_positive,
        }
    }

    /// The share of positive rows, drawn towards that of all: the m-estimate of Micci-Barreca, "A
    /// preprocessing scheme for high-cardinality categorical attributes", 2001, as scikit-learn's
    /// `TargetEncoder` has it.
    fn code(self, all: Self, smoothing: f64) -> f32 {
        let share = all.n_positive as f64 / all.n_rows.max(1) as f64;
        let weight = self.n_rows as f64 + smoothing;
        if weight > 0.0 {
            ((self.n_positive as f64 + smoothing * share) / weight) as f32
        } else {
            share as f32
        }
    }
}

/// The rows of each level, then those of none.
struct Sums {
    classes: Vec<Sum>,
    total: Sum,
    /// The level of each row.
    positions: Vec<usize>,
}

impl Sums {
    fn of(data: &Dataset, column_idx: usize, levels: &Levels) -> Self {
        // The positions are the values of an ordinal code with a number for everything else.
        let n_levels = levels.values.len();
        let ordinal = lookup(0, levels, (0..=n_levels).map(|code| code as f32));
        Self::by(data, column_idx, &ordinal, n_levels)
    }

    fn by(data: &Dataset, column_idx: usize, ordinal: &Column<'_>, n_levels: usize) -> Self {
        let kind = data.columns().0[column_idx].kind;
        let values = data.features().column(column_idx);
        let positions = values.iter().map(|x| ordinal.value(*x, kind) as usize);
        let positions: Vec<usize> = positions.collect();
        let (mut classes, mut total) = (vec![Sum::default(); n_levels + 1], Sum::default());
        for (position, is_positive) in positions.iter().zip(data.labels()) {
            classes[*position].add(*is_positive);
            total.add(*is_positive);
        }
        Self {
            classes,
            total,
            positions,
        }
    }
}

/// `after` with each target code from the rows of the other folds. `data` has the rows as they came, by
/// whose equality folds are made; `before` and `after` are before and after the step `columns`.
pub(super) fn out_of_fold(
    data: &Dataset,
    before: &Dataset,
    after: &Dataset,
    columns: &[Column<'static>],
    smoothing: f64,
    seed: u64,
) -> Dataset {
    let folds = grouped_folds(data, &RowGroups::of(data), N_FOLDS, seed);
    let mut features = after.features().clone();
    for (column_idx, column) in columns.iter().enumerate() {
        let Column::Lookup { levels, values, .. } = column else {
            continue;
        };
        let n_levels = values.len() / 4 - 1;
        let positions = (0..=n_levels).flat_map(|code| (code as f32).to_le_bytes());
        let ordinal = Column::Lookup {
            column: 0,
            levels: levels.clone(),
            values: positions.collect(),
        };
        let sums = Sums::by(before, column.source(), &ordinal, n_levels);
        let mut held_out = vec![(vec![Sum::default(); n_levels + 1], Sum::default()); N_FOLDS];
        let rows = sums.positions.iter().zip(data.labels()).zip(&folds);
        for ((position, is_positive), fold) in rows.clone() {
            let (classes, total) = &mut held_out[*fold];
            classes[*position].add(*is_positive);
            total.add(*is_positive);
        }
        for (row_idx, ((position, _), fold)) in rows.enumerate() {
            let (classes, total) = &held_out[*fold];
            let rest = sums.classes[*position].without(classes[*position]);
            let all = sums.total.without(*total);
            features[[row_idx, column_idx]] = rest.code(all, smoothing);
        }
    }
    let (values, _) = features.into_raw_vec_and_offset();
    after.with_columns(after.columns().clone(), values)
}
