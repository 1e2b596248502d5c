//! Why a release is not to be trusted.

use super::key::KeyId;
use super::manifest::PayloadDigest;
use crate::artifact::ArtifactError;
use crate::digest::{ArtifactDigest, SchemaDigest};

/// Why a release is not to be trusted, with what was expected and what was found.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The envelope is larger than any that is read.
    #[error("the envelope has {found} bytes; expected at most {expected}")]
    EnvelopeTooLarge {
        /// The limit.
        expected: usize,
        /// The envelope's size.
        found: usize,
    },
    /// The envelope is not DSSE as JSON.
    #[error("not a DSSE envelope: {reason}")]
    EnvelopeMalformed {
        /// What is wrong, and where.
        reason: String,
    },
    /// The envelope has more signatures than are looked at.
    #[error("the envelope has {found} signatures; expected at most {expected}")]
    TooManySignatures {
        /// The limit.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The envelope holds something else.
    #[error("the payload is {found:?}; expected {expected:?}")]
    WrongPayloadType {
        /// The type asked for.
        expected: String,
        /// The envelope's.
        found: String,
    },
    /// Nobody has signed.
    #[error("found no signature; expected one by a trusted key")]
    Unsigned,
    /// Only unknown keys have signed: a stranger's, or one that was taken out of the key set.
    #[error("found {found} signatures by unknown keys; expected one by a trusted key")]
    UntrustedKeys {
        /// How many signatures there are.
        found: usize,
    },
    /// A trusted key is named, and has not signed this.
    #[error("the signature that names key {key} does not fit the payload")]
    BadSignature {
        /// The key.
        key: KeyId,
    },
    /// Too few trusted keys have signed.
    #[error("found good signatures by {found} trusted keys; expected {expected}")]
    BelowThreshold {
        /// How many it takes.
        expected: usize,
        /// How many have signed.
        found: usize,
    },
    /// Bytes that are no public key, or a weak one.
    #[error("{found} is not a sound Ed25519 public key")]
    KeyInvalid {
        /// The bytes.
        found: String,
    },
    /// The payload is not what its type says.
    #[error("the payload cannot be read: {reason}")]
    PayloadMalformed {
        /// What is wrong, and where.
        reason: String,
    },
    /// The payload is right but not in its one form.
    #[error("the payload is not in canonical form from byte {offset} on")]
    NotCanonical {
        /// Where it differs first.
        offset: usize,
    },
    /// A field's value is out of range.
    #[error("{field}: found {found}; expected {expected}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What may stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// An older release than one seen before.
    #[error("release {found} is older than release {expected}, which was seen before")]
    RolledBack {
        /// The newest seen.
        expected: u64,
        /// The one offered.
        found: u64,
    },
    /// Two releases with one number.
    #[error("release {release} was seen with payload {expected}; found {found}")]
    Equivocation {
        /// The number.
        release: u64,
        /// The payload seen before.
        expected: PayloadDigest,
        /// The payload offered.
        found: PayloadDigest,
    },
    /// The manifest of another release.
    #[error("the manifest is that of release {found}; expected release {expected}")]
    WrongRelease {
        /// The number asked for.
        expected: u64,
        /// The manifest's.
        found: u64,
    },
    /// Its time has not come.
    #[error("valid from {expected}; the time is {found} (seconds since 1970)")]
    NotYetValid {
        /// The first second of its validity.
        expected: u64,
        /// The time.
        found: u64,
    },
    /// Its time is over.
    #[error("valid until {expected}; the time is {found} (seconds since 1970)")]
    Expired {
        /// The first second after its validity.
        expected: u64,
        /// The time.
        found: u64,
    },
    /// It needs a scorer that reads a newer format.
    #[error("needs a scorer for format {found}; this one reads up to {expected}")]
    FormatTooNew {
        /// The newest format read here.
        expected: u64,
        /// The one needed.
        found: u64,
    },
    /// A file is shorter or longer than the manifest says.
    #[error("{file}: found {found} bytes; the manifest says {expected}")]
    Size {
        /// The file.
        file: &'static str,
        /// The stated size.
        expected: u64,
        /// The size found, or the size at which reading stopped.
        found: u64,
    },
    /// A file is not the one that the manifest names.
    #[error("{file}: found {found}; the manifest says {expected}")]
    Digest {
        /// The file.
        file: &'static str,
        /// The stated digest.
        expected: ArtifactDigest,
        /// The file's.
        found: ArtifactDigest,
    },
    /// The artifact cannot be read.
    #[error("the artifact cannot be read: {source}")]
    Artifact {
        /// Why not.
        source: ArtifactError,
    },
    /// The artifact has another schema than the manifest says, or than this edge serves.
    #[error("the schema is {found}; expected {expected}")]
    Schema {
        /// The schema asked for.
        expected: SchemaDigest,
        /// The one found.
        found: SchemaDigest,
    },
    /// A golden row has another length than the schema says.
    #[error("golden row {row_idx} has {found} values; expected {expected}")]
    GoldenShape {
        /// The row.
        row_idx: usize,
        /// The schema's features.
        expected: usize,
        /// The row's values.
        found: usize,
    },
    /// A golden row gets another margin here.
    #[error("golden row {row_idx} gets margin {found:?}; expected {expected:?}, bit for bit")]
    GoldenRow {
        /// The row.
        row_idx: usize,
        /// The margin in the manifest.
        expected: f64,
        /// The margin here.
        found: f64,
    },
    /// Withdrawn by a signed manifest.
    #[error("{found} is revoked")]
    Revoked {
        /// What is withdrawn.
        found: String,
    },
    /// A key set that does not follow the one in use.
    #[error("found key set {found}; expected key set {expected}")]
    KeySetVersion {
        /// The version that comes next.
        expected: u64,
        /// The one offered.
        found: u64,
    },
}

/// A field's value that is out of range.
pub(super) fn out_of_range(field: &'static str, expected: String, found: String) -> ReleaseError {
    ReleaseError::OutOfRange {
        field,
        expected,
        found,
    }
}

impl ReleaseError {
    /// The cause as a short fixed name, for counters.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::EnvelopeTooLarge { .. } => "envelope_too_large",
            Self::EnvelopeMalformed { .. } => "envelope_malformed",
            Self::TooManySignatures { .. } => "too_many_signatures",
            Self::WrongPayloadType { .. } => "wrong_payload_type",
            Self::Unsigned => "unsigned",
            Self::UntrustedKeys { .. } => "untrusted_keys",
            Self::BadSignature { .. } => "bad_signature",
            Self::BelowThreshold { .. } => "below_threshold",
            Self::KeyInvalid { .. } => "key_invalid",
            Self::PayloadMalformed { .. } => "payload_malformed",
            Self::NotCanonical { .. } => "not_canonical",
            Self::OutOfRange { .. } => "out_of_range",
            Self::RolledBack { .. } => "rolled_back",
            Self::Equivocation { .. } => "equivocation",
            Self::WrongRelease { .. } => "wrong_release",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::Expired { .. } => "expired",
            Self::FormatTooNew { .. } => "format_too_new",
            Self::Size { .. } => "wrong_size",
            Self::Digest { .. } => "wrong_digest",
            Self::Artifact { .. } => "artifact_invalid",
            Self::Schema { .. } => "wrong_schema",
            Self::GoldenShape { .. } => "golden_shape",
            Self::GoldenRow { .. } => "golden_row",
            Self::Revoked { .. } => "revoked",
            Self::KeySetVersion { .. } => "key_set_version",
        }
    }
}
