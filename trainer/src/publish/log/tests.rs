//! What the log shows of changes, and what its head is.

use super::*;
use crate::publish::DirectoryStore;

fn digest(seed: u8) -> String {
    ArtifactDigest([seed; 32]).to_string()
}

fn append(
    store: &DirectoryStore,
    action: LogAction,
    release: u64,
    keys: &[&SigningKey],
) -> Result<LogEntry, PublishError> {
    let deed = Deed {
        action,
        release,
        digest: &digest(1),
        payload: Some(PayloadDigest([release as u8; 32])),
    };
    PublishLog::new(store).append(&deed, keys)
}

fn chain(folder: &std::path::Path) -> Result<DirectoryStore, PublishError> {
    let store = DirectoryStore::new(folder);
    let key = SigningKey::from_seed(&[1; 32]);
    append(&store, LogAction::Publish, 1, &[])?;
    append(&store, LogAction::Sign, 1, &[&key])?;
    append(&store, LogAction::Promote, 1, &[])?;
    Ok(store)
}

fn keys() -> KeySet {
    let key = SigningKey::from_seed(&[1; 32]);
    KeySet::new(1, 1, vec![key.public()]).unwrap()
}

#[test]
fn a_chain_holds_and_says_what_it_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = chain(folder.path()).unwrap();
    let log = PublishLog::new(&store);
    let verified = log.verify(Some(&keys()), &[1, 2], Some(1)).unwrap();
    assert_eq!((verified.n_entries, verified.n_signed), (3, 1));
    assert_eq!(verified.signed_up_to, Some(2));
    assert_eq!(verified.unlogged_releases, [2]);
    let other = KeySet::new(1, 1, vec![SigningKey::from_seed(&[2; 32]).public()]).unwrap();
    assert!(log.verify(Some(&other), &[], None).is_err());
    assert!(
        log.verify(None, &[], Some(2)).is_err(),
        "a champion that nobody promoted"
    );
}

#[test]
fn every_change_of_the_past_is_seen() {
    for number in 1..=3_u64 {
        let folder = tempfile::tempdir().unwrap();
        let store = chain(folder.path()).unwrap();
        let place = folder.path().join(name(number, "entry.json"));
        let entry = std::fs::read_to_string(&place).unwrap();
        let log = PublishLog::new(&store);
        let changed = entry.replace("\"digest\":\"sha256:01", "\"digest\":\"sha256:91");
        assert_ne!(changed, entry);
        std::fs::write(&place, changed).unwrap();
        // The last one is vouched for by whoever kept the head.
        let before = log.verify(None, &[], None);
        assert_eq!(before.is_ok(), number == 3, "{before:?}");
        std::fs::remove_dir_all(place.parent().unwrap()).unwrap();
        let found = log.verify(None, &[], None);
        assert_eq!(found.is_ok(), number == 3, "{found:?}");
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&place, entry + " ").unwrap();
        assert!(log.verify(None, &[], None).is_err());
    }
}

#[test]
fn of_many_who_append_at_once_each_has_a_number() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for thread in 1..5 {
            let store = DirectoryStore::new(folder.path());
            scope.spawn(move || {
                for _ in 0..5 {
                    append(&store, LogAction::Publish, thread, &[]).unwrap();
                }
            });
        }
    });
    let store = DirectoryStore::new(folder.path());
    let verified = PublishLog::new(&store).verify(None, &[], None).unwrap();
    assert_eq!(verified.n_entries, 20);
}

#[test]
fn the_head_is_the_newest_signed_promotion_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = chain(folder.path()).unwrap();
    let log = PublishLog::new(&store);
    let key = SigningKey::from_seed(&[1; 32]);
    assert_eq!(log.head_release().unwrap(), None, "no promotion was signed");
    let first = append(&store, LogAction::Promote, 1, &[&key]).unwrap();
    let head = folder.path().join(HEAD);
    let old = std::fs::read(&head).unwrap();
    let mark = LogMark::of_head(&old, &keys(), None).unwrap();
    assert_eq!((mark.number, mark.release), (first.number, 1));
    append(&store, LogAction::Sign, 2, &[&key]).unwrap();
    append(&store, LogAction::Promote, 2, &[&key]).unwrap();
    assert_eq!(log.head_release().unwrap(), Some(2));
    let verified = log.verify(Some(&keys()), &[1, 2], Some(2)).unwrap();
    assert_eq!(verified.head_release, Some(2));
    // An older head, none, and one of a chain that is another.
    let new = std::fs::read(&head).unwrap();
    std::fs::write(&head, &old).unwrap();
    assert!(log.verify(Some(&keys()), &[], None).is_err());
    assert!(log.verify(None, &[], Some(2)).is_err());
    std::fs::remove_file(&head).unwrap();
    assert!(log.verify(Some(&keys()), &[], None).is_err());
    let (mut other, _) = entry_of(&new).unwrap();
    other.time.clear();
    std::fs::write(&head, other.sign(&[&key]).unwrap()).unwrap();
    assert!(log.verify(None, &[], None).is_err());
    std::fs::write(&head, &new).unwrap();
    log.verify(Some(&keys()), &[], Some(2)).unwrap();
    // A promotion that nobody signed leaves the head behind, and that is seen.
    append(&store, LogAction::Promote, 3, &[]).unwrap();
    assert!(log.verify(Some(&keys()), &[], Some(3)).is_err());
    // A later promotion's head is not replaced by an earlier one's; what is no entry of this log is, whatever
    // number it says.
    log.move_head(1, &old).unwrap();
    assert_eq!(std::fs::read(&head).unwrap(), new);
    other.number = 1 << 40;
    std::fs::write(&head, other.sign(&[&key]).unwrap()).unwrap();
    log.move_head(1, &old).unwrap();
    assert_eq!(std::fs::read(&head).unwrap(), old);
    let stranger = SigningKey::from_seed(&[2; 32]);
    assert!(log.head_is(1, &[&key, &key]).unwrap() && !log.head_is(2, &[&key]).unwrap());
    assert!(!log.head_is(1, &[&stranger]).unwrap() && !log.head_is(1, &[]).unwrap());
}
