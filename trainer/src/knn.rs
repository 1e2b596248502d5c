//! Nearest neighbours (Cover and Hart, "Nearest neighbor pattern classification", 1967): what is learned is the
//! rows themselves, each distinct one once.

use picket_schema::artifact::{IntTable, NeighbourWeights, Neighbours};
use picket_schema::limits;

use crate::dataset::Dataset;
use crate::distinct_rows::{DistinctRows, RowsError, f64_table, means_and_scales};

/// Why neighbours could not be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KnnError {
    /// There are to be no neighbours, or more than there are rows or the format holds.
    #[error("n_neighbours is {found}; expected 1 to {most}")]
    NeighbourCount {
        /// How many are to be asked.
        found: usize,
        /// The most of these rows.
        most: usize,
    },
    /// There are too many rows.
    #[error(transparent)]
    Rows(#[from] RowsError),
}

/// Keeps the distinct rows. With `standardise` a number's difference is measured in the column's standard
/// deviations; two categories are 1 apart.
///
/// # Errors
/// A [`KnnError`] for a number of neighbours that the rows do not have, and for too many rows.
pub(crate) fn fit_neighbours(
    data: &Dataset,
    n_neighbours: usize,
    weights: NeighbourWeights,
    standardise: bool,
) -> Result<Neighbours<'static>, KnnError> {
    let most = data.n_rows().min(limits::MAX_NEIGHBOURS);
    if n_neighbours == 0 || n_neighbours > most {
        let found = n_neighbours;
        return Err(KnnError::NeighbourCount { found, most });
    }
    let rows = DistinctRows::of(data);
    rows.check_size()?;
    let scales = means_and_scales(data).into_iter();
    let scales = scales.map(|(_, scale)| if standardise { scale } else { 1.0 });
    Ok(Neighbours {
        n_neighbours: n_neighbours as u32,
        weights,
        scales: f64_table(scales.map(|scale| scale.clamp(1e-15, 1e15))),
        rows: rows.packed(),
        counts: IntTable::pack(rows.counts),
        positives: IntTable::pack(rows.positives),
    })
}
