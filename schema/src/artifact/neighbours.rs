//! The `neighbours` model: the share of positive rows among the nearest training rows.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ArtifactError;
use super::int_table::IntTable;
use super::metric::validate_scales;
use super::model_columns::ModelColumns;
use super::neighbour_imputer::NeighbourWeights;
use super::packed_rows::PackedRows;
use super::reader::Reader;
use crate::limits;

/// The `neighbours` model. The margin is a share, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Neighbours<'a> {
    /// How many training rows are asked; a stored row counts as many times as it was seen.
    pub n_neighbours: u32,
    /// How much each of them counts.
    pub weights: NeighbourWeights,
    /// What a column's difference is divided by, f64. Shape: `(n_columns,)`.
    #[serde(with = "serde_bytes")]
    pub scales: Cow<'a, [u8]>,
    /// The distinct training rows. Shape: `(n_rows, n_columns)`.
    pub rows: PackedRows<'a>,
    /// How often each row was seen. Shape: `(n_rows,)`.
    pub counts: IntTable<'a>,
    /// How often each row was seen with the positive class. Shape: `(n_rows,)`.
    pub positives: IntTable<'a>,
}

impl<'a> Neighbours<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        reader.map(6);
        Self {
            n_neighbours: reader.key("n_neighbours").u32(),
            weights: NeighbourWeights::read(reader.key("weights")),
            scales: reader.key("scales").table(),
            rows: PackedRows::read(reader.key("rows")),
            counts: IntTable::read(reader.key("counts")),
            positives: IntTable::read(reader.key("positives")),
        }
    }
}

impl Neighbours<'_> {
    /// What the differences of the columns are divided by. Shape: `(n_columns,)`.
    #[must_use]
    pub fn iter_scales(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        let scales = self.scales.as_chunks().0.iter();
        scales.map(|scale| f64::from_le_bytes(*scale))
    }

    pub(super) fn validate(&self, columns: &ModelColumns) -> Result<(), ArtifactError> {
        let n_columns = columns.len();
        let n_neighbours = self.n_neighbours as usize;
        let most = limits::MAX_NEIGHBOURS;
        ArtifactError::check_count("n_neighbours", n_neighbours, 1, most)?;
        validate_scales(&self.scales, n_columns)?;
        self.rows.validate(n_columns)?;
        let n_rows = self.rows.n_rows as usize;
        self.counts.validate("counts", n_rows)?;
        self.positives.validate("positives", n_rows)?;
        let mut n_seen = 0_u64;
        for row in 0..n_rows {
            let number = |table: &IntTable<'_>| table.get(row).unwrap_or(0);
            let (count, positive) = (number(&self.counts), number(&self.positives));
            if count == 0 || positive > count {
                return Err(ArtifactError::OutOfRange {
                    field: format!("the count of row {row}"),
                    found: f64::from(count),
                    expected: format!("at least 1 and its positive rows, {positive}"),
                });
            }
            n_seen += u64::from(count);
        }
        let n_seen = usize::try_from(n_seen).unwrap_or(usize::MAX);
        ArtifactError::check_count("training rows seen", n_seen, n_neighbours, usize::MAX)
    }
}
