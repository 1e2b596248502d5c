//! The secret part of a token, and its digest.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::TokenError;

/// Starts every secret that is made here, so that scanners for leaked secrets find it.
const PREFIX: &str = "picket_";
/// The longest secret that is looked at: hashing more would be work for strangers.
const MAX_LEN: usize = 512;
/// The shortest secret that may be brought along: with fewer characters a fast digest can be searched.
const MIN_LEN: usize = 32;

/// SHA-256 of a secret.
///
/// A password needs a slow, salted hash because it can be guessed. A secret of 256 random bits cannot be:
/// trying 2²⁵⁶ of them takes longer than there is, fast hash or slow. So the check may cost a microsecond,
/// and strangers cannot keep the server busy with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SecretDigest([u8; 32]);

impl SecretDigest {
    pub(crate) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// The digest of what a client presents; `None` where it is too long to be a secret.
    pub(crate) fn of_presented(presented: &str) -> Option<Self> {
        (presented.len() <= MAX_LEN).then(|| Self::of(presented))
    }

    /// Takes the same time wherever the first difference is.
    pub(crate) fn matches(&self, other: &Self) -> subtle::Choice {
        self.0.ct_eq(&other.0)
    }

    pub(crate) fn to_hex(self) -> String {
        hex(&self.0)
    }

    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }
}

/// A new secret of 256 random bits.
pub(crate) fn generate() -> Result<String, TokenError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| TokenError::Random {
        reason: error.to_string(),
    })?;
    Ok(format!("{PREFIX}{}", hex(&bytes)))
}

/// Whether a secret that somebody brings along can be one.
pub(crate) fn is_strong(secret: &str) -> bool {
    let shown = secret.bytes().all(|byte| byte.is_ascii_graphic());
    let mut seen = [false; 128];
    for byte in secret.bytes().filter(u8::is_ascii) {
        seen[usize::from(byte)] = true;
    }
    let n_distinct = seen.iter().filter(|it| **it).count();
    shown && (MIN_LEN..=MAX_LEN).contains(&secret.len()) && n_distinct >= 10
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Lower-case hexadecimal of 32 bytes.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 64 {
        return None;
    }
    let mut bytes = [0_u8; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_read_back_in_one_form() {
        let bytes: [u8; 32] = std::array::from_fn(|idx| (idx * 37 + 9) as u8);
        let text = hex(&bytes);
        assert!(text.starts_with("092e5378"), "{text}");
        assert_eq!(unhex(&text), Some(bytes));
        for wrong in [&text[1..], &text.to_uppercase(), &format!("{text}0"), ""] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn secrets_are_long_random_and_strong() {
        let (one, two) = (generate().expect("random"), generate().expect("random"));
        assert_ne!(one, two);
        assert_eq!(one.len(), PREFIX.len() + 64);
        assert!(is_strong(&one));
        let spaced = format!("{one} ");
        for weak in ["", "short", &"a".repeat(64), &spaced, &"é".repeat(40)] {
            assert!(!is_strong(weak), "{weak:?}");
        }
    }
}
