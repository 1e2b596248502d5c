//! What the sync asks of the host that serves.

use picket_schema::release::{Manifest, Tombstones};

use super::sync_error::SyncError;

/// A verified release's files.
#[derive(Clone, Debug)]
pub struct ReleaseFiles {
    /// What was signed.
    pub manifest: Manifest,
    /// The model that answers.
    pub champion: Vec<u8>,
    /// The model that scores beside it.
    pub challenger: Option<Vec<u8>>,
    /// The scorer component, where the release brings one.
    pub scorer: Option<Vec<u8>>,
    /// Chooses the rows that the challenger scores.
    pub shadow_key: [u8; 32],
}

/// Models that are loaded and not yet swapped in.
pub trait LoadedModels: Send {
    /// Swaps them in. Requests under way finish with the models that they started with.
    fn swap_in(self: Box<Self>);
}

/// Loads and serves what the sync has verified.
pub trait ReleaseHost: Send {
    /// Loads a release's models and scores its golden rows, while the old ones go on answering.
    ///
    /// # Errors
    /// [`SyncError::Refused`] where a golden row gets another margin, [`SyncError::Load`].
    fn load(&self, files: &ReleaseFiles) -> Result<Box<dyn LoadedModels>, SyncError>;

    /// Withholds all answers, with the reason that is given instead, or gives them again.
    fn withhold(&self, reason: Option<&str>);

    /// Carries an erasure out where records wait. Gives how many waited; `None` where nothing is recorded here, and
    /// the list is not carried out.
    fn erase(&self, tombstones: &Tombstones) -> Option<Result<u64, String>> {
        let _ = tombstones;
        None
    }
}
