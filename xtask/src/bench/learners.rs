//! `cargo xtask bench learners`: how good each learner is beside its peers, with defaults.

use super::trainer_bench::TrainerBench;

pub(crate) const BENCH: TrainerBench = TrainerBench {
    program: "learners.py",
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
