//! Key sets pushed into a store in memory: good, forged, old, signed by too few, damaged.

use super::*;
use crate::memory_store::{MemoryStore, now as run};
use picket_schema::release::SigningKey;
use std::error::Error;

type Tested = Result<(), Box<dyn Error>>;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn set(version: u64, threshold: usize, seeds: &[u8]) -> Result<KeySet, Box<dyn Error>> {
    let keys = seeds.iter().map(|seed| key(*seed).public()).collect();
    Ok(KeySet::new(version, threshold, keys)?)
}

fn signed(set: &KeySet, seeds: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let keys: Vec<SigningKey> = seeds.iter().map(|seed| key(*seed)).collect();
    Ok(set.sign(&keys.iter().collect::<Vec<_>>())?)
}

fn refused(store: &MemoryStore, root: &KeySet, envelope: &[u8]) -> &'static str {
    match run(push(store, root, envelope)) {
        Err(PushError::Refused(error)) => error.cause(),
        Err(PushError::Keys(_)) => "key_sets_broken",
        Err(PushError::Body(_)) => "body",
        Err(PushError::Store(_)) => "store",
        Ok(_) => "taken",
    }
}

fn version(store: &MemoryStore, root: &KeySet) -> Result<Option<u64>, StoreError> {
    let followed = run(follow(store, root))?;
    Ok(followed.keys().ok().map(KeySet::version))
}

#[test]
fn sets_follow_each_other_by_consent_of_both() -> Tested {
    let store = MemoryStore::default();
    let root = set(1, 1, &[1])?;
    assert_eq!(version(&store, &root)?, Some(1));
    let second = signed(&set(2, 2, &[2, 3])?, &[1, 2, 3])?;
    assert_eq!(run(push(&store, &root, &second))?.version(), 2);
    let third = signed(&set(3, 1, &[4])?, &[2, 3, 4])?;
    assert_eq!(run(push(&store, &root, &third))?.version(), 3);
    // Once more is no fault.
    assert_eq!(run(push(&store, &root, &third))?.version(), 3);
    assert_eq!(run(newest(&store))?, Some(3));
    // A root that has moved on needs nothing that is older.
    run(store.delete(&key_of(2)))?;
    assert_eq!(version(&store, &set(2, 2, &[2, 3])?)?, Some(3));
    assert_eq!(version(&store, &set(3, 1, &[4])?)?, Some(3));
    Ok(())
}

#[test]
fn what_too_few_have_signed_is_refused_and_what_was_trusted_goes_on() -> Tested {
    let store = MemoryStore::default();
    let root = set(1, 2, &[1, 2])?;
    let next = set(2, 2, &[3, 4])?;
    for (expected, signers) in [
        // Nobody of the old set, nobody of the new one, too few of either, strangers.
        ("untrusted_keys", &[3, 4][..]),
        ("untrusted_keys", &[1, 2]),
        ("below_threshold", &[1, 3, 4]),
        ("below_threshold", &[1, 2, 3]),
        ("untrusted_keys", &[8, 9]),
    ] {
        let envelope = signed(&next, signers)?;
        let found = refused(&store, &root, &envelope);
        assert_eq!(found, expected, "{signers:?}");
        assert_eq!(version(&store, &root)?, Some(1));
    }
    let mut forged = String::from_utf8(signed(&next, &[1, 2, 3, 4])?)?;
    let at = forged.find("\"sig\"").ok_or("a signature")? + 8;
    let other = if forged[at..].starts_with('A') {
        "B"
    } else {
        "A"
    };
    forged.replace_range(at..=at, other);
    let found = refused(&store, &root, forged.as_bytes());
    assert!(
        ["bad_signature", "below_threshold"].contains(&found),
        "{found}"
    );
    assert_eq!(refused(&store, &root, b"no envelope"), "envelope_malformed");
    // One is left out; one is of the same number; one is old.
    let skipping = signed(&set(3, 2, &[3, 4])?, &[1, 2, 3, 4])?;
    assert_eq!(refused(&store, &root, &skipping), "key_set_version");
    run(push(&store, &root, &signed(&next, &[1, 2, 3, 4])?))?;
    let same = signed(&set(2, 1, &[3, 4])?, &[1, 2, 3, 4])?;
    assert_eq!(refused(&store, &root, &same), "key_set_version");
    let old = signed(&root, &[1, 2, 3, 4])?;
    assert_eq!(refused(&store, &root, &old), "key_set_version");
    assert_eq!(version(&store, &root)?, Some(2));
    Ok(())
}

#[test]
fn a_set_that_is_lost_or_damaged_ends_trust_until_it_is_pushed_again() -> Tested {
    let root = set(1, 1, &[1])?;
    let second = signed(&set(2, 1, &[2])?, &[1, 2])?;
    let third = signed(&set(3, 1, &[3])?, &[2, 3])?;
    for damage in ["lost", "cut", "replaced"] {
        let store = MemoryStore::default();
        run(push(&store, &root, &second))?;
        run(push(&store, &root, &third))?;
        match damage {
            "lost" => run(store.delete(&key_of(2)))?,
            "cut" => run(store.set(&key_of(2), &second[..40]))?,
            // Somebody who has the first key and the store, and wants to sign for ever.
            _ => run(store.set(&key_of(2), &signed(&set(2, 1, &[1])?, &[1])?))?,
        }
        assert_eq!(version(&store, &root)?, None, "{damage}");
        if damage != "replaced" {
            // The first key may be the one that was taken out: it signs nothing now but the set that is missing.
            let other = signed(&set(2, 1, &[9])?, &[9])?;
            assert_eq!(refused(&store, &root, &other), "untrusted_keys");
            assert_eq!(run(push(&store, &root, &second))?.version(), 3);
            assert_eq!(version(&store, &root)?, Some(3));
        }
    }
    Ok(())
}

#[test]
fn a_store_that_fails_at_any_change_trusts_old_or_new() -> Tested {
    let root = set(1, 1, &[1])?;
    let second = signed(&set(2, 1, &[2])?, &[1, 2])?;
    for fails_at in 0..3 {
        let store = MemoryStore::default();
        store.changes_left.set(Some(fails_at));
        let pushed = run(push(&store, &root, &second));
        store.changes_left.set(None);
        let found = version(&store, &root)?;
        assert!(found == Some(1) || found == Some(2), "{found:?}");
        assert!(pushed.is_err() || run(newest(&store))? == Some(2));
        // Again, and it is right whatever happened.
        assert_eq!(run(push(&store, &root, &second))?.version(), 2);
        assert_eq!(run(newest(&store))?, Some(2));
    }
    Ok(())
}
