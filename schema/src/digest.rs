//! SHA-256 digests: one type for each thing that is digested, so that they cannot be mixed up.

use core::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

macro_rules! digest_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "serde_bytes")] pub [u8; 32]);

        impl $name {
            /// The digest of `bytes`.
            #[must_use]
            pub fn of(bytes: &[u8]) -> Self {
                Self(sha256(bytes))
            }
        }

        impl fmt::Display for $name {
            /// Writes `sha256:` and 64 lower-case hexadecimal digits.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("sha256:")?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

digest_type!(
    /// Identifies a [`FeatureSchema`](crate::FeatureSchema) by its content.
    SchemaDigest
);
digest_type!(
    /// Identifies an artifact by the bytes of its file.
    ArtifactDigest
);
digest_type!(
    /// Identifies the rows and labels that a model was trained on.
    DataDigest
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_as_hex() {
        // The SHA-256 of the empty string, FIPS 180-4.
        assert_eq!(
            ArtifactDigest::of(b"").to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
