//! Lower bounds of the distances from one row to packed rows, a byte at a time.
//!
//! A byte of a packed row holds the codes of several columns. For each row that is scored a table says, for each byte
//! and each of its 256 values, what these columns add together. So a stored row is bounded with one look-up a byte, and
//! only the few rows that may be near are summed column by column. Columns that lie in two bytes add nothing here, nor do
//! raw ones: it is a lower bound all the same, as no column adds less than nothing.

/// Fewer rows than these are not worth a table.
const MIN_ROWS: usize = 256;
/// What rounding may add to a bound at the most, as a share of it: the sums here are made in another order.
const SLACK: f64 = 1e-9;

/// A column whose codes lie within one byte.
#[derive(Debug)]
struct ByteColumn {
    byte: usize,
    shift: u32,
    width: u32,
    /// Where its levels' terms start, and how many there are.
    first: usize,
    n_levels: usize,
}

/// Bounds for the rows of one packed table.
#[derive(Debug)]
pub(crate) struct ByteBounds {
    columns: Vec<ByteColumn>,
    /// What each value of each byte adds. Shape: `(row_bytes,)`.
    tables: Vec<[f64; 256]>,
}

impl ByteBounds {
    /// Of `n_rows` rows of `row_bytes` bytes; without tables where these would not pay.
    pub(crate) fn new(n_rows: usize, row_bytes: usize) -> Self {
        let n_tables = if n_rows >= MIN_ROWS { row_bytes } else { 0 };
        Self {
            columns: Vec::new(),
            tables: vec![[0.0; 256]; n_tables],
        }
    }

    /// Tells of a column: its first bit in a row, its width in bits, and where its levels' terms are.
    pub(crate) fn add_column(&mut self, first_bit: usize, width: u32, first: usize, levels: usize) {
        let (byte, shift) = (first_bit / 8, (first_bit % 8) as u32);
        if width > 0 && shift + width <= 8 && levels > 0 && byte < self.tables.len() {
            self.columns.push(ByteColumn {
                byte,
                shift,
                width,
                first,
                n_levels: levels,
            });
        }
    }

    /// Makes the tables of a row. `terms` holds what each level of each column adds; NaN where the column is left out.
    pub(crate) fn prepare(&mut self, terms: &[f64]) {
        self.tables.fill([0.0; 256]);
        for column in &self.columns {
            let of_column = &terms[column.first..column.first + column.n_levels];
            let (mask, table) = ((1_usize << column.width) - 1, &mut self.tables[column.byte]);
            for (byte, sum) in table.iter_mut().enumerate() {
                // No stored row has a code without a level. NaN is not above nothing.
                match of_column.get(byte >> column.shift & mask) {
                    Some(term) if *term > 0.0 => *sum += term,
                    _ => {}
                }
            }
        }
    }

    /// Whether a stored row is farther than `bound` for certain.
    pub(crate) fn is_beyond(&self, stored: &[u8], bound: f64) -> bool {
        let of_bytes = self.tables.iter().zip(stored);
        let least: f64 = of_bytes
            .map(|(table, byte)| table[usize::from(*byte)])
            .sum();
        least * (1.0 - SLACK) > bound
    }
}
