//! Signs releases: keys on the disk, and manifests that an edge can trust.
//!
//! What a signed release is stands in `schema/RELEASE.md`; verifying is the schema crate's.

mod error;
mod golden;
mod key_file;
mod release;
mod signed_store;
mod signers;

pub use error::SigningError;
pub use golden::golden_rows;
pub use key_file::{generate_key, read_key, read_keys, write_key};
pub use release::{ReleasePlan, plan_release};
pub use signed_store::SignedStore;
pub use signers::Signers;
