//! Releases in a directory.

use picket_trainer::publish::{DirectoryStore, ReleaseStore, Releases, open_store};

use crate::{package, rules};

fn in_directory(test: impl FnOnce(&dyn ReleaseStore)) {
    let dir = tempfile::tempdir().unwrap();
    // A folder that is made with the first release.
    test(&DirectoryStore::new(&dir.path().join("made/later")));
}

#[test]
fn a_model_goes_its_way() {
    in_directory(rules::a_model_goes_its_way);
}

#[test]
fn what_stands_stays() {
    in_directory(rules::what_stands_stays);
}

#[test]
fn half_a_release_is_none() {
    in_directory(rules::half_a_release_is_none);
}

#[test]
fn a_damaged_release_is_not_promoted() {
    in_directory(rules::a_damaged_release_is_not_promoted);
}

#[test]
fn publishers_do_not_meet() {
    let dir = tempfile::tempdir().unwrap();
    rules::publishers_do_not_meet(&|| DirectoryStore::new(dir.path()));
}

#[test]
fn what_is_no_release_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["releases/01", "releases/x", "releases/7", "releases/.part"] {
        std::fs::create_dir_all(dir.path().join(name)).unwrap();
    }
    let store = DirectoryStore::new(dir.path());
    let made = Releases::new(&store).publish(&package(0)).unwrap();
    assert_eq!(made.release, 8, "after the highest number taken");
    assert_eq!(Releases::new(&store).list().unwrap().len(), 1);
    let left: Vec<_> = std::fs::read_dir(dir.path().join("releases/8"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(left.is_empty(), "no temporary file stays: {left:?}");
}

#[test]
fn addresses_of_other_kinds_are_refused() {
    for wrong in ["", "ftp://host/x", "gs://bucket"] {
        assert!(open_store(wrong).is_err(), "{wrong}");
    }
}
