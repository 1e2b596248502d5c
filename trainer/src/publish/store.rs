//! Where releases lie: as much of a file system or a bucket as they need.

use crate::publish::directory_store::DirectoryStore;
use crate::publish::error::PublishError;

/// Which content a name had when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(pub(super) String);

/// Where releases lie. Names are relative, with slashes: `releases/1/model.picket`.
pub trait ReleaseStore {
    /// The store's address, without credentials.
    fn address(&self) -> String;

    /// Reads a whole file of at most `max_bytes`; `None` where there is none.
    ///
    /// # Errors
    /// [`PublishError::Store`] where it cannot be read, [`PublishError::Damaged`] where it is larger.
    fn read(&self, name: &str, max_bytes: u64)
    -> Result<Option<(Vec<u8>, Revision)>, PublishError>;

    /// Creates a file, whole or not at all, in one step; `false` where there is one already, which
    /// is left as it is.
    ///
    /// # Errors
    /// [`PublishError::Store`] where it cannot be written.
    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, PublishError>;

    /// Replaces a file, whole or not at all, in one step, where its content is still `expected`;
    /// `false` where it is not.
    ///
    /// # Errors
    /// [`PublishError::Store`] where it cannot be written.
    fn replace(&self, name: &str, bytes: &[u8], expected: &Revision) -> Result<bool, PublishError>;

    /// The names of the folders in a folder, in any order.
    ///
    /// # Errors
    /// [`PublishError::Store`] where they cannot be listed.
    fn folders(&self, name: &str) -> Result<Vec<String>, PublishError>;
}

/// Opens the store at a destination: a directory, or `s3://bucket/prefix`.
///
/// # Errors
/// [`PublishError::Destination`] for an address of another kind.
pub fn open_store(destination: &str) -> Result<Box<dyn ReleaseStore>, PublishError> {
    if destination.starts_with("s3://") {
        return open_bucket(destination);
    }
    if destination.is_empty() || destination.contains("://") {
        return Err(PublishError::Destination {
            found: destination.to_owned(),
            expected: "a directory, or s3://bucket/prefix",
        });
    }
    Ok(Box::new(DirectoryStore::new(destination.as_ref())))
}

#[cfg(feature = "s3")]
fn open_bucket(destination: &str) -> Result<Box<dyn ReleaseStore>, PublishError> {
    use crate::publish::s3_store::{S3Settings, S3Store};
    Ok(Box::new(S3Store::open(
        destination,
        &S3Settings::default(),
    )?))
}

#[cfg(not(feature = "s3"))]
fn open_bucket(destination: &str) -> Result<Box<dyn ReleaseStore>, PublishError> {
    Err(PublishError::Destination {
        found: destination.to_owned(),
        expected: "a directory: this trainer was built without the feature s3",
    })
}
