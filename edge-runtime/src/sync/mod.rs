//! Releases in: the edge keeps itself on the newest release that it can trust.
//!
//! A [`ReleaseSource`] gives bytes and is trusted with nothing. [`ReleaseSync::poll`] takes them through
//! the verification of the schema crate, lets a [`ReleaseHost`] load the models and score the golden rows,
//! keeps release and marks in a [`StateDir`], and only then swaps. Whatever goes wrong, the last good
//! release goes on answering, until it is older than the configuration allows.

mod directory;
mod golden;
mod http_source;
mod poller;
mod release_host;
mod release_sync;
mod s3;
mod source;
mod state;
mod sync_error;
mod sync_metrics;

pub use directory::DirectorySource;
pub use golden::check_golden;
pub use http_source::{HttpSource, HttpTimeouts};
pub use poller::Poller;
pub(crate) use poller::unix_time;
pub use release_host::{LoadedModels, ReleaseFiles, ReleaseHost};
pub use release_sync::{Outcome, ReleaseSync, SyncConfig};
pub use s3::{S3Credentials, S3Source};
pub use source::{Fetched, ReleaseSource, SourceError, SourcePath, open_source};
pub use state::{StateDir, StateError};
pub use sync_error::SyncError;
pub use sync_metrics::SyncMetrics;
