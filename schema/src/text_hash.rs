//! From any text to one of a few buckets, for features with too many categories to list.

/// The bucket of a text, one of `n_buckets`: FNV-1a (Fowler, Noll and Vo) of its UTF-8 bytes in 64 bits,
/// mixed by the finaliser of `MurmurHash3` (Appleby), so that every bit of the text moves the high half; that
/// half, as a fraction of its range, is the place among the buckets. SPEC.md has test vectors.
pub(crate) fn bucket(text: &str, n_buckets: u32) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^= hash >> 33;
    (((hash >> 32) * u64::from(n_buckets)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_specification() {
        for (text, of_4096, of_10) in [
            ("a", 2090, 5),
            ("tcp", 191, 0),
            ("example.org", 3283, 8),
            ("Ünïcode", 2561, 6),
            ("80", 3548, 8),
        ] {
            assert_eq!(
                (bucket(text, 4096), bucket(text, 10)),
                (of_4096, of_10),
                "{text}"
            );
            assert_eq!(bucket(text, 1), 0);
        }
    }

    #[test]
    fn texts_spread_over_the_buckets() {
        let mut counts = [0_u32; 64];
        for number in 0..64_000 {
            counts[bucket(&format!("host-{number}.example"), 64) as usize] += 1;
        }
        // A thousand each; five standard deviations are 157.
        assert!(
            counts.iter().all(|count| (843..1157).contains(count)),
            "{counts:?}"
        );
    }
}
