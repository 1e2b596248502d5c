//! A model together with the bytes it borrows from, for hosts that hold it across calls.

use picket_schema::ArtifactError;

use crate::model::Model;

self_cell::self_cell!(
    struct Cell {
        owner: Vec<u8>,

        #[covariant]
        dependent: Model,
    }
);

/// A model that owns its artifact's bytes. The bytes are not copied.
pub struct OwnedModel(Cell);

impl OwnedModel {
    /// Reads and validates an artifact.
    ///
    /// # Errors
    /// The [`ArtifactError`] that decoding finds.
    pub fn load(bytes: Vec<u8>) -> Result<Self, ArtifactError> {
        Cell::try_new(bytes, |bytes| Model::load(bytes)).map(Self)
    }

    /// The artifact's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.borrow_owner()
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model<'_> {
        self.0.borrow_dependent()
    }
}

impl core::fmt::Debug for OwnedModel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("OwnedModel")
            .field(&self.model().artifact().card.name)
            .finish()
    }
}
