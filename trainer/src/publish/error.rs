//! Why releases could not be read or written. No message holds a key or password.

/// Why releases could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// A destination that is none.
    #[error("{found:?}: expected {expected}")]
    Destination {
        /// What was given.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The store did not do what it was asked.
    #[error("{place}: {operation} failed: {message}")]
    Store {
        /// The object or file.
        place: String,
        /// What was tried.
        operation: &'static str,
        /// What the store said.
        message: String,
    },
    /// There is no such release.
    #[error("{store}: there is no release {release}; there are {expected}")]
    NoSuchRelease {
        /// The store.
        store: String,
        /// The number.
        release: u64,
        /// The numbers that exist, in words.
        expected: String,
    },
    /// There is nothing to roll back.
    #[error("{store}: {found}; expected a champion and an earlier release with another artifact")]
    NothingToRollBack {
        /// The store.
        store: String,
        /// What was found.
        found: &'static str,
    },
    /// A file is not what its manifest says.
    #[error("{place}: found {found}, expected {expected}")]
    Damaged {
        /// The file.
        place: String,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// Somebody else changed the channel in between.
    #[error("{place}: somebody else changed it in between; it points to release {found} now")]
    ChannelMoved {
        /// The channel's file.
        place: String,
        /// Where it points now.
        found: String,
    },
    /// Numbers only grow.
    #[error(
        "release {release} is older than the champion, release {champion}; expected a newer one, or trainer rollback, which publishes the old artifact anew"
    )]
    OlderThanChampion {
        /// The release to promote.
        release: u64,
        /// The champion.
        champion: u64,
    },
    /// A promotion that edges would not follow.
    #[error(
        "{store}: promotions are signed here, and edges that have seen that follow no other: expected --key with the signing key"
    )]
    UnsignedPromotion {
        /// The store.
        store: String,
    },
    /// A pipeline that would publish what no edge takes, and was not told that this is meant.
    #[error(
        "{store}: the pipeline names no signing keys, so no edge that follows releases would take what it publishes: \
         expected [publish] sign-with with the keys, or allow-unsigned = true where others sign it (trainer sign --to) or \
         nobody does"
    )]
    UnsignedPublish {
        /// The store.
        store: String,
    },
    /// An unsigned release in the place of signed ones.
    #[error(
        "{store}: releases are signed here, so an unsigned one is not promoted: expected [publish] sign-with with the keys, \
         or promote = false, and trainer sign --to {store} and trainer promote --key later"
    )]
    UnsignedAfterSigned {
        /// The store.
        store: String,
    },
    /// A signed promotion of what is not signed.
    #[error(
        "{store}: release {release} is not signed, so no edge takes it: expected trainer sign --to {store} --release {release} first"
    )]
    UnsignedRelease {
        /// The store.
        store: String,
        /// The release.
        release: u64,
    },
    /// Others took every number that was tried.
    #[error("{store}: other publishers took {attempts} numbers one after the other; try again")]
    Busy {
        /// The store.
        store: String,
        /// How many numbers were tried.
        attempts: u32,
    },
}

impl PublishError {
    /// Whether the user can mend it.
    #[must_use]
    pub fn is_input_error(&self) -> bool {
        matches!(
            self,
            Self::Destination { .. }
                | Self::NoSuchRelease { .. }
                | Self::NothingToRollBack { .. }
                | Self::OlderThanChampion { .. }
                | Self::UnsignedPromotion { .. }
                | Self::UnsignedPublish { .. }
                | Self::UnsignedAfterSigned { .. }
                | Self::UnsignedRelease { .. }
        )
    }
}
