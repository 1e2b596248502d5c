//! A set of category codes.

/// Which codes of a categorical feature a condition sends left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategorySet {
    n_categories: u32,
    words: Box<[u64]>,
}

impl CategorySet {
    /// The set of `codes`, each below `n_categories`.
    ///
    /// # Panics
    /// When a code is out of range.
    #[must_use]
    pub fn from_codes(n_categories: usize, codes: impl IntoIterator<Item = usize>) -> Self {
        let mut words = vec![0_u64; n_categories.div_ceil(64)].into_boxed_slice();
        for code in codes {
            assert!(code < n_categories, "category {code} of {n_categories}");
            words[code / 64] |= 1 << (code % 64);
        }
        Self {
            n_categories: n_categories as u32,
            words,
        }
    }

    /// Whether the set holds `code`.
    #[must_use]
    pub fn contains(&self, code: usize) -> bool {
        self.words
            .get(code / 64)
            .is_some_and(|word| word >> (code % 64) & 1 == 1)
    }

    /// How many codes the feature has, in the set or not.
    #[must_use]
    pub fn n_categories(&self) -> usize {
        self.n_categories as usize
    }

    /// The set as bits, code 0 in the lowest bit of the first word; bits past the last code are 0.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }
}
