//! How a long fit says how far it is.

/// Hears of every tree that is done. Forests call it from many threads.
pub trait Progress: Sync {
    /// `grown` trees of at most `total` are done.
    fn tree_grown(&self, grown: usize, total: usize);
}

/// Hears nothing.
impl Progress for () {
    fn tree_grown(&self, _grown: usize, _total: usize) {}
}

impl<F: Fn(usize, usize) + Sync> Progress for F {
    fn tree_grown(&self, grown: usize, total: usize) {
        self(grown, total);
    }
}
