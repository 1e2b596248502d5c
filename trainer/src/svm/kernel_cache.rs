//! The rows of the kernel matrix that were used last, as many as fit into bounded memory.

use super::kernel_rows::KernelRows;

/// The most bytes of rows that are kept.
const MAX_BYTES: usize = 256 << 20;

/// Kept rows, in f64: dot products rounded to f32 kept a linear machine from converging on the phishing data.
/// Which are kept changes how long a fit takes and nothing else.
pub(super) struct KernelCache<'k, K> {
    kernel: &'k K,
    rows: Vec<Vec<f64>>,
    /// For each kept row its point and when it was used.
    uses: Vec<(usize, u64)>,
    /// Where each point's row is kept.
    slots: Vec<Option<u32>>,
    most: usize,
    clock: u64,
}

impl<'k, K: KernelRows> KernelCache<'k, K> {
    pub(super) fn new(kernel: &'k K) -> Self {
        let n = kernel.len();
        Self {
            kernel,
            rows: Vec::new(),
            uses: Vec::new(),
            slots: vec![None; n],
            // A step of the solver needs two at once.
            most: (MAX_BYTES / (8 * n.max(1))).clamp(2, n.max(2)),
            clock: 0,
        }
    }

    /// Makes sure that a point's row is kept, and says where. The row that was used before it stays.
    pub(super) fn keep(&mut self, point: usize) -> usize {
        self.clock += 1;
        if let Some(slot) = self.slots[point] {
            let slot = slot as usize;
            self.uses[slot].1 = self.clock;
            return slot;
        }
        let slot = if self.rows.len() < self.most {
            self.rows.push(vec![0.0; self.kernel.len()]);
            self.uses.push((point, self.clock));
            self.rows.len() - 1
        } else {
            let oldest = self
                .uses
                .iter()
                .enumerate()
                .min_by_key(|(_, (_, used))| *used);
            let slot = oldest.map_or(0, |(slot, _)| slot);
            self.slots[self.uses[slot].0] = None;
            self.uses[slot] = (point, self.clock);
            slot
        };
        self.slots[point] = Some(slot as u32);
        self.kernel.write_row(point, &mut self.rows[slot]);
        slot
    }

    /// The row kept there. Shape: `(n_points,)`.
    pub(super) fn row(&self, slot: usize) -> &[f64] {
        &self.rows[slot]
    }
}
