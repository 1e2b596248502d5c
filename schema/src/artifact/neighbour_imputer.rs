//! The `neighbours` step of a transform: missing values become the mean of the nearest training rows.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ArtifactError;
use super::int_table::IntTable;
use super::model_columns::{ColumnKind, ModelColumns};
use super::packed_rows::PackedRows;
use super::reader::Reader;
use crate::limits;

/// How much each neighbour says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NeighbourWeights {
    /// All the same.
    #[default]
    Uniform,
    /// By the inverse of their distance; where some are at distance 0, only these.
    Distance,
}

/// The k-nearest-neighbours imputer of Troyanskaya et al., "Missing value estimation methods for DNA
/// microarrays", 2001, as scikit-learn's `KNNImputer` has it. See SPEC.md for the arithmetic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeighbourImputer<'a> {
    /// How many training rows a value is the mean of; a row that stands there twice counts twice.
    pub n_neighbours: u32,
    /// How much each says.
    pub weights: NeighbourWeights,
    /// The numeric columns that distances are measured in and values filled in: u16, ascending.
    #[serde(with = "serde_bytes")]
    pub columns: Cow<'a, [u8]>,
    /// The distinct training rows in these columns. Shape: `(n_rows, n_columns)`.
    pub rows: PackedRows<'a>,
    /// How often each of them stands among the training rows. Shape: `(n_rows,)`.
    pub counts: IntTable<'a>,
}

impl NeighbourWeights {
    /// Reads the name.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        match reader.str() {
            "uniform" => Self::Uniform,
            "distance" => Self::Distance,
            other => {
                reader.unknown(other, "uniform or distance");
                Self::Uniform
            }
        }
    }
}

impl<'a> NeighbourImputer<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        reader.map(5);
        Self {
            n_neighbours: reader.key("n_neighbours").u32(),
            weights: NeighbourWeights::read(reader.key("weights")),
            columns: reader.key("columns").table(),
            rows: PackedRows::read(reader.key("rows")),
            counts: IntTable::read(reader.key("counts")),
        }
    }
}

impl NeighbourImputer<'_> {
    /// The positions of its columns in the row.
    #[must_use]
    pub fn iter_columns(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        let columns = self.columns.as_chunks().0.iter();
        columns.map(|bytes| usize::from(u16::from_le_bytes(*bytes)))
    }

    pub(super) fn validate(&self, before: &ModelColumns) -> Result<(), ArtifactError> {
        ArtifactError::check_count(
            "neighbours",
            self.n_neighbours as usize,
            1,
            limits::MAX_NEIGHBOURS,
        )?;
        if !self.columns.len().is_multiple_of(2) {
            return Err(ArtifactError::TableLength {
                table: "columns",
                found: self.columns.len(),
                expected: "a multiple of 2".into(),
            });
        }
        let mut next = 0;
        for (index, found) in self.iter_columns().enumerate() {
            if found < next || before.kind(found) != Some(ColumnKind::Numeric) {
                return Err(ArtifactError::FeatureIndex {
                    place: "column",
                    index,
                    found,
                    expected: format!("a numeric column from {next} on"),
                });
            }
            next = found + 1;
        }
        self.rows.validate(self.iter_columns().len())?;
        self.counts.validate("counts", self.rows.n_rows as usize)?;
        match self.counts.first_zero() {
            Some(row) => Err(ArtifactError::ZeroCount { row }),
            None => Ok(()),
        }
    }
}
