//! Reads labelled rows from where they are: CSV, TSV, gzip, Parquet, standard input, MongoDB.
//!
//! Every source is a [`Table`] of [`Cell`]s; a [`RowReader`] turns cells into numbers by the
//! schema, so that the same rows give the same [`Dataset`](crate::Dataset) wherever they come from.

mod bucket_column;
mod cell;
mod csv_table;
mod data_source;
#[cfg(feature = "mongodb")]
mod dotenv;
mod error;
mod feedback;
mod file_list;
mod gzip;
mod ingested;
mod line_counter;
#[cfg(feature = "mongodb")]
mod mongo;
#[cfg(feature = "mongodb")]
mod mongo_address;
mod mongo_source;
mod open;
#[cfg(feature = "parquet")]
mod parquet_table;
mod problem_tally;
mod quarantine;
mod row_place;
mod row_reader;
mod row_time;
mod table;

pub use bucket_column::recorded_column;
pub use cell::Cell;
pub use csv_table::CsvTable;
pub use data_source::{DataSource, FileSource};
pub use error::IngestError;
pub use feedback::{FeedbackLabels, FeedbackSource};
pub use ingested::{Ingest, IngestCounts, Ingested, InvalidRows, Labels, TableHeader};
#[cfg(feature = "mongodb")]
pub use mongo::{PushCounts, push_data};
#[cfg(feature = "mongodb")]
pub(crate) use mongo_address::MongoAddress;
pub use mongo_source::MongoSource;
pub(crate) use mongo_source::parse_object;
pub(crate) use open::{Input, PARQUET_MAGIC, open_input};
#[cfg(feature = "parquet")]
pub(crate) use parquet_table::{ParquetTable, read_column};
pub use problem_tally::{Problem, ProblemKind, ProblemTally};
pub use quarantine::Quarantine;
pub use row_place::RowPlace;
pub use row_reader::RowReader;
pub use table::Table;
