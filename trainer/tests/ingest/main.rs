//! Rows come out the same whatever they come in, and what is wrong with them is kept.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

mod feedback;
#[cfg(feature = "parquet")]
mod parquet_files;
mod quarantine;
mod rows;
mod text_files;
