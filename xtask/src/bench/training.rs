//! `cargo xtask bench training`: time and memory of fits.

use super::trainer_bench::TrainerBench;

pub(crate) const BENCH: TrainerBench = TrainerBench {
    program: "training.py",
    options: &[
        "--json",
        "--only",
        "--shapes",
        "--rounds",
        "--threads",
        "--core",
        "--seed",
    ],
    flags: &["--no-train"],
    works_in_a_folder: true,
};
