//! The caps on a peer's file. Inputs are hostile; these keep them small.

/// The largest file: 512 MiB. XGBoost's JSON of a million nodes has about 150 MB.
pub const MAX_FILE_BYTES: u64 = 512 << 20;
/// The most nodes in all trees. The artifact's own cap of 64 MiB is near.
pub(crate) const MAX_NODES: usize = 16 << 20;
/// The largest category code of a peer. A schema's feature has at most 4,096 categories, from 0.
pub(crate) const MAX_CATEGORY: usize = 4095;
/// How many nodes carrying the rules for zero, missing and infinite values exactly may add, as a multiple.
pub(crate) const MAX_GROWTH: usize = 4;
