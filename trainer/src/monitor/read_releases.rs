//! Releases that were read before: one never changes, so whoever looks again and again reads each once.

use std::collections::BTreeMap;
use std::sync::Arc;

use picket_schema::ArtifactDigest;
use picket_schema::limits::MAX_ARTIFACT_BYTES;
use picket_wasm_model::OwnedModel;

use crate::error::TrainerError;
use crate::monitor::known_models::load;
use crate::publish::{KnownManifests, Listed, ReleaseStore, Releases};

/// No signed release is larger.
const MAX_ENVELOPE_BYTES: u64 = picket_schema::release::caps::MAX_ENVELOPE_BYTES as u64;

/// Manifests and models of releases that were read before.
#[derive(Default)]
pub struct ReadReleases {
    manifests: KnownManifests,
    models: BTreeMap<u64, ReadRelease>,
}

/// The models of a release.
#[derive(Default)]
struct ReadRelease {
    /// The digest in its manifest.
    artifact_digest: String,
    champion: Option<Arc<OwnedModel>>,
    challenger: Option<(String, Arc<OwnedModel>)>,
    /// Whether it has been signed: a challenger comes with the signature or not at all.
    is_signed: bool,
}

impl std::fmt::Debug for ReadReleases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadReleases")
            .field("releases", &self.models.keys())
            .finish_non_exhaustive()
    }
}

impl ReadReleases {
    /// The releases of a store, ascending.
    pub(super) fn list(&mut self, store: &dyn ReleaseStore) -> Result<Vec<Listed>, TrainerError> {
        let listed = Releases::new(store).list_knowing(&mut self.manifests)?;
        let digests: BTreeMap<u64, &str> = listed
            .iter()
            .map(|it| (it.manifest.release, it.manifest.artifact.digest.as_str()))
            .collect();
        // Of a store that was made anew in the same place nothing is known.
        self.models
            .retain(|release, it| digests.get(release) == Some(&it.artifact_digest.as_str()));
        for (release, digest) in digests {
            let release = self.models.entry(release).or_default();
            digest.clone_into(&mut release.artifact_digest);
        }
        Ok(listed)
    }

    /// The models of chosen releases, each with its release and digest, a challenger before the model beside it. Those of
    /// other releases are forgotten.
    pub(super) fn models(
        &mut self,
        store: &dyn ReleaseStore,
        chosen: &[u64],
    ) -> Result<Vec<(u64, String, Arc<OwnedModel>)>, TrainerError> {
        self.models.retain(|release, _| chosen.contains(release));
        let mut models = Vec::new();
        for (number, release) in &mut self.models {
            release.read(store, *number)?;
            if let Some((digest, model)) = &release.challenger {
                models.push((*number, digest.clone(), Arc::clone(model)));
            }
            if let Some(model) = &release.champion {
                let digest = release.artifact_digest.clone();
                models.push((*number, digest, Arc::clone(model)));
            }
        }
        Ok(models)
    }
}

impl ReadRelease {
    /// Reads what has not been read yet.
    fn read(&mut self, store: &dyn ReleaseStore, number: u64) -> Result<(), TrainerError> {
        let name = |file: &str| format!("releases/{number}/{file}");
        let model = |file: &str| -> Result<Option<(String, Arc<OwnedModel>)>, TrainerError> {
            let name = name(file);
            let Some((bytes, _)) = store.read(&name, MAX_ARTIFACT_BYTES as u64)? else {
                return Ok(None);
            };
            let digest = ArtifactDigest::of(&bytes).to_string();
            Ok(Some((digest, Arc::new(load(bytes, &name)?))))
        };
        if !self.is_signed && self.challenger.is_none() {
            // Asked first: what comes between the two is found with the next look.
            let envelope = store.read(&name("release.dsse.json"), MAX_ENVELOPE_BYTES)?;
            self.challenger = model("challenger.picket")?;
            self.is_signed = envelope.is_some();
        }
        if self.champion.is_none() {
            // What is not as its manifest says is nobody's model.
            let found = model("model.picket")?;
            let found = found.filter(|(digest, _)| *digest == self.artifact_digest);
            self.champion = found.map(|(_, model)| model);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::KnownModels;
    use crate::publish::{DirectoryStore, Package, PublishError, Revision};
    use crate::{
        Learner, LogisticSettings, Reporter, TrainOptions, phishing_schema, synthetic_rows, train,
    };
    use std::cell::RefCell;

    /// Counts what is read by name.
    struct Counting {
        store: DirectoryStore,
        reads: RefCell<BTreeMap<String, usize>>,
    }

    impl ReleaseStore for Counting {
        fn address(&self) -> String {
            self.store.address()
        }

        fn read(
            &self,
            name: &str,
            max_bytes: u64,
        ) -> Result<Option<(Vec<u8>, Revision)>, PublishError> {
            *self.reads.borrow_mut().entry(name.to_owned()).or_default() += 1;
            self.store.read(name, max_bytes)
        }

        fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, PublishError> {
            self.store.create(name, bytes)
        }

        fn replace(
            &self,
            name: &str,
            bytes: &[u8],
            expected: &Revision,
        ) -> Result<bool, PublishError> {
            self.store.replace(name, bytes, expected)
        }

        fn folders(&self, name: &str) -> Result<Vec<String>, PublishError> {
            self.store.folders(name)
        }
    }

    /// A model that differs by its number.
    fn artifact(number: u32) -> Vec<u8> {
        let data = synthetic_rows(&phishing_schema().unwrap(), 200, 1).unwrap();
        let settings = LogisticSettings {
            l1: 0.0,
            l2: f64::from(number),
        };
        let options = TrainOptions::new(Learner::Logistic(settings));
        train(&data, &options, Reporter::Silent).unwrap().bytes
    }

    #[test]
    fn a_release_is_read_once_however_often_it_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let store = Counting {
            store: DirectoryStore::new(dir.path()),
            reads: RefCell::default(),
        };
        let publish = |number: u32| {
            let package = Package {
                artifact: artifact(number),
                ..Package::default()
            };
            Releases::new(&store).publish(&package).unwrap().release
        };
        let (first, second) = (publish(1), publish(2));
        // The second is signed, the first is not yet.
        let put = |name: &str, bytes: &[u8]| assert!(store.create(name, bytes).unwrap());
        put("releases/2/release.dsse.json", b"{}");
        Releases::new(&store).promote(first).unwrap();
        let mut read = ReadReleases::default();
        let mut look = |n_releases: usize| {
            let mut known = KnownModels::default();
            known
                .add_releases_knowing(&store, n_releases, &mut read)
                .unwrap();
            known
        };
        let digest = |number: u32| ArtifactDigest::of(&artifact(number)).to_string();
        store.reads.borrow_mut().clear();
        for _ in 0..3 {
            let known = look(20);
            assert_eq!(known.get(&digest(1)).unwrap().release, Some(first));
            assert_eq!(known.get(&digest(2)).unwrap().release, Some(second));
            assert!(known.newest().unwrap().is_champion);
        }
        let count = |name: &str| store.reads.borrow().get(name).copied().unwrap_or(0);
        for release in [first, second] {
            for file in ["model.picket", "manifest.json"] {
                assert_eq!(count(&format!("releases/{release}/{file}")), 1, "{file}");
            }
        }
        assert_eq!(count("releases/2/challenger.picket"), 1, "it is signed");
        assert_eq!(count("releases/1/challenger.picket"), 3, "it may come yet");

        // A challenger that comes with the signature, a new release, a promotion: all is seen with the next look.
        put("releases/1/challenger.picket", &artifact(4));
        put("releases/1/release.dsse.json", b"{}");
        let third = publish(3);
        Releases::new(&store).promote(third).unwrap();
        store.reads.borrow_mut().clear();
        for _ in 0..2 {
            let known = look(20);
            assert_eq!(known.get(&digest(4)).unwrap().release, Some(first));
            assert!(known.get(&digest(3)).unwrap().is_champion);
            assert!(!known.get(&digest(1)).unwrap().is_champion);
        }
        assert_eq!(count("releases/1/model.picket"), 0);
        assert_eq!(count("releases/3/model.picket"), 1);
        // Only the newest are held.
        let known = look(1);
        assert!(known.get(&digest(1)).is_none() && known.get(&digest(3)).is_some());

        // Another store in the same place.
        std::fs::remove_dir_all(dir.path()).unwrap();
        assert_eq!(publish(5), 1);
        Releases::new(&store).promote(1).unwrap();
        let known = look(20);
        assert!(known.get(&digest(5)).unwrap().is_champion);
        assert!(known.get(&digest(1)).is_none());
    }
}
