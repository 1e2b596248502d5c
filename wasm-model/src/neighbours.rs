//! The nearest stored rows, and the share of positive rows among them.

use picket_schema::artifact::{ModelColumns, NeighbourWeights, Neighbours};

use crate::row_distances::{ColumnMetric, Missing, RowDistances, metric};

/// Stored rows at one distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ring {
    pub(crate) squared_distance: f64,
    /// How many training rows these stand for.
    pub(crate) count: u64,
    /// How many of them are positive.
    pub(crate) positive: u64,
}

/// The metric of a model.
pub(crate) fn metric_of(table: &Neighbours<'_>, columns: &ModelColumns) -> Vec<ColumnMetric> {
    let missing = std::iter::repeat(Missing::LeftOut);
    metric(columns, table.iter_scales(), missing)
}

/// The share of positive rows among the nearest ones. `rings` are ascending and hold at least as many rows
/// as are asked; of the last one that is needed every row counts the same part, so the order of the stored
/// rows makes no difference.
pub(crate) fn share(table: &Neighbours<'_>, rings: &[Ring]) -> f64 {
    let by_distance = table.weights == NeighbourWeights::Distance;
    let nearest = rings[0];
    if by_distance && nearest.squared_distance == 0.0 {
        return nearest.positive as f64 / nearest.count as f64;
    }
    let mut left = u64::from(table.n_neighbours);
    let (mut positive, mut all) = (0.0, 0.0);
    for ring in rings {
        let taken = ring.count.min(left);
        let weight = if by_distance {
            1.0 / ring.squared_distance.sqrt()
        } else {
            1.0
        };
        let share = ring.positive as f64 / ring.count as f64;
        positive += weight * (taken as f64 * share);
        all += weight * taken as f64;
        left -= taken;
        if left == 0 {
            break;
        }
    }
    if all > 0.0 {
        return positive / all;
    }
    // Nothing is in common with any stored row, so all are infinitely far: one ring.
    nearest.positive as f64 / nearest.count as f64
}

/// Finds the nearest rows of one model.
#[derive(Debug)]
pub(crate) struct NeighbourScorer<'m, 'a> {
    table: &'m Neighbours<'a>,
    distances: RowDistances<'m>,
    /// Counts of all and of positive rows. Shape: `(n_rows,)`.
    counts: Vec<(u32, u32)>,
    /// The nearest rings so far, ascending.
    rings: Vec<Ring>,
}

impl<'m, 'a> NeighbourScorer<'m, 'a> {
    pub(crate) fn new(table: &'m Neighbours<'a>, columns: &ModelColumns) -> Self {
        let counts = (0..table.rows.n_rows as usize).map(|row| {
            let positive = table.positives.get(row).unwrap_or(0);
            (table.counts.get(row).unwrap_or(1), positive)
        });
        Self {
            table,
            distances: RowDistances::new(&table.rows, metric_of(table, columns)),
            counts: counts.collect(),
            rings: Vec::new(),
        }
    }

    pub(crate) fn margin(&mut self, row: &[f32]) -> f64 {
        let wanted = u64::from(self.table.n_neighbours);
        let (rings, counts) = (&mut self.rings, &self.counts);
        rings.clear();
        let mut n_inside = 0;
        self.distances.visit(row, |index, squared_distance| {
            let (count, positive) = counts[index];
            let (count, positive) = (u64::from(count), u64::from(positive));
            let bound = rings.last().map_or(f64::INFINITY, |ring| {
                if n_inside >= wanted {
                    ring.squared_distance
                } else {
                    f64::INFINITY
                }
            });
            if squared_distance > bound {
                return bound;
            }
            let at = rings.partition_point(|ring| ring.squared_distance < squared_distance);
            match rings.get_mut(at) {
                Some(ring) if ring.squared_distance == squared_distance => {
                    ring.count += count;
                    ring.positive += positive;
                }
                _ => rings.insert(
                    at,
                    Ring {
                        squared_distance,
                        count,
                        positive,
                    },
                ),
            }
            n_inside += count;
            while let Some(last) = rings.last()
                && n_inside - last.count >= wanted
            {
                n_inside -= last.count;
                rings.pop();
            }
            match rings.last() {
                Some(last) if n_inside >= wanted => last.squared_distance,
                _ => f64::INFINITY,
            }
        });
        share(self.table, rings)
    }
}
