//! `cargo xtask bench search`: how long a search takes beside scikit-learn's.

use super::trainer_bench::TrainerBench;

pub(crate) const BENCH: TrainerBench = TrainerBench {
    program: "search_grid.py",
    options: &["--json", "--rounds", "--seed"],
    flags: &[],
    works_in_a_folder: false,
};
