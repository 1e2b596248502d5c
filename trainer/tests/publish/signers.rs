//! The keys of a service, held against what edges trust.

use std::path::{Path, PathBuf};

use picket_schema::release::{KeySet, SigningKey};
use picket_trainer::publish::{DirectoryStore, ReleaseStore as _};
use picket_trainer::signing::{Signers, write_key};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn set(version: u64, threshold: usize, seeds: &[u8]) -> KeySet {
    let keys = seeds.iter().map(|seed| key(*seed).public()).collect();
    KeySet::new(version, threshold, keys).unwrap()
}

/// Files of keys in a folder.
fn files(folder: &Path, seeds: &[u8]) -> Vec<PathBuf> {
    let write = |seed: &u8| {
        let file = folder.join(format!("{seed}.json"));
        if !file.exists() {
            write_key(&file, &[*seed; 32]).unwrap();
        }
        file
    };
    seeds.iter().map(write).collect()
}

#[test]
fn keys_that_edges_would_not_count_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let read = |seeds: &[u8], trusted| Signers::read(&files(folder.path(), seeds), trusted, 90);
    assert!(read(&[1], set(1, 1, &[1, 2])).is_ok());
    let said = read(&[1, 3], set(4, 1, &[1, 2])).unwrap_err().to_string();
    assert!(
        said.contains("3.json") && said.contains("key set 4"),
        "{said}"
    );
    // One key twice is one key.
    let said = read(&[1, 1], set(1, 2, &[1, 2])).unwrap_err().to_string();
    assert!(
        said.contains("found 1") && said.contains("expected 2"),
        "{said}"
    );
    assert!(read(&[1, 2], set(1, 2, &[1, 2])).is_ok());
    assert!(read(&[], set(1, 1, &[1])).is_err());
}

#[test]
fn a_rotation_in_the_store_counts_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let signers = Signers::read(&files(folder.path(), &[1]), set(1, 1, &[1]), 90).unwrap();
    let store = DirectoryStore::new(&folder.path().join("store"));
    let put = |version: u64, set: &KeySet, seeds: &[u8]| {
        let keys: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
        let signed = set.sign(&keys.iter().collect::<Vec<_>>()).unwrap();
        assert!(
            store
                .create(&format!("keys/{version}.dsse.json"), &signed)
                .unwrap()
        );
    };
    let said = || signers.keys_for(&store).map(|keys| keys.len());
    assert_eq!(said().unwrap(), 1);
    put(2, &set(2, 1, &[1, 2]), &[1]);
    assert_eq!(said().unwrap(), 1, "it is in the next set too");
    put(3, &set(3, 2, &[1, 2]), &[1, 2]);
    let error = said().unwrap_err().to_string();
    assert!(
        error.contains("found 1") && error.contains("expected 2"),
        "{error}"
    );
    put(4, &set(4, 1, &[2]), &[1, 2]);
    let error = said().unwrap_err().to_string();
    assert!(error.contains("key set 4"), "{error}");
    // What no key of the set before has signed is no key set.
    put(5, &set(5, 1, &[1]), &[1]);
    let error = said().unwrap_err().to_string();
    assert!(error.contains("keys/5.dsse.json"), "{error}");
}
