//! The `trainer` binary, run as a user runs it.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

mod bench_rows;
mod determinism;
mod dialects;
mod errors;
mod fit;
mod fixtures;
mod import;
mod quality;
mod releases;
mod run;
mod sample;
mod score;
mod train;
mod validate;
