//! What every source of rows can do.

use super::cell::Cell;
use super::error::IngestError;
use super::row_place::RowPlace;

/// Named columns and rows that come one after the other.
pub trait Table {
    /// The name in messages.
    fn name(&self) -> &str;

    /// The columns' names. Shape: `(n_columns,)`.
    fn columns(&self) -> &[String];

    /// Goes to the next row. Returns whether there is one.
    ///
    /// # Errors
    /// An [`IngestError`] where the source cannot be read.
    fn advance(&mut self) -> Result<bool, IngestError>;

    /// Where the current row stands.
    fn place(&self) -> RowPlace;

    /// How many fields the current row has: other than the columns' number only in broken files.
    fn n_cells(&self) -> usize {
        self.columns().len()
    }

    /// A field of the current row.
    ///
    /// # Panics
    /// May panic where `column_idx` is out of range or there is no current row.
    fn cell(&self, column_idx: usize) -> Cell<'_>;

    /// How many bytes were read, for progress; 0 where nobody knows.
    fn n_bytes_read(&self) -> u64 {
        0
    }

    /// The delimiter that the header seems to have and the one that was expected, for messages.
    fn other_delimiter(&self) -> Option<(char, char)> {
        None
    }
}

impl<T: Table + ?Sized> Table for Box<T> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn columns(&self) -> &[String] {
        (**self).columns()
    }

    fn advance(&mut self) -> Result<bool, IngestError> {
        (**self).advance()
    }

    fn place(&self) -> RowPlace {
        (**self).place()
    }

    fn n_cells(&self) -> usize {
        (**self).n_cells()
    }

    fn cell(&self, column_idx: usize) -> Cell<'_> {
        (**self).cell(column_idx)
    }

    fn n_bytes_read(&self) -> u64 {
        (**self).n_bytes_read()
    }

    fn other_delimiter(&self) -> Option<(char, char)> {
        (**self).other_delimiter()
    }
}
