//! `trainer serve`, `trainer worker` and `trainer token`, run as they are in service.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

mod audit;
mod bench;
mod client;
mod dashboard;
mod frozen;
mod jobs;
mod old_clients;
mod process;
mod queue_probe;
mod reaping;
mod redis;
mod redis_tls;
mod releases;
mod schedule;
mod signed;
mod supervision;
mod takeover;
mod telling;
mod tokens;
mod triggers;
