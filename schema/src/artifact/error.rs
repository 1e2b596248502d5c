//! Why bytes are not an artifact. One variant a cause.

use core::fmt;

use crate::feature_schema::SchemaError;
use crate::limits;
use crate::shown_number::ShownNumber;

/// Why bytes are not an artifact, or an artifact cannot be written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The file is over the size cap.
    #[error("the artifact has {found} bytes; expected at most {max}", max = limits::MAX_ARTIFACT_BYTES)]
    TooLarge {
        /// Its size in bytes.
        found: usize,
    },
    /// The file does not start as an artifact does.
    #[error("not a Picket artifact: it starts with the bytes {}", Hex(found))]
    WrongMagic {
        /// The file's first bytes.
        found: Vec<u8>,
    },
    /// The format version is not one this code reads.
    #[error("the artifact's version is {found}; this reader knows version {known}; a newer Picket may read it", known = super::VERSION)]
    UnknownVersion {
        /// The version byte found.
        found: u8,
    },
    /// The file ends too early.
    #[error("the artifact ends at byte {offset}, inside a value; it is truncated")]
    Truncated {
        /// Where the unfinished value starts.
        offset: usize,
    },
    /// Bytes follow the document.
    #[error("{count} bytes follow the artifact; expected none")]
    TrailingBytes {
        /// How many bytes follow.
        count: usize,
    },
    /// There are too many values.
    #[error("the artifact has more than {max} MessagePack values", max = limits::MAX_VALUES)]
    TooManyValues,
    /// A byte that MessagePack does not allow, or a type that artifacts do not use (ext).
    #[error("byte {offset} is 0x{marker:02x}, which starts no value of an artifact")]
    UnexpectedMarker {
        /// Where it stands.
        offset: usize,
        /// The byte.
        marker: u8,
    },
    /// A key is missing, unknown, doubled or in the wrong place, or a value has the wrong type.
    #[error("the artifact's content is not as specified: {reason}")]
    Malformed {
        /// What the reader said.
        reason: String,
    },
    /// A number or header takes more bytes than it needs, or keys that must ascend do not.
    #[error("the artifact is not in canonical form from byte {offset} on")]
    NotCanonical {
        /// Where the first such value starts.
        offset: usize,
    },
    /// The feature schema is wrong.
    #[error("the artifact's feature schema: {0}")]
    Schema(#[from] SchemaError),
    /// A table's numbers have an unknown width.
    #[error("table {table}: width {found}; expected 8 to 32 bits")]
    TableWidth {
        /// The table.
        table: &'static str,
        /// Its width.
        found: u8,
    },
    /// A table has the wrong length.
    #[error("table {table}: {found} bytes; expected {expected}")]
    TableLength {
        /// The table.
        table: &'static str,
        /// Its length in bytes.
        found: usize,
        /// The length it should have, in bytes.
        expected: String,
    },
    /// Bits after the last number of a table are not zero.
    #[error("table {table} has bits after its last number; expected zeros")]
    TableSpareBits {
        /// The table.
        table: &'static str,
    },
    /// Something stands in too large a number.
    #[error("{what}: {found}; expected {min} to {max}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The fewest allowed.
        min: usize,
        /// The most allowed.
        max: usize,
    },
    /// A number that must be finite is not.
    #[error("{field} is {}; expected a finite number", ShownNumber(*found))]
    NotFinite {
        /// The field.
        field: String,
        /// The number.
        found: f64,
    },
    /// A number is outside its range.
    #[error("{field} is {}; expected {expected}", ShownNumber(*found))]
    OutOfRange {
        /// The field.
        field: String,
        /// The number.
        found: f64,
        /// The range in words.
        expected: String,
    },
    /// A condition, a term or a column of a transform names a column that is not there, or of the wrong kind.
    #[error("{place} {index} reads column {found}; expected {expected}")]
    FeatureIndex {
        /// `condition`, `term` or `column`.
        place: &'static str,
        /// Its position.
        index: usize,
        /// The column that it reads.
        found: usize,
        /// What would have been right.
        expected: String,
    },
    /// A condition has unknown flags or a non-zero padding byte.
    #[error("condition {index} has flags 0x{found:04x}; expected only 0x0001 and 0x0002")]
    ConditionFlags {
        /// The condition's position.
        index: usize,
        /// Flags and padding.
        found: u16,
    },
    /// Conditions are not ascending and distinct.
    #[error("condition {index} does not come after the one before it")]
    ConditionOrder {
        /// The condition's position.
        index: usize,
    },
    /// A condition's category set is outside the table, or has bits past the last category.
    #[error(
        "condition {index}: its category set at word {found} is outside the table or names unknown categories"
    )]
    CategorySet {
        /// The condition's position.
        index: usize,
        /// The first word of the set.
        found: usize,
    },
    /// A node names a condition that does not exist.
    #[error("node {node} uses condition {found}; expected less than {n_conditions}")]
    ConditionIndex {
        /// The node's position in the table.
        node: usize,
        /// The condition index.
        found: usize,
        /// How many conditions there are.
        n_conditions: usize,
    },
    /// The shape has another number of inner nodes than there are, or spare bits that are not zero.
    #[error(
        "the shape has {found} inner nodes; expected {expected}, and no bit after the last node"
    )]
    ShapeNodes {
        /// How many bits of the shape are set.
        found: usize,
        /// How many inner nodes there are.
        expected: usize,
    },
    /// The shape ends within a tree.
    #[error("tree {tree} has no end in the shape")]
    ShapeOpen {
        /// The tree.
        tree: usize,
    },
    /// A tree has too many levels.
    #[error("tree {tree} has more than {max} levels", max = limits::MAX_TREE_DEPTH)]
    TreeDepth {
        /// The tree.
        tree: usize,
    },
    /// A leaf names a leaf value or a cover value that does not exist.
    #[error("leaf {leaf} uses {table} value {found}; expected less than {n_values}")]
    LeafIndex {
        /// The leaf's position in the table.
        leaf: usize,
        /// `leaf` or `cover`.
        table: &'static str,
        /// The index.
        found: usize,
        /// How many values there are.
        n_values: usize,
    },
    /// A leaf's cover, or a cover value, is zero.
    #[error("cover {leaf} is 0; expected at least 1")]
    ZeroCover {
        /// Its position in `cover_values`, or in `covers` where that is empty.
        leaf: usize,
    },
    /// A packed row of an imputer has no weight.
    #[error("the count of packed row {row} is 0; expected at least 1")]
    ZeroCount {
        /// The row.
        row: usize,
    },
    /// The levels of a column do not ascend, or are not finite.
    #[error(
        "level {index} of a column does not come after the one before it; expected ascending numbers, then at most one NaN"
    )]
    LevelOrder {
        /// The level's position.
        index: usize,
    },
    /// A code of packed rows means no level, or a raw value is not finite.
    #[error(
        "packed row {row} has no value in column {column}: its code is past the last level, or its number not finite"
    )]
    PackedCode {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
    },
    /// Bits after the last code of a packed row are not zero.
    #[error("packed row {row} has bits after its last column; expected zeros")]
    PackedSpareBits {
        /// The row.
        row: usize,
    },
}

/// Bytes in hexadecimal, two digits each.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{byte:02x}")?;
        }
        Ok(())
    }
}

impl ArtifactError {
    /// `Ok` where `x` is finite and in `min..=max`.
    pub(crate) fn check_range(
        field: fmt::Arguments<'_>,
        x: f64,
        min: f64,
        max: f64,
    ) -> Result<(), Self> {
        if x >= min && x <= max && x.is_finite() {
            return Ok(());
        }
        Err(Self::not_in_range(field, x, min, max))
    }

    #[cold]
    fn not_in_range(field: fmt::Arguments<'_>, found: f64, min: f64, max: f64) -> Self {
        let field = field.to_string();
        if !found.is_finite() {
            return Self::NotFinite { field, found };
        }
        let expected = format!("{} to {}", ShownNumber(min), ShownNumber(max));
        Self::OutOfRange {
            field,
            found,
            expected,
        }
    }

    /// `Ok` where `found` is in `min..=max`.
    pub(crate) fn check_count(
        what: &'static str,
        found: usize,
        min: usize,
        max: usize,
    ) -> Result<(), Self> {
        if found < min || found > max {
            return Err(Self::Count {
                what,
                found,
                min,
                max,
            });
        }
        Ok(())
    }
}
