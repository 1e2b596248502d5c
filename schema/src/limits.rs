//! The caps of the format, as SPEC.md states them. Inputs are hostile; these keep them small.

/// The largest artifact in bytes: 64 MiB.
pub const MAX_ARTIFACT_BYTES: usize = 64 << 20;
/// The most MessagePack values (keys included) in an artifact.
pub const MAX_VALUES: usize = 100_000;
/// The longest name in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// The most features in a schema.
pub const MAX_FEATURES: usize = 4096;
/// The most values or categories in a feature's domain.
pub const MAX_DOMAIN: usize = 4096;
/// The most trees in a model.
pub const MAX_TREES: usize = 16_384;
/// The most levels of inner nodes in a tree.
pub const MAX_TREE_DEPTH: usize = 255;
/// The most conditions in a model.
pub const MAX_CONDITIONS: usize = 65_535;
/// The largest magnitude of a tree model's base, in fixed-point units.
pub const MAX_BASE: i64 = 1 << 51;
/// The largest `scale_log2`.
pub const MAX_SCALE_LOG2: u8 = 52;
/// The largest magnitude of a linear model's numbers.
pub const MAX_COEFFICIENT: f64 = 1e15;
/// The most knots of an isotonic calibration.
pub const MAX_CALIBRATION_KNOTS: usize = 16_384;
/// The largest magnitude of a knot's margin: differences of two stay finite.
pub const MAX_KNOT_MARGIN: f64 = 1e100;
/// How many bins the reference histogram of the scores has.
pub const SCORE_BINS: usize = 20;
/// The most levels of a column of packed rows.
pub const MAX_LEVELS: usize = 1 << 16;
/// The most packed rows in a table.
pub const MAX_PACKED_ROWS: usize = 1 << 20;
/// The most values in a table of packed rows: columns of one level take no bits.
pub const MAX_PACKED_VALUES: usize = 1 << 26;
/// The most steps of a transform.
pub const MAX_STEPS: usize = 16;
/// The most columns that a step of a transform gives.
pub const MAX_COLUMNS: usize = 8192;
/// The most neighbours that are asked.
pub const MAX_NEIGHBOURS: usize = 1024;
/// The largest magnitude of a scaled column's centre and scale: more than any f32.
pub const MAX_COLUMN_SCALE: f64 = 1e39;
/// The smallest scale of a scaled column.
pub const MIN_COLUMN_SCALE: f64 = 1e-39;
/// The most members of a blend.
pub const MAX_BLEND_MEMBERS: usize = 32;
