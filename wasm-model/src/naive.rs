//! The obvious scorer: every node is a raw comparison of the row with the condition as it stands
//! in the file. It is slow, and it is the oracle that the fast scorer must match bit for bit.

use picket_schema::artifact::{
    Condition, IntTable, Kernel, ModelColumns, ModelTable, Neighbours, Operator, PackedRows, Test,
    Trees,
};
use picket_schema::{Feature, FeatureSchema, Margin};

use crate::model::{Model, Scored, margin_of};
use crate::neighbours::Ring;
use crate::row::{RowError, check_row};
use crate::row_distances::{ColumnMetric, squared_distance};
use crate::{kernel, linear, neighbours};

/// Whether a row's value goes left at a condition.
#[must_use]
pub fn goes_left(trees: &Trees<'_>, schema: &FeatureSchema, condition: Condition, x: f32) -> bool {
    match condition.test {
        Test::Threshold(_) if x.is_nan() => condition.missing_left,
        Test::Threshold(threshold) => match trees.operator {
            Operator::LessEqual => x <= threshold,
            Operator::Less => x < threshold,
        },
        Test::CategorySet(first_word) => {
            let feature = &schema.features[usize::from(condition.feature_idx)];
            match Feature::category_code(feature.categories().len(), x) {
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

/// The position of the leaf that a row reaches in each tree, counted over all trees. Shape: `(n_trees,)`; empty
/// of a model that is not a table of trees.
///
/// # Errors
/// [`RowError`] for a row of the wrong length.
pub fn leaves(model: &Model<'_>, row: &[f32]) -> Result<Vec<usize>, RowError> {
    check_row(model, row)?;
    Ok(match &model.artifact().model {
        ModelTable::Trees(trees) => leaves_of(trees, model.schema(), row),
        _ => Vec::new(),
    })
}

fn leaves_of(trees: &Trees<'_>, schema: &FeatureSchema, row: &[f32]) -> Vec<usize> {
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
            if !goes_left(trees, schema, condition, x) {
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
    check_row(model, row)?;
    Ok(Margin(match &model.artifact().model {
        ModelTable::Blend(blend) => blend.members.iter().fold(blend.bias, |sum, member| {
            sum + member.weight * member_margin(model, &member.model, row)
        }),
        table => member_margin(model, table, row),
    }))
}

/// The margin of a model that is no blend.
fn member_margin(model: &Model<'_>, table: &ModelTable<'_>, row: &[f32]) -> f64 {
    let (schema, columns) = (model.schema(), model.columns());
    match table {
        ModelTable::Trees(trees) => {
            let leaves = leaves_of(trees, schema, row).into_iter();
            let values = leaves.map(|leaf| i64::from(trees.leaf_value(leaf).unwrap_or(0)));
            margin_of(trees, values.sum()).0
        }
        ModelTable::Linear(table) => linear::margin(table, schema, row).0,
        ModelTable::Neighbours(table) => neighbours_margin(table, columns, row),
        ModelTable::Kernel(table) => kernel_margin(table, columns, row),
        // The reader takes no blend in a blend.
        ModelTable::Blend(_) => f64::NAN,
    }
}

/// The squared distance of a row to each stored row. Shape: `(n_rows,)`.
fn squared_distances(rows: &PackedRows<'_>, metric: &[ColumnMetric], row: &[f32]) -> Vec<f64> {
    let decoder = rows.decoder();
    let mut stored = vec![0.0; decoder.n_columns()];
    let distance = |index| {
        decoder.decode(rows, index, &mut stored);
        let (mut sum, mut n_present) = (0.0, 0);
        for ((column, x), stored) in metric.iter().zip(row).zip(&stored) {
            let term = column.term(*x, *stored);
            if !term.is_nan() {
                sum += term;
                n_present += 1;
            }
        }
        squared_distance(sum, n_present, row.len())
    };
    (0..rows.n_rows as usize).map(distance).collect()
}

fn neighbours_margin(table: &Neighbours<'_>, columns: &ModelColumns, row: &[f32]) -> f64 {
    let distances = squared_distances(&table.rows, &neighbours::metric_of(table, columns), row);
    let mut order: Vec<usize> = (0..distances.len()).collect();
    order.sort_by(|a, b| distances[*a].total_cmp(&distances[*b]));
    let rings = order.chunk_by(|a, b| distances[*a] == distances[*b]);
    let rings = rings.map(|rows| {
        let sum = |table: &IntTable<'_>| {
            let numbers = rows.iter().map(|row| table.get(*row).unwrap_or(0));
            numbers.map(u64::from).sum()
        };
        Ring {
            squared_distance: distances[rows[0]],
            count: sum(&table.counts),
            positive: sum(&table.positives),
        }
    });
    let rings: Vec<Ring> = rings.collect();
    neighbours::share(table, &rings)
}

fn kernel_margin(table: &Kernel<'_>, columns: &ModelColumns, row: &[f32]) -> f64 {
    let distances = squared_distances(&table.rows, &kernel::metric_of(table, columns), row);
    let terms = table.iter_coefficients().zip(distances);
    terms.fold(table.bias, |sum, (coefficient, squared_distance)| {
        sum + coefficient * kernel::closeness(table, squared_distance)
    })
}
