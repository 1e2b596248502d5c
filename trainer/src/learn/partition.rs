//! The rows of a growing tree, each node's side by side.

/// Row indexes with one packed word each. Splitting a node keeps the order of its rows on both
/// sides, so memory is read forwards all the way down.
#[derive(Debug)]
pub(crate) struct Partition {
    rows: Vec<u32>,
    words: Vec<u64>,
    right_rows: Vec<u32>,
    right_words: Vec<u64>,
}

impl Partition {
    pub(crate) fn new(rows: Vec<u32>, words: Vec<u64>) -> Self {
        assert_eq!(rows.len(), words.len(), "a word for each row");
        let right_rows = vec![0; rows.len()];
        let right_words = vec![0; rows.len()];
        Self {
            rows,
            words,
            right_rows,
            right_words,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows from `start` to before `end` and their words.
    pub(crate) fn part(&self, start: usize, end: usize) -> (&[u32], &[u64]) {
        (&self.rows[start..end], &self.words[start..end])
    }

    /// Moves the rows of `start..end` that go left before those that do not; returns where the
    /// latter begin.
    #[inline]
    pub(crate) fn split(
        &mut self,
        start: usize,
        end: usize,
        goes_left: impl Fn(u32) -> bool,
    ) -> usize {
        let rows = &mut self.rows[start..end];
        let words = &mut self.words[start..end];
        let right_rows = &mut self.right_rows[..rows.len()];
        let right_words = &mut self.right_words[..rows.len()];
        let (mut n_left, mut n_right) = (0, 0);
        // Both sides are written for every row and one of them advances: no branch to mispredict.
        for at in 0..rows.len() {
            let (row, word) = (rows[at], words[at]);
            let left = goes_left(row);
            rows[n_left] = row;
            words[n_left] = word;
            right_rows[n_right] = row;
            right_words[n_right] = word;
            n_left += usize::from(left);
            n_right += usize::from(!left);
        }
        rows[n_left..].copy_from_slice(&right_rows[..n_right]);
        words[n_left..].copy_from_slice(&right_words[..n_right]);
        start + n_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_keep_their_order() {
        let mut partition = Partition::new((0..8).collect(), (10..18).collect());
        let middle = partition.split(2, 7, |row| row % 2 == 0);
        assert_eq!(middle, 5);
        assert_eq!(partition.part(0, 8).0, [0, 1, 2, 4, 6, 3, 5, 7]);
        assert_eq!(partition.part(0, 8).1, [10, 11, 12, 14, 16, 13, 15, 17]);
    }
}
