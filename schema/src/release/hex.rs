//! Bytes as lower-case hexadecimal digits, and digests as text in JSON.

use core::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serializer, de};

use super::key::KeyId;
use super::manifest::PayloadDigest;
use crate::digest::{ArtifactDigest, SchemaDigest};

/// Two digits a byte.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes of an even number of lower-case digits.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?))
        .collect()
}

/// As [`decode`], for a known number of bytes.
pub(super) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    // The length first: a hostile text may be long.
    (text.len() == 2 * N)
        .then(|| decode(text)?.try_into().ok())
        .flatten()
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// A SHA-256 digest of any type.
pub(super) trait Sha256: Sized {
    fn bytes(&self) -> &[u8; 32];
    fn of_bytes(bytes: [u8; 32]) -> Self;
}

macro_rules! sha256 {
    ($($digest:ty),*) => {$(
        impl Sha256 for $digest {
            fn bytes(&self) -> &[u8; 32] {
                &self.0
            }

            fn of_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
        }
    )*};
}

sha256!(ArtifactDigest, SchemaDigest, KeyId, PayloadDigest);

impl Sha256 for [u8; 32] {
    fn bytes(&self) -> &[u8; 32] {
        self
    }

    fn of_bytes(bytes: [u8; 32]) -> Self {
        bytes
    }
}

/// A digest in JSON: `sha256:` and 64 digits.
pub(super) mod sha256_text {
    use super::{Deserialize, Deserializer, Serializer, Sha256, de, decode_array, encode};

    pub(in crate::release) fn text(digest: &impl Sha256) -> String {
        format!("sha256:{}", encode(digest.bytes()))
    }

    pub(in crate::release) fn parse<D: Sha256>(text: &str) -> Option<D> {
        decode_array(text.strip_prefix("sha256:")?).map(D::of_bytes)
    }

    pub(in crate::release) fn serialize<D: Sha256, S: Serializer>(
        digest: &D,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(digest))
    }

    pub(in crate::release) fn deserialize<'de, D: Sha256, De: Deserializer<'de>>(
        deserializer: De,
    ) -> Result<D, De::Error> {
        let found = String::deserialize(deserializer)?;
        parse(&found).ok_or_else(|| {
            de::Error::custom("expected sha256: and 64 lower-case hexadecimal digits")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pairs_of_lower_case_digits_are_bytes() {
        assert_eq!(decode("00ff7a"), Some(vec![0, 255, 0x7a]));
        for wrong in ["0", "0F", "0g", "é1", " 0"] {
            assert_eq!(decode(wrong), None, "{wrong:?}");
        }
        assert_eq!(decode_array::<2>("0102"), Some([1, 2]));
        assert_eq!(decode_array::<2>("010203"), None);
    }
}
