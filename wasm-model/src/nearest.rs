//! The nearest training rows of a row, and what they say of one of its values.

use picket_schema::artifact::NeighbourWeights;

/// A training row that has a value in the column.
#[derive(Clone, Copy, Debug)]
struct Donor {
    /// The square of its distance.
    square: f64,
    value: f64,
    /// How many training rows it stands for.
    count: u32,
}

/// The nearest donors so far, nearest first; of equal ones the first pushed.
#[derive(Debug, Default)]
pub(crate) struct Nearest {
    donors: Vec<Donor>,
    /// The sum and number of all donors' values.
    sum: f64,
    n_rows: f64,
}

/// A value as a coordinate: ±∞ stands at the largest number of its sign, so that every distance is finite.
pub(crate) fn coordinate(x: f32) -> f64 {
    f64::from(x.clamp(f32::MIN, f32::MAX))
}

impl Nearest {
    pub(crate) fn clear(&mut self) {
        self.donors.clear();
        (self.sum, self.n_rows) = (0.0, 0.0);
    }

    /// Takes a donor; `square` is the square of its distance, `None` where it has none.
    pub(crate) fn push(
        &mut self,
        n_neighbours: usize,
        square: Option<f64>,
        value: f32,
        count: u32,
    ) {
        let value = f64::from(value);
        self.sum += f64::from(count) * value;
        self.n_rows += f64::from(count);
        let Some(square) = square else { return };
        // Each donor stands for at least one row, so more than these are never asked.
        if self.donors.len() == n_neighbours {
            if self.donors.last().is_some_and(|last| last.square <= square) {
                return;
            }
            self.donors.pop();
        }
        let place = self.donors.partition_point(|donor| donor.square <= square);
        let donor = Donor {
            square,
            value,
            count,
        };
        self.donors.insert(place, donor);
    }

    /// The weighted mean of the nearest rows; of all donors where none has a distance, `None` where
    /// there are none.
    pub(crate) fn value(&self, n_neighbours: usize, weights: NeighbourWeights) -> Option<f64> {
        let Some(nearest) = self.donors.first() else {
            return (self.n_rows > 0.0).then(|| self.sum / self.n_rows);
        };
        let (mut sum, mut weight, mut left) = (0.0, 0.0, n_neighbours as u32);
        for donor in &self.donors {
            let n_taken = donor.count.min(left);
            left -= n_taken;
            let mut of_donor = f64::from(n_taken);
            if weights == NeighbourWeights::Distance {
                if nearest.square > 0.0 {
                    of_donor /= donor.square.sqrt();
                } else if donor.square > 0.0 {
                    // Beside rows at distance 0 no other counts.
                    break;
                }
            }
            sum += of_donor * donor.value;
            weight += of_donor;
        }
        Some(sum / weight)
    }
}
