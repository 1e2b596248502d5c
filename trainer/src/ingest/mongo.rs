//! Rows of a MongoDB collection, and rows into one.

mod collection;
mod mongo_table;
mod push;

pub(crate) use mongo_table::MongoTable;
pub use push::{PushCounts, push_data};
