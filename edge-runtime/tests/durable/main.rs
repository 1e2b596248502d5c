//! The real program and the real MongoDB driver: what a spool's commands do, what faults cost, what a kill leaves.
//!
//! Servers are those of `cargo xtask test`; a test whose server is not there says that it skips.

mod collector;
mod disk_full;
mod kills;
mod mongo;
mod mongo_faults;
mod program;
mod relay;
mod spool_commands;

type Tested = Result<(), Box<dyn std::error::Error>>;
