//! Signed releases: which model an edge may serve, said by keys that it trusts.
//!
//! A [`Manifest`] names the bytes of a release by digest and size. It travels as the payload of a
//! DSSE [`Envelope`], signed with Ed25519. An edge knows a [`KeySet`], the newest release that it
//! has seen and the time; [`Trust`] decides from these, and from nothing else, whether a release
//! may be served. Nothing here does I/O.
//!
//! RELEASE.md beside this crate's sources is the written format.

mod canonical;
pub mod caps;
mod envelope;
mod error;
mod golden_row;
mod hex;
mod key;
mod key_set;
mod log_entry;
mod log_mark;
mod manifest;
mod revocations;
mod tombstones;
mod trust;

pub use envelope::Envelope;
pub use error::ReleaseError;
pub use golden_row::GoldenRow;
pub use key::{KeyId, PublicKey, SigningKey};
pub use key_set::KeySet;
pub use log_entry::{LogAction, LogEntry};
pub use log_mark::{LogError, LogMark};
pub use manifest::{ArtifactRef, Challenger, Manifest, PayloadDigest, ScorerRef};
pub use revocations::Revocations;
pub use tombstones::Tombstones;
pub use trust::{HighWater, Trust, VerifiedManifest, VerifiedRelease};
