//! The learners, from outside.

mod data;
mod determinism;
mod linfa_traits;
mod linfa_tree;
mod oracle;
mod quality;
mod refusals;
mod sums;
mod unseen;
mod values;
