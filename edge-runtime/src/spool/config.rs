//! How large the spool may grow, and what happens then.

/// What happens to a record for which there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// It is refused: its request gets an error, and no verdict goes out unrecorded.
    #[default]
    Refuse,
    /// The oldest records are dropped for it, and counted.
    DropOldest,
}

/// How large the spool may grow, and what happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolConfig {
    /// The most bytes that records may take, delivered ones apart.
    pub max_bytes: u64,
    /// The most bytes that dead letters may take; the oldest half of them goes then.
    pub max_dead_bytes: u64,
    /// What happens to a record for which there is no room.
    pub when_full: WhenFull,
}

impl Default for SpoolConfig {
    /// 256 MiB, 16 MiB for dead letters, refusing.
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            max_dead_bytes: 16 << 20,
            when_full: WhenFull::default(),
        }
    }
}

impl SpoolConfig {
    /// When a segment is full: what is dropped at a time, and read at a time, is about an eighth of all.
    pub(super) fn segment_bytes(&self) -> u64 {
        (self.max_bytes / 8).clamp(1, 4 << 20)
    }
}
