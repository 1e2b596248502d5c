//! Which releases a store holds.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::publish::error::PublishError;
use crate::publish::manifest::ReleaseManifest;
use crate::publish::releases::Releases;

/// A release of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// What it is.
    #[serde(flatten)]
    pub manifest: ReleaseManifest,
    /// Whether it is the champion.
    pub is_champion: bool,
}

/// Manifests that were read before: a release never changes.
#[derive(Debug, Default)]
pub struct KnownManifests(BTreeMap<u64, ReleaseManifest>);

impl Releases<'_> {
    /// The releases that exist, ascending. Numbers that were taken and never completed are none.
    ///
    /// # Errors
    /// [`PublishError`] where they cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, PublishError> {
        self.list_knowing(&mut KnownManifests::default())
    }

    /// As [`Self::list`], reading no manifest that is known, and knowing all afterwards.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub fn list_knowing(&self, known: &mut KnownManifests) -> Result<Vec<Listed>, PublishError> {
        let channel = self.champion()?.map(|(channel, _)| channel);
        // A store that was made anew in the same place.
        if let Some(channel) = &channel
            && let Some(manifest) = known.0.get(&channel.release)
            && manifest.artifact.digest != channel.artifact_digest
        {
            known.0.clear();
        }
        let champion = channel.map(|channel| channel.release);
        let numbers = self.numbers()?;
        known
            .0
            .retain(|release, _| numbers.binary_search(release).is_ok());
        for release in numbers {
            if !known.0.contains_key(&release)
                && let Some((manifest, _)) = self.manifest(release)?
            {
                known.0.insert(release, manifest);
            }
        }
        let listed = known.0.values().map(|manifest| Listed {
            is_champion: champion == Some(manifest.release),
            manifest: manifest.clone(),
        });
        Ok(listed.collect())
    }
}
