//! Why the service does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use picket_access::{AuditError, TokenError};
use picket_telemetry::TelemetryError;

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Without tokens everybody could train.
    #[error(
        "{}: found no tokens; expected at least one: `trainer token add NAME --role admin`, or --insecure-local on loopback",
        .file.display()
    )]
    NoTokens {
        /// The token file.
        file: PathBuf,
    },
    /// An open service listens where others can reach it.
    #[error(
        "--insecure-local: found the address {address}; expected one of this machine alone, such as 127.0.0.1:3100"
    )]
    NotLocal {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The runtime could not be started.
    #[error("the runtime could not be started")]
    Runtime(#[source] std::io::Error),
    /// Log or traces cannot begin.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The token file is wrong.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// The audit log is wrong.
    #[error("{0}{advice}", advice = audit_advice(.0))]
    Audit(#[from] AuditError),
}

impl ServeError {
    /// Whether the user can mend it.
    #[must_use]
    pub fn is_input_error(&self) -> bool {
        !matches!(self, Self::Runtime(_))
    }
}

/// What to do about a log that tells of something else than what was done.
fn audit_advice(error: &AuditError) -> &'static str {
    match error {
        AuditError::Broken { .. } => {
            "; `trainer audit verify` checks it. Ask why, then put back the whole file, or move it and its .head aside: \
             a new log begins"
        }
        _ => "",
    }
}
