//! Publishes models: releases in a directory or a bucket, numbered, never changed.
//!
//! ```text
//! releases/<number>/model.picket   the artifact
//! releases/<number>/card.md        the model card for people
//! releases/<number>/card.json      the model card for programs
//! releases/<number>/manifest.json  what the release is; written last: without it there is no release
//! releases/<number>/release.dsse.json  the signed manifest (`trainer sign --to`): without it no edge takes the release
//! channels/champion.json           which release is in use
//! log/<number>/entry.json          what was done, in entries chained by digests
//! log/head.dsse.json               the newest signed promotion: edges hold releases against it
//! ```
//!
//! Whoever creates the first file of a number has the number; nothing that exists is ever written
//! again, but for the channel, which changes by compare-and-swap. A rollback is a new release with
//! the old artifact, so numbers tell an edge which of two releases is the later decision.

mod card;
mod channel;
mod directory_store;
mod error;
mod listing;
mod log;
mod manifest;
mod publisher;
mod releases;
#[cfg(feature = "s3")]
mod s3_store;
mod store;

pub use channel::Channel;
pub use directory_store::DirectoryStore;
pub use error::PublishError;
pub use listing::{KnownManifests, Listed};
pub use log::{Deed, PublishLog, VerifiedLog};
pub use manifest::{PAYLOAD_TYPE, ReleaseFile, ReleaseManifest};
pub use publisher::user_and_host;
pub use releases::{Package, Releases};
#[cfg(feature = "s3")]
pub use s3_store::{S3Settings, S3Store};
pub use store::{ReleaseStore, Revision, open_store};
