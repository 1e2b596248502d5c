//! A row's answers to few conditions as bits, four compared at a time, and from the bits its line in every group.

/// Four features and their thresholds. What is left over is never above.
#[derive(Clone, Copy, Debug)]
pub struct FourConditions {
    /// The features compared.
    pub features: [u32; 4],
    /// What they are compared with.
    pub thresholds: [f32; 4],
}

/// Bits of an answer word that are looked up together.
pub const LOOKED_UP: usize = 4;

/// What eight groups' lines add up to, a byte each, by each four of the answers.
pub type LineSums = [[u64; 1 << LOOKED_UP]; 64 / LOOKED_UP];

/// How a row becomes bits and lines. At most 64 conditions, those first that missing values go left at.
#[derive(Debug)]
pub struct RowBits {
    /// Missing values are not above, so these answers are of `x > threshold`.
    pub missing_left: Vec<FourConditions>,
    /// Missing values are not at most, so these are of the contrary of `x <= threshold`.
    pub missing_right: Vec<FourConditions>,
    /// Shape: `(n_groups.div_ceil(8),)`.
    pub sums: Vec<LineSums>,
    /// Shape: `(n_groups,)`.
    pub first_lines: Vec<u32>,
}

impl RowBits {
    /// A row's answers: 1 where it goes right. Shape of `row`: `(n_features,)`. Writes its line in each group, the last
    /// one again until `lines` is full.
    ///
    /// # Panics
    /// Where the row is too short.
    #[inline(never)]
    pub fn of_row(&self, row: &[f32], lines: &mut [u32]) -> u64 {
        let mut bits = 0;
        let mut first = 0_usize;
        for four in &self.missing_left {
            bits |= u64::from(four.above(row)).wrapping_shl(first as u32);
            first += 4;
        }
        for four in &self.missing_right {
            bits |= u64::from(four.at_most(row) ^ 15).wrapping_shl(first as u32);
            first += 4;
        }
        let mut last = 0;
        for (group, (line, first_line)) in lines.iter_mut().zip(&self.first_lines).enumerate() {
            *line = *first_line;
            last = group;
        }
        for (sums, lines) in self.sums.iter().zip(lines.chunks_mut(8)) {
            let looked_up = sums[..first.div_ceil(LOOKED_UP).min(sums.len())]
                .iter()
                .enumerate();
            let sum: u64 = looked_up
                .map(|(at, sums)| sums[(bits >> (LOOKED_UP * at)) as usize % (1 << LOOKED_UP)])
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

impl FourConditions {
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
