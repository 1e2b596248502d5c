//! From the spool to a server: batches, tried again until they are taken, each record once.

mod collector_sink;
#[cfg(test)]
mod fault_test;
mod folder_sink;
#[cfg(feature = "mongodb")]
mod mongo_setup;
#[cfg(feature = "mongodb")]
mod mongo_sink;
#[cfg(all(test, feature = "mongodb"))]
mod mongo_test;
mod pace;
mod sink;
mod uploader;

pub use collector_sink::CollectorSink;
pub(crate) use collector_sink::{Collected, CollectedOutcome};
pub use folder_sink::FolderSink;
#[cfg(feature = "mongodb")]
pub use mongo_sink::MongoSink;
pub use pace::{Hours, NoHours, Pace};
pub use sink::{Outcome, RecordSink, SinkError};
pub use uploader::{UploadMetrics, Uploader};
