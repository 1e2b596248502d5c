//! The store as the component needs it.

use std::fmt::Write as _;

/// The largest value written, in bytes. Every store behind Spin takes 1 MB.
pub const MAX_VALUE: usize = 500_000;

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key-value store: {reason}")]
pub struct StoreError {
    /// What it says.
    pub reason: String,
}

/// Keys that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// In no order.
    pub found: Vec<String>,
    /// Whether there are more.
    pub more: bool,
}

/// Values by key, shared by all instances. One key is written at a time: the store has no transactions.
#[allow(
    async_fn_in_trait,
    reason = "a component has one thread: no future need be sent"
)]
pub trait KeyValue {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be known.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes a value.
    ///
    /// # Errors
    /// [`StoreError`] where it may not be written.
    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;

    /// Removes a key, which need not be there.
    ///
    /// # Errors
    /// [`StoreError`] where it may still be there.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// The keys that begin with a prefix, at most so many.
    ///
    /// # Errors
    /// [`StoreError`] where they cannot be listed.
    async fn keys(&self, prefix: &str, max: usize) -> Result<Keys, StoreError>;
}

/// 128 random bits as hexadecimal digits.
#[must_use]
pub fn random_text(bits: [u8; 16]) -> String {
    bits.iter()
        .fold(String::with_capacity(32), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
