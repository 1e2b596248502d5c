//! The one source of chance, the same on every machine.

/// Steele, Lea and Flood's `SplitMix64` (OOPSLA 2014, "Fast splittable pseudorandom number
/// generators"). Streams are derived from a seed and an index, so a tree draws the same numbers
/// whichever thread grows it.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl Random {
    /// Stream number `stream` of `seed`.
    pub(crate) fn stream(seed: u64, stream: u64) -> Self {
        // Mixing twice keeps (seed, stream) and (seed + 1, stream - 1) from meeting.
        let mixed = mix(seed.wrapping_add(GOLDEN));
        Self {
            state: mix(mixed ^ mix(stream.wrapping_mul(GOLDEN) ^ 0xD1B5_4A32_D192_ED03)),
        }
    }

    /// 64 fair bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// A number in `0..n`. Lemire's multiplication without the rejection step: for the sizes
    /// met here, below 2^28, its bias stays under 2^-36.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        debug_assert!(n > 0);
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A number in `[0, 1)` with 53 random bits.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * 2f64.powi(-53)
    }

    /// `count` of `0..n`, in ascending order, every subset as likely.
    pub(crate) fn subset(&mut self, n: usize, count: usize) -> Vec<u32> {
        let mut drawn: Vec<u32> = (0..n as u32).collect();
        if count < n {
            for at in 0..count {
                drawn.swap(at, at + self.below(n - at));
            }
            drawn.truncate(count);
            drawn.sort_unstable();
        }
        drawn
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_the_paper() {
        // Reference output of SplitMix64 for the state 1234567.
        let mut random = Random { state: 1_234_567 };
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn neighbouring_streams_differ() {
        let first = Random::stream(7, 1).bits();
        assert_ne!(first, Random::stream(7, 2).bits());
        assert_ne!(first, Random::stream(8, 1).bits());
        assert_ne!(first, Random::stream(8, 0).bits());
        assert_eq!(first, Random::stream(7, 1).bits());
    }

    #[test]
    fn below_covers_its_range_evenly() {
        let mut random = Random::stream(0, 0);
        let mut counts = [0_usize; 7];
        for _ in 0..70_000 {
            counts[random.below(7)] += 1;
        }
        assert!(
            counts.iter().all(|&n| (9_500..10_500).contains(&n)),
            "{counts:?}"
        );
    }

    #[test]
    fn subsets_cover_all_evenly_and_in_order() {
        let mut random = Random::stream(4, 0);
        let mut counts = [0_usize; 6];
        for _ in 0..6_000 {
            let subset = random.subset(6, 3);
            assert!(subset.len() == 3 && subset.is_sorted_by(|a, b| a < b));
            for at in subset {
                counts[at as usize] += 1;
            }
        }
        assert!(
            counts.iter().all(|n| (2_850..3_150).contains(n)),
            "{counts:?}"
        );
        assert_eq!(random.subset(3, 3), [0, 1, 2]);
    }
}
