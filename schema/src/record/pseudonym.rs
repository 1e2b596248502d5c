//! Names for sources that only the holder of a key can tell.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt::Write as _;

/// The shortest key: shorter ones can be tried through.
const MIN_KEY: usize = 16;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[error("the key for pseudonyms has {found} bytes; expected at least {MIN_KEY}")]
pub struct KeyTooShort {
    found: usize,
}

/// Makes pseudonyms with one key: HMAC-SHA256, the first 128 bits as hexadecimal digits.
#[derive(Clone)]
pub struct Pseudonyms(Hmac<Sha256>);

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    /// Takes a key; white space around it does not count.
    ///
    /// # Errors
    /// [`KeyTooShort`].
    pub fn new(key: &[u8]) -> Result<Self, KeyTooShort> {
        let key = key.trim_ascii();
        let too_short = KeyTooShort { found: key.len() };
        if key.len() < MIN_KEY {
            return Err(too_short);
        }
        Hmac::new_from_slice(key).map(Self).map_err(|_| too_short)
    }

    /// The pseudonym of a source.
    #[must_use]
    pub fn of(&self, source: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(source);
        let tag = mac.finalize().into_bytes();
        tag[..16]
            .iter()
            .fold(String::with_capacity(32), |mut text, byte| {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_start_of_the_hmac() -> Result<(), KeyTooShort> {
        // RFC 4231, test case 3: the key and the data are repeated bytes.
        let pseudonyms = Pseudonyms::new(&[0xaa; 20])?;
        assert_eq!(
            pseudonyms.of(&[0xdd; 50]),
            "773ea91e36800e46854db8ebd09181a7"
        );
        assert_eq!(format!("{pseudonyms:?}"), "Pseudonyms");
        assert!(Pseudonyms::new(b"  short key \n").is_err());
        Ok(())
    }
}
