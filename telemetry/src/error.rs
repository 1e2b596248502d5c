//! Why log or traces cannot begin.

use std::path::PathBuf;

use thiserror::Error;

/// Why log or traces cannot begin.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The log cannot be written.
    #[error("cannot write the log {}: {source}", .path.display())]
    LogFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Traces have nowhere to go.
    #[error("cannot send traces to {found}; expected an address such as http://localhost:4318")]
    Endpoint {
        /// What was found.
        found: String,
    },
    /// The share of traced requests is no share.
    #[error("cannot trace a share of {found}; expected 0 to 1")]
    Share {
        /// What was found.
        found: f64,
    },
    /// The thread that sends traces cannot be started.
    #[error("cannot start the thread that sends traces: {source}")]
    Thread {
        /// What the system says.
        source: std::io::Error,
    },
}
