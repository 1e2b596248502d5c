//! A release never changes, so the service reads each once.

use std::cell::RefCell;
use std::collections::BTreeMap;

use picket_schema::ArtifactDigest;
use picket_trainer::monitor::{KnownModels, ReadReleases};
use picket_trainer::publish::{
    DirectoryStore, Package, PublishError, ReleaseStore, Releases, Revision,
};
use picket_trainer::{
    Learner, LogisticSettings, Reporter, TrainOptions, phishing_schema, synthetic_rows, train,
};

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

    fn replace(&self, name: &str, bytes: &[u8], expected: &Revision) -> Result<bool, PublishError> {
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
