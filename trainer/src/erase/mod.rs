//! Erases a subject: from the store of records, from files of labelled rows, and by signed tombstones from the spools
//! of edges that have not delivered yet.
//!
//! A subject stands in records as a pseudonym, so the key that made it is needed. What cannot be erased is said:
//! histograms and models hold no name, and models that keep training rows are listed, with how
//! many of those rows equal one that was recorded of the subject. `docs/records.md` has the rules.

mod csv_rows;
mod kept_rows;
#[cfg(feature = "parquet")]
mod parquet_rows;
mod row_file;
mod subject_rows;
mod tombstone_store;

pub use kept_rows::{KeepsRows, Kept, keeps_rows, models_with_rows, runs_with_rows};
pub use row_file::erase_rows;
pub use subject_rows::SubjectRows;
pub use tombstone_store::publish_tombstones;
