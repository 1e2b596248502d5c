//! Why the host does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use picket_schema::ArtifactError;

use crate::spool::SpoolError;
use crate::sync::{SourceError, SyncError};

/// Why the host does not start. Each says what to do where that is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The model's file cannot be read.
    #[error("cannot read the model {}: {source}", .path.display())]
    ModelUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The model's file is not an artifact.
    #[error("{} is not a model: {source}", .path.display())]
    ModelInvalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ArtifactError,
    },
    /// The component's file cannot be read.
    #[error(
        "cannot read the scorer component {}: {source}; `cargo xtask build-wasm` builds it, and \
         --component or PICKET_SCORER_COMPONENT says where it is",
        .path.display()
    )]
    ComponentUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The component's file is not a scorer component.
    #[error("not a scorer component: {reason}; `cargo xtask build-wasm` builds it")]
    ComponentInvalid {
        /// What wasmtime says.
        reason: String,
    },
    /// wasmtime does not run here.
    #[error("cannot set wasmtime up: {reason}")]
    Engine {
        /// What wasmtime says.
        reason: String,
    },
    /// The component does not load the model.
    #[error("the scorer component does not load the model: {reason}")]
    Load {
        /// What the component or wasmtime says.
        reason: String,
    },
    /// The key set's file cannot be used.
    #[error("cannot use the trusted keys {}: {reason}; `trainer keygen` writes such a file", .path.display())]
    TrustedKeys {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The release source is none.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The state of the releases cannot be used.
    #[error("cannot keep releases: {0}")]
    ReleaseState(SyncError),
    /// Neither the source nor the disk has a release that may be served.
    #[error("no release can be served: {0}; --model names a model to serve until one can")]
    NoRelease(SyncError),
    /// A thread cannot be started.
    #[error("cannot start a thread: {source}")]
    Thread {
        /// What the system says.
        source: std::io::Error,
    },
    /// The page's folder cannot be read.
    #[error("cannot read the page's files in {}: {source}", .path.display())]
    PageUnreadable {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The page's folder holds more than a page.
    #[error("the files in {} are larger than {max} bytes together; expected a page", .path.display())]
    PageTooLarge {
        /// The folder.
        path: PathBuf,
        /// The limit.
        max: usize,
    },
    /// The spool cannot be opened.
    #[error("{0}; --spool takes another folder")]
    Spool(#[from] SpoolError),
    /// Records cannot be uploaded or collected.
    #[error("cannot upload or collect records: {reason}")]
    Upload {
        /// What is wrong.
        reason: String,
    },
    /// The system has no random numbers for ids.
    #[error("the system has no random numbers: {reason}")]
    Random {
        /// What the system says.
        reason: String,
    },
    /// The Spin component cannot be run.
    #[error("cannot run the Spin component: {reason}")]
    Spin {
        /// What is wrong.
        reason: String,
    },
    /// Everybody could come in, and nobody said that they may.
    #[error(
        "{address} is reached by others, and there are no tokens: --tokens names a file of them (`edge-runtime token \
         add` makes one), or --open lets everybody in"
    )]
    OpenDoors {
        /// The address.
        address: SocketAddr,
    },
    /// The token file cannot be used.
    #[error(transparent)]
    Tokens(#[from] picket_access::TokenError),
    /// The audit log cannot be used.
    #[error("{0}; `edge-runtime audit verify` says more, --audit-log takes another file")]
    Audit(#[from] picket_access::AuditError),
    /// The certificate or its key cannot be used.
    #[error("cannot use {} for TLS: {reason}", .path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; --listen takes another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says, such as that it is in use.
        source: std::io::Error,
    },
}

impl StartError {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "used as a function of the error"
    )]
    pub(crate) fn random(error: std::io::Error) -> Self {
        Self::Random {
            reason: error.to_string(),
        }
    }
}
