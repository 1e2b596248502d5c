//! The Spin component under `edge-runtime spin-up`, end to end: what it answers, records and loads, while instances are
//! reused or not, fail, and the host is started again.

mod aggregates;
mod isolation;
mod key_sets;
mod records;
mod releases;
mod shadow;
mod stand;
