//! `cargo xtask bench quality`: how good models are.

use super::trainer_bench::TrainerBench;

pub(crate) const BENCH: TrainerBench = TrainerBench {
    program: "quality.py",
    options: &[
        "--json",
        "--only",
        "--splits",
        "--trees",
        "--models",
        "--seed",
        "--threads",
    ],
    flags: &[],
    works_in_a_folder: false,
};
