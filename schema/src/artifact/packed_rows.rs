//! Rows packed bit by bit: where columns take few values, a row of 30 takes 8 bytes.
//!
//! Each column has a table of its levels, the distinct values that it takes; a row stores the
//! positions of its values in these tables, its codes, in as few bits as they need.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ArtifactError;
use super::reader::Reader;
use crate::limits;

/// Bits of a column without levels.
const RAW_BITS: u32 = 32;
/// The one NaN that stands for a missing value in a file.
const MISSING: u32 = f32::NAN.to_bits();

/// The levels of one column: f32, ascending, then NaN where values may be missing. Empty where the
/// column's values stand in the rows themselves, as f32.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Levels<'a>(#[serde(with = "serde_bytes")] pub Cow<'a, [u8]>);

/// Packed rows. Shape: `(n_rows, n_columns)`. See SPEC.md for the layout.
///
/// ```
/// use picket_schema::artifact::PackedRows;
///
/// let rows = [-1.0, 0.5, 1.0, f32::NAN, 1.0, 0.5];
/// let rows = PackedRows::pack(2, &rows.repeat(4));
/// assert_eq!((rows.n_rows, rows.n_columns()), (12, 2));
/// assert_eq!(rows.bits.len(), 12); // one bit and one bit, so a byte a row
/// assert_eq!(rows.value(0, 0), Some(-1.0));
/// assert!(rows.value(1, 1).is_some_and(f32::is_nan));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PackedRows<'a> {
    /// How many rows there are.
    pub n_rows: u32,
    /// The levels of each column. Shape: `(n_columns,)`.
    pub levels: Vec<Levels<'a>>,
    /// The rows: each is its columns' codes one after another, lowest bit first, in whole bytes.
    #[serde(with = "serde_bytes")]
    pub bits: Cow<'a, [u8]>,
}

/// Where the columns of packed rows stand and what their codes mean: reads many rows fast. It holds no
/// bits, so whoever keeps the rows may keep it beside them.
#[derive(Clone, Debug)]
pub struct RowDecoder {
    row_bytes: usize,
    columns: Vec<PackedColumn>,
    /// The levels of all columns, one after another.
    levels: Vec<f32>,
}

#[derive(Clone, Copy, Debug)]
struct PackedColumn {
    width: u32,
    /// Where its levels start; `None` for a raw column.
    first_level: Option<u32>,
}

impl Levels<'_> {
    fn of(levels: &[f32]) -> Levels<'static> {
        Levels(levels.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = f32> + '_ {
        let words = self.0.as_chunks().0.iter();
        words.map(|word| f32::from_le_bytes(*word))
    }

    /// How many codes there are; 0 for a raw column.
    #[must_use]
    pub fn n_codes(&self) -> usize {
        self.0.len() / 4
    }

    /// The bits of a code.
    #[must_use]
    pub fn width(&self) -> u32 {
        code_bits(self.n_codes())
    }

    fn validate(&self) -> Result<(), ArtifactError> {
        if !self.0.len().is_multiple_of(4) {
            return Err(ArtifactError::TableLength {
                table: "levels",
                found: self.0.len(),
                expected: "a multiple of 4".into(),
            });
        }
        ArtifactError::check_count("levels", self.n_codes(), 0, limits::MAX_LEVELS)?;
        let mut last = f32::NEG_INFINITY;
        for (index, level) in self.iter().enumerate() {
            let is_missing = level.to_bits() == MISSING && index + 1 == self.n_codes();
            // A NaN anywhere else fails the comparison.
            if !(is_missing || level > last && level < f32::INFINITY) {
                return Err(ArtifactError::LevelOrder { index });
            }
            last = level;
        }
        Ok(())
    }
}

/// The bits of a column's code: as many as its largest code needs, 32 without levels.
fn code_bits(n_codes: usize) -> u32 {
    match n_codes.checked_sub(1) {
        Some(largest) => usize::BITS - largest.leading_zeros(),
        None => RAW_BITS,
    }
}

/// The number of `width` bits, at most 32, at `first_bit`; 0 past the end.
fn read_bits(bytes: &[u8], first_bit: usize, width: u32) -> u32 {
    let rest = bytes.get(first_bit / 8..).unwrap_or_default();
    let mut word = [0; 8];
    // 7 bits of shift and 32 of number are within 5 bytes.
    let n_bytes = rest.len().min(5);
    word[..n_bytes].copy_from_slice(&rest[..n_bytes]);
    let mask = (1_u64 << width) - 1;
    (u64::from_le_bytes(word) >> (first_bit % 8) & mask) as u32
}

impl<'a> PackedRows<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        reader.map(3);
        Self {
            n_rows: reader.key("n_rows").u32(),
            levels: reader.key("levels").array(|reader| Levels(reader.table())),
            bits: reader.key("bits").table(),
        }
    }
}

impl PackedRows<'_> {
    /// Packs rows of `n_columns` values. NaN is a missing value; other values must be finite, or
    /// [`Artifact::encode`](super::Artifact::encode) refuses the result. Shape of `rows`: `(n_rows, n_columns)`.
    ///
    /// # Panics
    /// Where `rows` is not a whole number of rows, or has more than [`limits::MAX_PACKED_ROWS`].
    #[must_use]
    pub fn pack(n_columns: usize, rows: &[f32]) -> PackedRows<'static> {
        assert!(
            n_columns > 0 && rows.len().is_multiple_of(n_columns),
            "{} values are not rows of {n_columns}",
            rows.len()
        );
        let n_rows = rows.len() / n_columns;
        assert!(
            n_rows <= limits::MAX_PACKED_ROWS,
            "{n_rows} rows are more than a packed table holds"
        );
        let levels: Vec<_> = (0..n_columns)
            .map(|column| levels_of(rows.iter().skip(column).step_by(n_columns)))
            .collect();
        let row_bits: usize = levels.iter().map(|levels| levels.width() as usize).sum();
        let row_bytes = row_bits.div_ceil(8).max(1);
        let tables: Vec<Vec<f32>> = levels
            .iter()
            .map(|levels| levels.iter().collect())
            .collect();
        let mut bits = Vec::with_capacity(n_rows * row_bytes);
        for row in rows.chunks_exact(n_columns) {
            let (mut word, mut n_bits) = (0_u64, 0);
            let end = bits.len() + row_bytes;
            for ((x, table), levels) in row.iter().zip(&tables).zip(&levels) {
                let code = if table.is_empty() {
                    bits_of(*x)
                } else {
                    table.partition_point(|level| order(*level) < order(*x)) as u32
                };
                word |= u64::from(code) << n_bits;
                n_bits += levels.width();
                while n_bits >= 8 {
                    bits.push(word as u8);
                    word >>= 8;
                    n_bits -= 8;
                }
            }
            if bits.len() < end {
                bits.push(word as u8);
            }
        }
        PackedRows {
            n_rows: n_rows as u32,
            levels,
            bits: Cow::Owned(bits),
        }
    }

    /// How many columns a row has.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.levels.len()
    }

    fn row_bits(&self) -> usize {
        // At most 4,096 columns of 32 bits, once validated.
        self.levels
            .iter()
            .map(|levels| levels.width() as usize)
            .sum()
    }

    /// The bytes of a row: at least one.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        self.row_bits().div_ceil(8).max(1)
    }

    /// The value in a row; NaN where it is missing, `None` outside the table. For many values a
    /// [`RowDecoder`] is faster.
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> Option<f32> {
        let levels = self.levels.get(column)?;
        let row = self.bits.chunks_exact(self.row_bytes()).nth(row)?;
        let first_bit = self.levels[..column]
            .iter()
            .map(|levels| levels.width() as usize)
            .sum();
        let code = read_bits(row, first_bit, levels.width());
        if levels.n_codes() == 0 {
            return Some(f32::from_bits(code));
        }
        levels.iter().nth(code as usize)
    }

    /// Prepares reading many rows.
    #[must_use]
    pub fn decoder(&self) -> RowDecoder {
        let mut all_levels = Vec::new();
        let columns = self.levels.iter().map(|levels| {
            let first_level = all_levels.len() as u32;
            all_levels.extend(levels.iter());
            PackedColumn {
                width: levels.width(),
                first_level: (levels.n_codes() > 0).then_some(first_level),
            }
        });
        RowDecoder {
            columns: columns.collect(),
            row_bytes: self.row_bytes(),
            levels: all_levels,
        }
    }

    /// `Ok` where there are `n_columns` columns and every code means a value.
    pub(super) fn validate(&self, n_columns: usize) -> Result<(), ArtifactError> {
        let n_rows = self.n_rows as usize;
        ArtifactError::check_count("packed columns", self.n_columns(), n_columns, n_columns)?;
        ArtifactError::check_count("packed rows", n_rows, 1, limits::MAX_PACKED_ROWS)?;
        self.levels.iter().try_for_each(Levels::validate)?;
        let (row_bits, row_bytes) = (self.row_bits(), self.row_bytes());
        ArtifactError::check_count(
            "packed values",
            n_rows.saturating_mul(n_columns),
            1,
            limits::MAX_PACKED_VALUES,
        )?;
        let expected = n_rows.saturating_mul(row_bytes);
        if self.bits.len() != expected {
            return Err(ArtifactError::TableLength {
                table: "bits",
                found: self.bits.len(),
                expected: format!("{expected} ({n_rows} rows of {row_bytes})"),
            });
        }
        let mut first_bit = 0;
        for (column, levels) in self.levels.iter().enumerate() {
            let (width, n_codes) = (levels.width(), levels.n_codes());
            let at = first_bit;
            first_bit += width as usize;
            // Every code of a table of 2, 4, 8, … levels means one.
            if n_codes.is_power_of_two() {
                continue;
            }
            let mut rows = self.bits.chunks_exact(row_bytes);
            let wrong = rows.position(|row| {
                let code = read_bits(row, at, width);
                if n_codes == 0 {
                    !f32::from_bits(code).is_finite() && code != MISSING
                } else {
                    code as usize >= n_codes
                }
            });
            if let Some(row) = wrong {
                return Err(ArtifactError::PackedCode { row, column });
            }
        }
        let unused = row_bytes * 8 - row_bits;
        let spare = |row: &[u8]| u32::from(row[row_bytes - 1]) >> (8 - unused) != 0;
        let mut rows = self.bits.chunks_exact(row_bytes);
        match rows.position(|row| unused > 0 && spare(row)) {
            Some(row) => Err(ArtifactError::PackedSpareBits { row }),
            None => Ok(()),
        }
    }
}

impl RowDecoder {
    /// How many columns a row has.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// Writes each row in turn to `values`, shape `(n_columns,)`, and calls `each` with its position and
    /// them. `rows` are those that the decoder was made for.
    pub fn for_each_row(
        &self,
        rows: &PackedRows<'_>,
        values: &mut [f32],
        mut each: impl FnMut(usize, &[f32]),
    ) {
        for (row_idx, row) in rows.bits.chunks_exact(self.row_bytes).enumerate() {
            self.decode_row(row, values);
            each(row_idx, values);
        }
    }

    /// Writes a row. Shape of `values`: `(n_columns,)`. `rows` are those that the decoder was made for.
    ///
    /// # Panics
    /// Past the last row.
    pub fn decode(&self, rows: &PackedRows<'_>, row_idx: usize, values: &mut [f32]) {
        self.decode_row(
            &rows.bits[row_idx * self.row_bytes..][..self.row_bytes],
            values,
        );
    }

    fn decode_row(&self, row: &[u8], values: &mut [f32]) {
        let mut bytes = row.iter();
        let (mut word, mut n_bits) = (0_u64, 0);
        for (value, column) in values.iter_mut().zip(&self.columns) {
            while n_bits < column.width {
                word |= u64::from(bytes.next().copied().unwrap_or(0)) << n_bits;
                n_bits += 8;
            }
            let code = word & ((1 << column.width) - 1);
            word >>= column.width;
            n_bits -= column.width;
            *value = match column.first_level {
                None => f32::from_bits(code as u32),
                // Validation has checked every code.
                Some(first) => self.levels[first as usize + code as usize],
            };
        }
    }
}

/// The bits of a value with one NaN and one zero.
fn bits_of(x: f32) -> u32 {
    if x.is_nan() {
        MISSING
    } else {
        (x + 0.0).to_bits()
    }
}

/// Ascending with the value, missing last.
fn order(x: f32) -> i32 {
    let bits = bits_of(x).cast_signed();
    if bits < 0 {
        i32::MIN.wrapping_sub(bits)
    } else {
        bits
    }
}

/// The levels of a column, or none where these would take more room than they save.
fn levels_of<'x>(column: impl Iterator<Item = &'x f32>) -> Levels<'static> {
    let mut levels: Vec<f32> = column.map(|x| f32::from_bits(bits_of(*x))).collect();
    let n_rows = levels.len();
    levels.sort_unstable_by_key(|x| order(*x));
    levels.dedup_by_key(|x| order(*x));
    let n_levels = levels.len();
    let packed = n_levels * 32 + n_rows * code_bits(n_levels) as usize;
    if n_levels > limits::MAX_LEVELS || packed > n_rows * 32 && n_levels > 1 {
        return Levels::default();
    }
    Levels::of(&levels)
}

#[cfg(test)]
#[path = "packed_rows_tests.rs"]
mod tests;
