//! The records of edge nodes where they lie: in MongoDB, or in a folder.
//!
//! Both are a [`RecordStore`]. What may be a record is said by the schema crate; a document that is none is counted
//! and passed over, never believed. `docs/records.md` is the written form.

mod error;
mod folder_store;
mod labelled_rows;
mod labels;
#[cfg(feature = "mongodb")]
mod mongo_store;
#[cfg(feature = "parquet")]
mod parquet_rows;
mod store;

pub use error::RecordsError;
pub use folder_store::FolderStore;
pub use labelled_rows::{Conflicts, JoinCounts, LabelledRow, LabelledRows};
pub use labels::{JoinedLabel, LabelCounts, LabelTable};
#[cfg(feature = "mongodb")]
pub use mongo_store::MongoStore;
pub use store::{ErasedRecords, Expiry, ReadCounts, RecordQuery, RecordStore, open_records};
