//! A row's answers to few conditions as bits, four compared at a time, and from the bits its line in every group.

/// A condition `x <= threshold`, and what it adds to its group's line where it does not hold.
#[derive(Clone, Copy, Debug)]
pub struct BitStep {
    /// The feature compared.
    pub feature_idx: u32,
    /// What it is compared with.
    pub threshold: f32,
    /// The condition's group, and what it adds to the group's line. The sum of a group is below 256.
    pub group: usize,
    /// See `group`.
    pub add: u8,
}

/// Four features and their thresholds. What is left over is never above.
#[derive(Clone, Copy, Debug)]
struct Four {
    features: [u32; 4],
    thresholds: [f32; 4],
}

/// Bits of an answer word that are looked up together.
const LOOKED_UP: usize = 4;

/// What eight groups' lines add up to, a byte each, by each four of the answers.
type LineSums = [[u64; 1 << LOOKED_UP]; 64 / LOOKED_UP];

/// How a row becomes bits and lines.
#[derive(Debug)]
pub struct RowBits {
    /// Missing values are not above, so these answers are of `x > threshold`.
    missing_left: Vec<Four>,
    /// Missing values are not at most, so these are of the contrary of `x <= threshold`.
    missing_right: Vec<Four>,
    n_features: usize,
    n_looked_up: usize,
    /// Shape: `(n_groups.div_ceil(8),)`.
    sums: Vec<LineSums>,
    /// Shape: `(n_groups,)`.
    first_lines: Vec<u32>,
}

impl RowBits {
    /// Prepares conditions by where missing values go; those that they go left at have the first bits. `None` where
    /// they do not fit in `most` bits. Fours are filled up, so what follows them has a higher bit: see
    /// [`RowBits::first_missing_right`]. Shape of `first_lines`, by group: `(n_groups,)`.
    #[must_use]
    pub fn new(
        missing_left: &[BitStep],
        missing_right: &[BitStep],
        first_lines: Vec<u32>,
        most: usize,
    ) -> Option<Self> {
        let first_right = Self::first_missing_right(missing_left.len());
        if first_right + missing_right.len() > most.min(64) {
            return None;
        }
        let n_groups = first_lines.len();
        let mut sums: Vec<LineSums> =
            vec![[[0; 1 << LOOKED_UP]; 64 / LOOKED_UP]; n_groups.div_ceil(8)];
        let numbered = (0..).zip(missing_left);
        for (bit, step) in numbered.chain((first_right..).zip(missing_right)) {
            let of_bits = &mut sums.get_mut(step.group / 8)?[bit / LOOKED_UP];
            for (bits, sum) in of_bits.iter_mut().enumerate() {
                if bits >> (bit % LOOKED_UP) & 1 == 1 {
                    *sum += u64::from(step.add) << (8 * (step.group % 8));
                }
            }
        }
        let steps = missing_left.iter().chain(missing_right);
        let last_feature = steps.map(|step| step.feature_idx).max();
        Some(Self {
            missing_left: missing_left.chunks(4).map(Four::new).collect(),
            missing_right: missing_right.chunks(4).map(Four::new).collect(),
            n_features: last_feature.map_or(0, |last| last as usize + 1),
            n_looked_up: (first_right + missing_right.len()).div_ceil(LOOKED_UP),
            sums,
            first_lines,
        })
    }

    /// The bit of the first condition that missing values go right at.
    #[must_use]
    pub fn first_missing_right(n_missing_left: usize) -> usize {
        n_missing_left.next_multiple_of(4)
    }

    /// A row's answers: 1 where it goes right. Shape of `row`: `(n_features,)`. Writes its line in each group, the last
    /// one again until `lines` is full.
    ///
    /// # Panics
    /// Where the row is too short.
    #[inline(never)]
    pub fn of_row(&self, row: &[f32], lines: &mut [u32]) -> u64 {
        let row = &row[..self.n_features];
        let mut bits = 0;
        let mut first = 0;
        for four in &self.missing_left {
            bits |= u64::from(four.above(row)) << first;
            first += 4;
        }
        for four in &self.missing_right {
            bits |= u64::from(four.at_most(row) ^ 15) << first;
            first += 4;
        }
        let mut last = 0;
        for (group, (line, first_line)) in lines.iter_mut().zip(&self.first_lines).enumerate() {
            *line = *first_line;
            last = group;
        }
        for (sums, lines) in self.sums.iter().zip(lines.chunks_mut(8)) {
            let looked_up = sums[..self.n_looked_up].iter().enumerate();
            let sum: u64 = looked_up
                .map(|(at, sums)| sums[(bits >> (LOOKED_UP * at)) as usize % sums.len()])
                .sum();
            for (line, add) in lines.iter_mut().zip(sum.to_le_bytes()) {
                *line += u32::from(add);
            }
        }
        if let Some((line, rest)) = lines.get_mut(last..).and_then(<[u32]>::split_first_mut) {
            rest.fill(*line);
        }
        bits
    }
}

impl Four {
    fn new(steps: &[BitStep]) -> Self {
        let mut this = Self {
            features: [0; 4],
            thresholds: [f32::INFINITY; 4],
        };
        for (lane, step) in steps.iter().enumerate() {
            (this.features[lane], this.thresholds[lane]) = (step.feature_idx, step.threshold);
        }
        this
    }

    #[inline]
    fn values(&self, row: &[f32]) -> [f32; 4] {
        self.features.map(|feature_idx| row[feature_idx as usize])
    }

    #[inline]
    fn above(&self, row: &[f32]) -> u32 {
        compared(self.values(row), self.thresholds, Comparison::Above)
    }

    #[inline]
    fn at_most(&self, row: &[f32]) -> u32 {
        compared(self.values(row), self.thresholds, Comparison::AtMost)
    }
}

#[derive(Clone, Copy)]
enum Comparison {
    Above,
    AtMost,
}

/// A bit for each of four pairs.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline]
fn compared(a: [f32; 4], b: [f32; 4], comparison: Comparison) -> u32 {
    use core::arch::wasm32::{f32x4, f32x4_gt, f32x4_le, i32x4_bitmask};
    let (a, b) = (f32x4(a[0], a[1], a[2], a[3]), f32x4(b[0], b[1], b[2], b[3]));
    u32::from(i32x4_bitmask(match comparison {
        Comparison::Above => f32x4_gt(a, b),
        Comparison::AtMost => f32x4_le(a, b),
    }))
}

/// A bit for each of four pairs.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline]
fn compared(a: [f32; 4], b: [f32; 4], comparison: Comparison) -> u32 {
    (0..4).fold(0, |bits, lane| {
        let holds = match comparison {
            Comparison::Above => a[lane] > b[lane],
            Comparison::AtMost => a[lane] <= b[lane],
        };
        bits | u32::from(holds) << lane
    })
}
