//! `cargo xtask bench quality`: how good the pipeline's models are beside tuned peers.

use super::trainer_bench::TrainerBench;

pub(crate) const BENCH: TrainerBench = TrainerBench {
    program: "quality.py",
    options: &[
        "--json",
        "--only",
        "--splits",
        "--draws",
        "--folds",
        "--pipeline",
        "--seed",
        "--threads",
    ],
    flags: &[],
    works_in_a_folder: false,
};
