//! The `trainer` binary, run as a user runs it.

mod bench_rows;
mod determinism;
mod dialects;
mod errors;
mod fixtures;
mod quality;
mod run;
mod sample;
mod score;
mod train;
