//! The Spin component under `edge-runtime spin-up`, end to end: what it answers, records and loads, while instances are
//! reused or not, fail, and the host is started again.

mod isolation;
mod records;
mod releases;
mod stand;
