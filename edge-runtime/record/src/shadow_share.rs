//! Which rows a challenger scores.

use picket_schema::sha256;

/// Which rows a challenger scores: the same on every run with the same key, and nobody without the key can tell.
#[derive(Clone)]
pub struct ShadowShare {
    key: [u8; 32],
    per_mille: u64,
}

impl ShadowShare {
    /// Chooses `per_mille` of a thousand rows.
    #[must_use]
    pub fn new(key: [u8; 32], per_mille: u64) -> Self {
        Self { key, per_mille }
    }

    /// Whether a row is chosen. Shape of `row`: `(n_features,)`.
    #[must_use]
    pub fn takes(&self, row: &[f32]) -> bool {
        if self.per_mille >= 1000 {
            return true;
        }
        let mut keyed = self.key.to_vec();
        keyed.extend(row.iter().flat_map(|x| x.to_bits().to_le_bytes()));
        let digest = sha256(&keyed);
        let start = [0, 1, 2, 3, 4, 5, 6, 7].map(|idx| digest[idx]);
        // The digest is uniform, and 1000 is far below 2^64: no value is favoured to a measurable degree.
        u64::from_le_bytes(start) % 1000 < self.per_mille
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_kept_and_the_choice_is_the_same_every_time() {
        let share = ShadowShare::new([3; 32], 200);
        let row = |idx: u16| [f32::from(idx), 1.0];
        let chosen: Vec<bool> = (0..10_000).map(|idx| share.takes(&row(idx))).collect();
        let n_chosen = chosen.iter().filter(|it| **it).count();
        // Four standard deviations of a binomial around 2000.
        assert!((1840..=2160).contains(&n_chosen), "{n_chosen}");
        let again: Vec<bool> = (0..10_000).map(|idx| share.takes(&row(idx))).collect();
        assert_eq!(chosen, again);
        let other = ShadowShare::new([4; 32], 200);
        let other: Vec<bool> = (0..10_000).map(|idx| other.takes(&row(idx))).collect();
        assert_ne!(chosen, other);
    }
}
