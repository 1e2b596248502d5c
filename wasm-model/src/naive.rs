//! The obvious scorer: every node is a raw comparison of the row with the condition as it stands
//! in the file. It is slow, and it is the oracle that the fast scorer must match bit for bit.

use picket_schema::artifact::{Condition, ModelTable, Operator, Test, Trees};
use picket_schema::{Feature, FeatureSchema, Margin};

use crate::linear;
use crate::model::{Model, Scored, margin_of};
use crate::row::{RowError, check_row};

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

/// The position of the leaf that a row reaches in each tree, counted over all trees. Shape: `(n_trees,)`.
///
/// # Errors
/// [`RowError`] for a row of the wrong length.
pub fn leaves(model: &Model<'_>, row: &[f32]) -> Result<Vec<usize>, RowError> {
    check_row(model, row)?;
    let ModelTable::Trees(trees) = &model.artifact().model else {
        return Ok(Vec::new());
    };
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
            if !goes_left(trees, model.schema(), condition, x) {
                at = at.after_subtree(trees);
            }
        }
        leaves.push(at.leaf);
        start = start.after_subtree(trees);
    }
    Ok(leaves)
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
    match &model.artifact().model {
        ModelTable::Linear(table) => Ok(linear::margin(table, model.schema(), row)),
        ModelTable::Trees(trees) => {
            let sum = leaves(model, row)?
                .into_iter()
                .map(|leaf| i64::from(trees.leaf_value(leaf).unwrap_or(0)))
                .sum();
            Ok(margin_of(trees, sum))
        }
    }
}
