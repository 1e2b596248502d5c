//! The obvious scorer: every node is a raw comparison of the row with the condition as it stands
//! in the file. It is slow, and it is the oracle that the fast scorer must match bit for bit.

use picket_schema::artifact::{
    Condition, ModelColumns, ModelTable, NeighbourImputer, NeighbourWeights, Operator, Step, Test,
    Trees,
};
use picket_schema::{Feature, Margin};

use crate::model::{Model, Scored, margin_of};
use crate::row::{RowError, check_row};
use crate::{linear, naive_rows};

/// Whether a row's value goes left at a condition.
#[must_use]
pub fn goes_left(trees: &Trees<'_>, columns: &ModelColumns, condition: Condition, x: f32) -> bool {
    match condition.test {
        Test::Threshold(_) if x.is_nan() => condition.missing_left,
        Test::Threshold(threshold) => match trees.operator {
            Operator::LessEqual => x <= threshold,
            Operator::Less => x < threshold,
        },
        Test::CategorySet(first_word) => {
            let n_categories = columns.n_categories(usize::from(condition.feature_idx));
            match Feature::category_code(n_categories, x) {
                None => condition.missing_left,
                Some(code) => {
                    let word = trees
                        .category_word(first_word as usize + code / 32)
                        .unwrap_or(0);
                    word >> (code % 32) & 1 == 1
                }
            }
        }
    }
}

/// A row as the model reads it, after the steps of the transform. Shape: `(n_columns,)`.
///
/// # Errors
/// [`RowError`] for a row of the wrong length.
pub fn columns(model: &Model<'_>, row: &[f32]) -> Result<Vec<f32>, RowError> {
    check_row(model, row)?;
    let mut row = row.to_vec();
    let mut kinds = ModelColumns::from(model.schema());
    for step in &model.artifact().transform.0 {
        row = match step {
            Step::Fill(_) => (0..row.len())
                .map(|idx| match step.fill_value(idx) {
                    Some(value) if kinds.0[idx].kind.is_missing(row[idx]) => value,
                    _ => row[idx],
                })
                .collect(),
            Step::Neighbours(imputer) => {
                let mut filled = row.clone();
                for (position, column) in imputer.iter_columns().enumerate() {
                    if row[column].is_nan()
                        && let Some(value) = neighbours_value(imputer, &row, position)
                    {
                        filled[column] = value as f32;
                    }
                }
                filled
            }
            Step::Columns(columns) => columns
                .iter()
                .map(|column| column.value(row[column.source()], kinds.0[column.source()].kind))
                .collect(),
        };
        kinds = step.columns(&kinds);
    }
    Ok(row)
}

/// What the nearest training rows say of the value of a row in the imputer's column `position`, before it
/// is rounded to f32; `None` where no training row has a value there. Shape of `row`: that before the step.
#[must_use]
pub fn neighbours_value(
    imputer: &NeighbourImputer<'_>,
    row: &[f32],
    position: usize,
) -> Option<f64> {
    let n_columns = imputer.rows.n_columns();
    // The training rows with a value there: distance squared, position, value.
    let mut donors: Vec<(Option<f64>, usize, f64)> = Vec::new();
    for donor in 0..imputer.rows.n_rows as usize {
        let value = imputer.rows.value(donor, position)?;
        if value.is_nan() {
            continue;
        }
        let (mut sum, mut n_both) = (0.0, 0);
        for (idx, column) in imputer.iter_columns().enumerate() {
            let (x, y) = (row[column], imputer.rows.value(donor, idx)?);
            if !x.is_nan() && !y.is_nan() {
                let x = f64::from(x.clamp(f32::MIN, f32::MAX));
                sum += (x - f64::from(y)) * (x - f64::from(y));
                n_both += 1;
            }
        }
        let square = (n_both > 0).then(|| sum / f64::from(n_both) * n_columns as f64);
        donors.push((square, donor, f64::from(value)));
    }
    let count = |donor: usize| f64::from(imputer.counts.get(donor).unwrap_or(1));
    let mut nearest: Vec<(f64, usize, f64)> = donors
        .iter()
        .filter_map(|(square, donor, value)| Some(((*square)?, *donor, *value)))
        .collect();
    if nearest.is_empty() {
        let sum = donors
            .iter()
            .fold(0.0, |sum, (_, donor, value)| sum + count(*donor) * value);
        let n_rows = donors
            .iter()
            .fold(0.0, |n, (_, donor, _)| n + count(*donor));
        return (!donors.is_empty()).then(|| sum / n_rows);
    }
    nearest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut left = f64::from(imputer.n_neighbours);
    let (mut sum, mut weights) = (0.0, 0.0);
    for (square, donor, value) in &nearest {
        let n_taken = count(*donor).min(left);
        left -= n_taken;
        let weight = match imputer.weights {
            NeighbourWeights::Uniform => n_taken,
            NeighbourWeights::Distance if nearest[0].0 == 0.0 => {
                if *square == 0.0 {
                    n_taken
                } else {
                    0.0
                }
            }
            NeighbourWeights::Distance => n_taken / square.sqrt(),
        };
        sum += weight * value;
        weights += weight;
    }
    Some(sum / weights)
}

/// The position of the leaf that a row reaches in each tree, counted over all trees. Shape: `(n_trees,)`; empty
/// of a model that is not a table of trees.
///
/// # Errors
/// [`RowError`] for a row of the wrong length.
pub fn leaves(model: &Model<'_>, row: &[f32]) -> Result<Vec<usize>, RowError> {
    check_row(model, row)?;
    Ok(match &model.artifact().model {
        ModelTable::Trees(trees) => leaves_of(trees, model.columns(), &columns(model, row)?),
        _ => Vec::new(),
    })
}

/// Shape of `row`: `(n_columns,)`.
fn leaves_of(trees: &Trees<'_>, columns: &ModelColumns, row: &[f32]) -> Vec<usize> {
    let mut leaves = Vec::with_capacity(trees.n_trees());
    let mut start = Position::default();
    for _ in 0..trees.n_trees() {
        let mut at = start;
        while trees.is_inner(at.bit) == Some(true) {
            let condition_idx = trees.node_conditions.get(at.node).unwrap_or(0) as usize;
            let Some(condition) = trees.condition(condition_idx) else {
                break;
            };
            let x = row[usize::from(condition.feature_idx)];
            at = at.next(true);
            if !goes_left(trees, columns, condition, x) {
                at = at.after_subtree(trees);
            }
        }
        leaves.push(at.leaf);
        start = start.after_subtree(trees);
    }
    leaves
}

/// A node's place in the shape, among the inner nodes and among the leaves.
#[derive(Clone, Copy, Default)]
struct Position {
    bit: usize,
    node: usize,
    leaf: usize,
}

impl Position {
    fn next(self, is_inner: bool) -> Self {
        Self {
            bit: self.bit + 1,
            node: self.node + usize::from(is_inner),
            leaf: self.leaf + usize::from(!is_inner),
        }
    }

    /// The subtree that starts here ends where it has one leaf more than inner nodes.
    fn after_subtree(self, trees: &Trees<'_>) -> Self {
        let mut at = self;
        while at.leaf - self.leaf <= at.node - self.node {
            let Some(is_inner) = trees.is_inner(at.bit) else {
                break;
            };
            at = at.next(is_inner);
        }
        at
    }
}

/// Scores one row. Shape of `row`: `(n_features,)`.
///
/// # Errors
/// [`RowError`] for a row of the wrong length.
pub fn score(model: &Model<'_>, row: &[f32]) -> Result<Scored, RowError> {
    Ok(model.judge(margin(model, row)?))
}

/// The margin of one row. Shape of `row`: `(n_features,)`.
///
/// # Errors
/// [`RowError`] for a row of the wrong length.
pub fn margin(model: &Model<'_>, row: &[f32]) -> Result<Margin, RowError> {
    let row = columns(model, row)?;
    Ok(Margin(match &model.artifact().model {
        ModelTable::Blend(blend) => blend.members.iter().fold(blend.bias, |sum, member| {
            sum + member.weight * member_margin(&member.model, model.columns(), &row)
        }),
        table => member_margin(table, model.columns(), &row),
    }))
}

/// The margin of a model that is no blend. Shape of `row`: `(n_columns,)`.
fn member_margin(table: &ModelTable<'_>, columns: &ModelColumns, row: &[f32]) -> f64 {
    match table {
        ModelTable::Trees(trees) => {
            let leaves = leaves_of(trees, columns, row).into_iter();
            let values = leaves.map(|leaf| i64::from(trees.leaf_value(leaf).unwrap_or(0)));
            margin_of(trees, values.sum()).0
        }
        ModelTable::Linear(table) => linear::margin(table, columns, row).0,
        ModelTable::Neighbours(table) => naive_rows::neighbours_margin(table, columns, row),
        ModelTable::Kernel(table) => naive_rows::kernel_margin(table, columns, row),
        // The reader takes no blend in a blend.
        ModelTable::Blend(_) => f64::NAN,
    }
}
