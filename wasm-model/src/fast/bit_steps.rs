//! Makes of conditions on thresholds what turns a row into bits.

use picket_kernels::{FourConditions, LOOKED_UP, LineSums, RowBits};

/// A condition `x <= threshold`, and what it adds to its group's line where it does not hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct BitStep {
    /// The feature compared.
    pub(super) feature_idx: u32,
    /// What it is compared with.
    pub(super) threshold: f32,
    /// The condition's group, and what it adds to the group's line. The sum of a group is below 256.
    pub(super) group: usize,
    /// See `group`.
    pub(super) add: u8,
}

/// Prepares conditions by where missing values go. `None` where they do not fit in `most` bits. Fours are filled up, so what
/// follows them has a higher bit: see [`first_missing_right`]. Shape of `first_lines`, by group: `(n_groups,)`.
pub(super) fn row_bits(
    missing_left: &[BitStep],
    missing_right: &[BitStep],
    first_lines: Vec<u32>,
    most: usize,
) -> Option<RowBits> {
    let first_right = first_missing_right(missing_left.len());
    if first_right + missing_right.len() > most {
        return None;
    }
    let nothing: LineSums = [[0; 1 << LOOKED_UP]; 64 / LOOKED_UP];
    let mut sums = vec![nothing; first_lines.len().div_ceil(8)];
    let numbered = (0..).zip(missing_left);
    for (bit, step) in numbered.chain((first_right..).zip(missing_right)) {
        let of_bits = &mut sums.get_mut(step.group / 8)?[bit / LOOKED_UP];
        for (bits, sum) in of_bits.iter_mut().enumerate() {
            if bits >> (bit % LOOKED_UP) & 1 == 1 {
                *sum += u64::from(step.add) << (8 * (step.group % 8));
            }
        }
    }
    Some(RowBits {
        missing_left: missing_left.chunks(4).map(four).collect(),
        missing_right: missing_right.chunks(4).map(four).collect(),
        sums,
        first_lines,
    })
}

/// The bit of the first condition that missing values go right at.
pub(super) fn first_missing_right(n_missing_left: usize) -> usize {
    n_missing_left.next_multiple_of(4)
}

fn four(steps: &[BitStep]) -> FourConditions {
    let mut four = FourConditions {
        features: [0; 4],
        thresholds: [f32::INFINITY; 4],
    };
    for (lane, step) in steps.iter().enumerate() {
        (four.features[lane], four.thresholds[lane]) = (step.feature_idx, step.threshold);
    }
    four
}
