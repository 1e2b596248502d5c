//! Scoring trees fast, with the bits of the naive scorer.
//!
//! A row becomes a few small numbers (`row_codes`). For each of them a table holds which exits of
//! each tree's upper part, its front, a row with that number can still take (`picket_kernels::ExitMasks`); the AND of
//! all of them leaves the exit that the row takes as the lowest bit. Most exits are leaves; where one is
//! not, the rest of the tree is walked (`picket_kernels::Tails`). Making these tables takes as long as scoring some
//! rows, so the first rows are scored without (`walk`).

mod bit_steps;
mod fast_trees;
mod fronts;
mod row_codes;
mod walk;

pub(crate) use fast_trees::{CHUNK_ROWS, FastTrees, Scratch};
pub(crate) use walk::sum_of_leaves;
