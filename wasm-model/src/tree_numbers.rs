//! The tables of the trees as plain numbers, for who reads all of them.

use picket_schema::artifact::{IntTable, Trees};

/// All numbers of a table, unsigned. The width is looked at once, not for each.
fn numbers(table: &IntTable<'_>) -> Vec<u32> {
    match table.width {
        8 => table.bytes.iter().map(|byte| u32::from(*byte)).collect(),
        16 => {
            let words = table.bytes.as_chunks::<2>().0.iter();
            words
                .map(|word| u32::from(u16::from_le_bytes(*word)))
                .collect()
        }
        _ => table.iter().collect(),
    }
}

/// The numbers that a table's numbers stand for. A position past the end cannot pass validation.
fn looked_up(mut positions: Vec<u32>, values: &[u8]) -> Vec<u32> {
    let values = values.as_chunks::<4>().0;
    for position in &mut positions {
        let value = values.get(*position as usize).copied();
        *position = u32::from_le_bytes(value.unwrap_or_default());
    }
    positions
}

/// Shape: `(n_nodes,)`.
pub(crate) fn node_conditions(trees: &Trees<'_>) -> Vec<u32> {
    numbers(&trees.node_conditions)
}

/// In fixed-point units. Shape: `(n_leaves,)`.
pub(crate) fn leaf_values(trees: &Trees<'_>) -> Vec<i32> {
    let numbers = numbers(&trees.leaves);
    if !trees.leaf_values.is_empty() {
        let values = looked_up(numbers, &trees.leaf_values).into_iter();
        return values.map(u32::cast_signed).collect();
    }
    let signed = |number: u32| trees.leaves.signed(number);
    numbers.into_iter().map(signed).collect()
}

/// As [`leaf_values`], but of each distinct value where leaves share them. Shape: `(n_values,)`.
pub(crate) fn distinct_leaf_values(trees: &Trees<'_>) -> Vec<i32> {
    if trees.leaf_values.is_empty() {
        return leaf_values(trees);
    }
    let values = trees.leaf_values.as_chunks().0.iter();
    values.map(|value| i32::from_le_bytes(*value)).collect()
}

/// The training weight of each leaf. Shape: `(n_leaves,)`.
pub(crate) fn covers(trees: &Trees<'_>) -> Vec<u32> {
    let numbers = numbers(&trees.covers);
    if trees.cover_values.is_empty() {
        numbers
    } else {
        looked_up(numbers, &trees.cover_values)
    }
}
