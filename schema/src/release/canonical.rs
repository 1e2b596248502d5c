//! Canonical JSON: what is signed has one form only.
//!
//! The form is that of RFC 8785 for the values used here: keys in order, no white space, whole
//! numbers up to 2^53 - 1, printable ASCII texts. The structs list their fields in the order of the keys.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ReleaseError;

/// Writes a value.
pub(super) fn write<T: Serialize>(value: &T) -> Result<Vec<u8>, ReleaseError> {
    serde_json::to_vec(value).map_err(|error| ReleaseError::PayloadMalformed {
        reason: error.to_string(),
    })
}

/// Reads a value that stands in its one form.
pub(super) fn read<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, ReleaseError> {
    let value: T =
        serde_json::from_slice(bytes).map_err(|error| ReleaseError::PayloadMalformed {
            reason: error.to_string(),
        })?;
    let written = write(&value)?;
    if written != bytes {
        let offset = written
            .iter()
            .zip(bytes)
            .position(|(expected, found)| expected != found)
            .unwrap_or(written.len().min(bytes.len()));
        return Err(ReleaseError::NotCanonical { offset });
    }
    Ok(value)
}
