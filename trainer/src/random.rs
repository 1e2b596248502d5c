//! The one source of chance, the same on every machine.

/// Steele, Lea and Flood's `SplitMix64` (OOPSLA 2014, "Fast splittable pseudorandom number
/// generators"). A stream is named by a seed and an index, so work drawn from it may run on any thread.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Keeps the streams of splits, resampling and samples apart from those of learners.
const OF_DATA: u64 = 0xA076_1D64_78BD_642F;
const OF_LEARNER: u64 = 0xD1B5_4A32_D192_ED03;

impl Random {
    /// Stream number `stream` of `seed`, for splits, resampling and samples.
    pub(crate) fn stream(seed: u64, stream: u64) -> Self {
        Self::of_domain(OF_DATA, seed, stream)
    }

    /// Stream number `stream` of `seed`, for a learner: one a tree, so that a tree draws the same
    /// numbers whichever thread grows it.
    pub(crate) fn learner_stream(seed: u64, stream: u64) -> Self {
        Self::of_domain(OF_LEARNER, seed, stream)
    }

    fn of_domain(domain: u64, seed: u64, stream: u64) -> Self {
        // Mixing twice keeps (seed, stream) and (seed + 1, stream - 1) from meeting.
        let mixed = mix(seed.wrapping_add(GOLDEN));
        Self {
            state: mix(mixed ^ mix(stream.wrapping_mul(GOLDEN) ^ domain)),
        }
    }

    /// 64 fair bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// A number in `0..n`, by Lemire's multiplication. Without his rejection step the bias is
    /// below `n / 2^64`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        debug_assert!(n > 0, "there is no number below 0");
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A number in `[0, 1)` with 53 random bits.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
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

    /// Puts `items` in random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
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
    fn the_first_numbers_are_those_of_the_reference_code() {
        let mut random = Random { state: 1_234_567 };
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..100).collect();
        Random::stream(1, 2).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
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

    #[test]
    fn learners_and_data_draw_different_numbers() {
        assert_ne!(
            Random::stream(7, 1).bits(),
            Random::learner_stream(7, 1).bits()
        );
    }
}
