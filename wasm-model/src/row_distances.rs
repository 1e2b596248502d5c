//! Squared distances from one row to every row of a packed table.
//!
//! A column adds `((x - s) / scale)^2`, or for categories `(1 / scale)^2` where they differ. For each row that
//! is scored a table holds what a column adds for each of its levels; then a stored row takes one look-up a
//! column. The sum is made in the order of the columns, so it has the bits of the plain formula.

use picket_schema::Feature;
use picket_schema::artifact::{ModelColumns, PackedRows};

use crate::byte_bounds::ByteBounds;

/// What stands in for a missing value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Missing {
    /// Nothing: the column is left out of the distance, which is scaled up for it.
    LeftOut,
    /// This number; a missing category is a category of its own.
    Filled(f32),
}

/// How one column measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ColumnMetric {
    /// How many categories there are; 0 of numbers.
    pub(crate) n_categories: usize,
    /// What a difference is divided by.
    pub(crate) scale: f64,
    pub(crate) missing: Missing,
}

impl ColumnMetric {
    /// What the column adds to a squared distance; NaN where it is to be left out.
    pub(crate) fn term(&self, x: f32, stored: f32) -> f64 {
        let difference = if self.n_categories > 0 {
            let code = |x| Feature::category_code(self.n_categories, x);
            match (code(x), code(stored), self.missing) {
                (None, _, Missing::LeftOut) | (_, None, Missing::LeftOut) => return f64::NAN,
                (a, b, _) => f64::from(u8::from(a != b)),
            }
        } else {
            // ±∞ would make a NaN of a difference: it counts as the largest number of its sign.
            let number = |x: f32| match self.missing {
                Missing::Filled(fill) if x.is_nan() => fill,
                _ => x.clamp(f32::MIN, f32::MAX),
            };
            f64::from(number(x)) - f64::from(number(stored))
        };
        let scaled = difference / self.scale;
        scaled * scaled
    }
}

/// The metric of each column. Shape: `(n_columns,)`.
pub(crate) fn metric(
    columns: &ModelColumns,
    scales: impl Iterator<Item = f64>,
    missing: impl Iterator<Item = Missing>,
) -> Vec<ColumnMetric> {
    let of_columns = scales.zip(missing).enumerate();
    let metric = of_columns.map(|(column_idx, (scale, missing))| ColumnMetric {
        n_categories: columns.n_categories(column_idx),
        scale,
        missing,
    });
    metric.collect()
}

/// A squared distance: the sum over the columns that are there, and how many these are.
pub(crate) fn squared_distance(sum: f64, n_present: usize, n_columns: usize) -> f64 {
    if n_present == 0 {
        return f64::INFINITY;
    }
    sum * (n_columns as f64 / n_present as f64)
}

/// One column of the packed rows.
#[derive(Debug)]
struct Column {
    metric: ColumnMetric,
    /// Where its code starts in a row.
    byte: usize,
    shift: u32,
    mask: u64,
    /// Where its levels start in `levels` and `terms`, and how many there are; none of a raw column.
    first: usize,
    n_levels: usize,
}

/// Prepared for many rows to measure from.
#[derive(Debug)]
pub(crate) struct RowDistances<'m> {
    bits: &'m [u8],
    row_bytes: usize,
    columns: Vec<Column>,
    levels: Vec<f32>,
    /// What each level adds for the current row.
    terms: Vec<f64>,
    /// A stored row and spare bytes, so that 8 can be read from every place in it.
    window: Vec<u8>,
    bounds: ByteBounds,
}

impl<'m> RowDistances<'m> {
    pub(crate) fn new(rows: &'m PackedRows<'_>, metric: Vec<ColumnMetric>) -> Self {
        let (mut first_bit, mut levels) = (0, Vec::new());
        let mut bounds = ByteBounds::new(rows.n_rows as usize, rows.row_bytes());
        let columns = metric.into_iter().zip(&rows.levels);
        let columns = columns.map(|(metric, of_column)| {
            let width = of_column.width();
            let column = Column {
                metric,
                byte: first_bit / 8,
                shift: (first_bit % 8) as u32,
                mask: (1 << width) - 1,
                first: levels.len(),
                n_levels: of_column.n_codes(),
            };
            bounds.add_column(first_bit, width, column.first, column.n_levels);
            first_bit += width as usize;
            let words = of_column.0.as_chunks().0.iter();
            levels.extend(words.map(|word| f32::from_le_bytes(*word)));
            column
        });
        let columns = columns.collect();
        Self {
            bits: &rows.bits,
            row_bytes: rows.row_bytes(),
            columns,
            terms: vec![0.0; levels.len()],
            levels,
            window: vec![0; rows.row_bytes() + 8],
            bounds,
        }
    }

    /// Writes what each level of each column adds for `row`, shape `(n_columns,)`.
    fn write_terms(&mut self, row: &[f32]) {
        for (column, x) in self.columns.iter().zip(row) {
            let of_column = column.first..column.first + column.n_levels;
            let levels = &self.levels[of_column.clone()];
            for (term, level) in self.terms[of_column].iter_mut().zip(levels) {
                *term = column.metric.term(*x, *level);
            }
        }
    }

    /// Tells `visit` of each stored row, in order, its position and its squared distance to `row`, shape
    /// `(n_columns,)`. Rows that are farther than the last answer of `visit` may be left out.
    pub(crate) fn visit(&mut self, row: &[f32], mut visit: impl FnMut(usize, f64) -> f64) {
        /// Columns between two looks at the bound.
        const STRIDE: usize = 8;
        self.write_terms(row);
        let mut is_bounded = false;
        let n_columns = self.columns.len();
        let mut bound = f64::INFINITY;
        'rows: for (index, stored) in self.bits.chunks_exact(self.row_bytes).enumerate() {
            if bound < f64::INFINITY {
                if !is_bounded {
                    // Only now: those who hear of every row need no tables.
                    self.bounds.prepare(&self.terms);
                    is_bounded = true;
                }
                if self.bounds.is_beyond(stored, bound) {
                    continue;
                }
            }
            self.window[..stored.len()].copy_from_slice(stored);
            let (mut sum, mut n_present) = (0.0, 0);
            for (columns, x) in self.columns.chunks(STRIDE).zip(row.chunks(STRIDE)) {
                for (column, x) in columns.iter().zip(x) {
                    let term = column.term(&self.window, &self.terms, *x);
                    // NaN stands for a column that is left out.
                    let is_present = term >= 0.0;
                    sum += if is_present { term } else { 0.0 };
                    n_present += usize::from(is_present);
                }
                // No term is negative and the last step only makes it larger, so it will not come back.
                if sum > bound {
                    continue 'rows;
                }
            }
            bound = visit(index, squared_distance(sum, n_present, n_columns));
        }
    }

    /// For each stored row, in order, writes what each column adds to its squared distance to each of `rows`,
    /// and tells `visit` its position and them. Shape of `terms`: `(n_columns,)` for each row.
    pub(crate) fn visit_terms<const N: usize>(
        &mut self,
        rows: [&[f32]; N],
        mut visit: impl FnMut(usize, &[[f64; N]]),
    ) {
        let mut of_levels = [const { Vec::new() }; N];
        for (of_levels, row) in of_levels.iter_mut().zip(rows) {
            self.write_terms(row);
            of_levels.clone_from(&self.terms);
        }
        let mut terms = vec![[0.0; N]; self.columns.len()];
        for (index, stored) in self.bits.chunks_exact(self.row_bytes).enumerate() {
            self.window[..stored.len()].copy_from_slice(stored);
            for (feature, (column, terms)) in self.columns.iter().zip(&mut terms).enumerate() {
                for (term, (row, of_levels)) in terms.iter_mut().zip(rows.iter().zip(&of_levels)) {
                    *term = column.term(&self.window, of_levels, row[feature]);
                }
            }
            visit(index, &terms);
        }
    }
}

impl Column {
    /// What the column adds for the stored row in `window`.
    fn term(&self, window: &[u8], terms: &[f64], x: f32) -> f64 {
        let word = window.get(self.byte..).and_then(<[u8]>::first_chunk);
        let word = u64::from_le_bytes(word.copied().unwrap_or_default());
        let code = word >> self.shift & self.mask;
        if self.n_levels == 0 {
            return self.metric.term(x, f32::from_bits(code as u32));
        }
        // Validation has checked every code.
        terms
            .get(self.first + code as usize)
            .copied()
            .unwrap_or(f64::NAN)
    }
}
