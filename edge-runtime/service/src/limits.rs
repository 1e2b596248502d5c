//! What a request may cost.

/// Caps on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest body in bytes.
    pub max_body: usize,
    /// The most rows in a batch. A row of a narrow schema is two bytes long, and its answer a
    /// hundred: the body's size alone would not bound the memory.
    pub max_rows: usize,
}

impl Default for Limits {
    /// 16 MiB and 250,000 rows.
    fn default() -> Self {
        Self {
            max_body: 16 << 20,
            max_rows: 250_000,
        }
    }
}
