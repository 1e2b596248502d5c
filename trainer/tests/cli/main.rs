//! The `trainer` binary, run as a user runs it.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

mod accept;
mod bench_rows;
mod determinism;
mod dialects;
mod drift;
mod errors;
mod evaluate;
mod fit;
mod fixtures;
mod import;
mod pipeline;
mod quality;
mod releases;
mod retune;
mod run;
mod sample;
mod score;
mod train;
mod transform;
mod validate;
