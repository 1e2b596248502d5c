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
    let mut first_node = 0;
    for (tree, tree_size) in trees.tree_sizes.iter().enumerate() {
        let (mut node, mut size, mut leaf) = (first_node, tree_size as usize, first_node + tree);
        while size > 0 {
            let condition_idx = trees.node_conditions.get(node).unwrap_or(0) as usize;
            let left = trees.left_sizes.get(node).unwrap_or(0) as usize;
            let Some(condition) = trees.condition(condition_idx) else {
                break;
            };
            if goes_left(
                trees,
                model.schema(),
                condition,
                row[usize::from(condition.feature_idx)],
            ) {
                node += 1;
                size = left;
            } else {
                node += 1 + left;
                leaf += 1 + left;
                size -= 1 + left;
            }
        }
        leaves.push(leaf);
        first_node += tree_size as usize;
    }
    Ok(leaves)
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
