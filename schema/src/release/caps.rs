//! The caps of the release format, as RELEASE.md states them.

/// The largest envelope in bytes: 1 MiB.
pub const MAX_ENVELOPE_BYTES: usize = 1 << 20;
/// The most signatures in an envelope.
pub const MAX_SIGNATURES: usize = 16;
/// The most keys in a key set.
pub const MAX_KEYS: usize = 16;
/// The most golden rows of a model.
pub const MAX_GOLDEN_ROWS: usize = 16;
/// The most revoked artifacts, and the most revoked releases.
pub const MAX_REVOKED: usize = 1024;
/// The most subjects of a list of tombstones.
pub const MAX_SUBJECTS: usize = 4096;
/// The longest run id in bytes.
pub const MAX_RUN_ID_BYTES: usize = 255;
/// The largest integer, as every reader of JSON can hold it: 2^53 - 1.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;
/// The largest scorer module in bytes: 8 MiB.
pub const MAX_SCORER_BYTES: u64 = 8 << 20;
/// The largest entry of a store's log in bytes.
pub const MAX_LOG_ENTRY_BYTES: usize = 4096;
/// The largest signed head of a log in bytes: an entry and 16 signatures.
pub const MAX_LOG_HEAD_BYTES: usize = 16 << 10;
/// The longest text in an entry of a log in bytes.
pub const MAX_LOG_TEXT_BYTES: usize = 255;
