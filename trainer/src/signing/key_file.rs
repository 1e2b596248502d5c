//! Signing keys in files that their owner alone can read.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use picket_schema::release::SigningKey;
use serde::{Deserialize, Serialize};

use super::error::SigningError;
use crate::error::TrainerError;

/// More than any key's file.
const MAX_KEY_BYTES: u64 = 4096;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyDocument {
    /// The 32 secret bytes in hexadecimal digits.
    ed25519_seed: String,
}

/// A new key out of the system's randomness, with its secret bytes.
///
/// # Errors
/// [`SigningError::Randomness`].
pub fn generate_key() -> Result<([u8; 32], SigningKey), SigningError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| SigningError::Randomness {
        reason: error.to_string(),
    })?;
    let key = SigningKey::from_seed(&seed);
    Ok((seed, key))
}

/// Writes a key's secret bytes into a new file that its owner alone can read.
///
/// # Errors
/// [`SigningError::Exists`] where there is a file already, [`TrainerError::Write`].
pub fn write_key(file: &Path, seed: &[u8; 32]) -> Result<(), TrainerError> {
    let wrong = |source| TrainerError::Write {
        file: file.to_owned(),
        source,
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // From its first moment: no one can open it between creation and a later chmod.
        options.mode(0o600);
    }
    let mut opened = options.open(file).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => TrainerError::from(SigningError::Exists {
            file: file.to_owned(),
        }),
        _ => wrong(error),
    })?;
    let mut digits = String::with_capacity(64);
    for byte in seed {
        use std::fmt::Write as _;
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    let document = KeyDocument {
        ed25519_seed: digits,
    };
    let text = serde_json::to_string(&document)? + "\n";
    opened
        .write_all(text.as_bytes())
        .and_then(|()| opened.sync_all())
        .map_err(wrong)
}

/// Reads a signing key.
///
/// # Errors
/// [`SigningError::KeyExposed`] where others can read it too, [`SigningError::NotAKey`],
/// [`TrainerError::Read`].
pub fn read_key(file: &Path) -> Result<SigningKey, TrainerError> {
    let wrong = |source| TrainerError::Read {
        file: file.display().to_string(),
        source,
    };
    let opened = File::open(file).map_err(wrong)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = opened.metadata().map_err(wrong)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let file = file.to_owned();
            return Err(SigningError::KeyExposed { file, mode }.into());
        }
    }
    let mut text = String::new();
    opened
        .take(MAX_KEY_BYTES)
        .read_to_string(&mut text)
        .map_err(wrong)?;
    // What the reader says of a key's text could hold a part of it, so it is not passed on.
    let key = serde_json::from_str(&text)
        .ok()
        .and_then(|document: KeyDocument| seed_of(&document.ed25519_seed));
    let seed = key.ok_or_else(|| SigningError::NotAKey {
        file: file.to_owned(),
    })?;
    Ok(SigningKey::from_seed(&seed))
}

/// Reads signing keys.
///
/// # Errors
/// As [`read_key`].
pub fn read_keys(files: &[std::path::PathBuf]) -> Result<Vec<SigningKey>, TrainerError> {
    files.iter().map(|file| read_key(file)).collect()
}

fn seed_of(digits: &str) -> Option<[u8; 32]> {
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut seed = [0; 32];
    for (idx, byte) in seed.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * idx..2 * idx + 2], 16).ok()?;
    }
    Some(seed)
}
