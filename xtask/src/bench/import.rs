//! `cargo xtask bench import`: imported models beside the libraries that they come from.

use super::trainer_bench::TrainerBench;

pub(crate) const BENCH: TrainerBench = TrainerBench {
    program: "import_parity.py",
    options: &["--json", "--only", "--rows", "--seed"],
    flags: &[],
    works_in_a_folder: false,
};
