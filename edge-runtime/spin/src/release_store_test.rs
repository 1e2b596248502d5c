//! Releases pushed into a store in memory: good, forged, old, cut off, damaged.

use super::*;
use crate::fixture;
use crate::memory_store::{MemoryStore, now as run};
use picket_schema::release::{ArtifactRef, Challenger, Manifest, ScorerRef, SigningKey};
use picket_schema::{Artifact, ArtifactDigest};
use std::cell::Cell;
use std::error::Error;

type Tested = Result<(), Box<dyn Error>>;

const NOW: u64 = 1_800_000_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn keys() -> Result<KeySet, Box<dyn Error>> {
    Ok(KeySet::new(1, 1, vec![key(1).public()])?)
}

fn random() -> [u8; 16] {
    thread_local!(static NEXT: Cell<u64> = const { Cell::new(0) });
    let next = NEXT.get();
    NEXT.set(next + 1);
    let mut bits = [0; 16];
    bits[..8].copy_from_slice(&next.to_be_bytes());
    bits
}

fn model(schema: &str, name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let bytes = fixture::artifact(schema)?;
    let mut artifact = Artifact::decode(&bytes)?;
    name.clone_into(&mut artifact.card.name);
    Ok(artifact.encode()?)
}

fn manifest(release: u64, model: &[u8]) -> Result<Manifest, Box<dyn Error>> {
    let owned = OwnedModel::load(model.to_vec())?;
    let row = vec![0.0; owned.model().n_features()];
    let scored = Scorer::new(owned.model()).score_batch(&row)?;
    Ok(Manifest {
        artifact: ArtifactRef {
            digest: ArtifactDigest::of(model),
            schema_digest: Artifact::schema_digest(model)?,
            size: model.len() as u64,
        },
        challenger: None,
        expires: NOW + 1000,
        golden: vec![GoldenRow::new(&row, scored[0].margin.0)],
        min_format: 1,
        not_before: NOW - 1000,
        parent: None,
        release,
        revoked: Revocations::default(),
        run_id: None,
        scorer: None,
    })
}

fn body(manifest: &Manifest, model: &[u8], seed: u8) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok([&manifest.sign(&[&key(seed)])?, &b"\n"[..], model].concat())
}

/// A release as it should be.
fn good(release: u64) -> Result<Vec<u8>, Box<dyn Error>> {
    let model = model(fixture::PHISHING, &format!("model {release}"))?;
    body(&manifest(release, &model)?, &model, 1)
}

fn pushed(store: &MemoryStore, body: &[u8]) -> Result<u64, PushError> {
    let keys = keys().expect("keys");
    let held = Held {
        root: &keys,
        now: NOW,
        schema: Some(
            Artifact::schema_digest(&fixture::artifact(fixture::PHISHING).expect("a model"))
                .expect("a schema"),
        ),
    };
    run(push(store, held, body, random)).map(|found| found.release)
}

fn refused(store: &MemoryStore, body: &[u8]) -> &'static str {
    match pushed(store, body) {
        Err(PushError::Refused(error)) => error.cause(),
        Err(PushError::Body(_)) => "body",
        Err(PushError::Keys(_)) => "keys",
        Err(PushError::Store(_)) => "store",
        Ok(_) => "taken",
    }
}

/// The release that is found, its model's name, and how many were passed over.
type Served = (Option<(u64, String)>, usize);

fn looked(store: &MemoryStore) -> Result<Served, Box<dyn Error>> {
    let looked = run(look(store, &keys()?))?;
    let found = looked.found.map(|found| {
        let name = found.model.model().artifact().card.name.clone();
        (found.release, name)
    });
    Ok((found, looked.damaged.len()))
}

fn is_served(store: &MemoryStore, release: u64, n_damaged: usize) -> Tested {
    let expected = Some((release, format!("model {release}")));
    assert_eq!(looked(store)?, (expected, n_damaged));
    Ok(())
}

#[test]
fn good_releases_follow_each_other_and_old_ones_make_room() -> Tested {
    let store = MemoryStore::default();
    assert_eq!(looked(&store)?, (None, 0));
    for release in [1, 2, 5, 6] {
        assert_eq!(pushed(&store, &good(release)?)?, release);
        is_served(&store, release, 0)?;
        assert_eq!(run(newest(&store))?, Some(release));
    }
    assert_eq!((store.count(MARK), store.count(RELEASE)), (1, KEPT));
    assert_eq!(store.count("blob-"), KEPT);
    // The same one again is no rollback.
    assert_eq!(pushed(&store, &good(6)?)?, 6);
    Ok(())
}

#[test]
fn each_rule_refuses_and_what_was_served_goes_on() -> Tested {
    let store = MemoryStore::default();
    pushed(&store, &good(5)?)?;
    let plain = model(fixture::PHISHING, "model 6")?;
    let changed = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = manifest(6, &plain)?;
        change(&mut manifest);
        body(&manifest, &plain, 1)
    };
    let mut cut = good(6)?;
    cut.pop();
    let mut flipped = good(6)?;
    *flipped.last_mut().ok_or("a byte")? ^= 1;
    let other = model(fixture::NSL_KDD, "other")?;
    let forged = {
        let text = String::from_utf8_lossy(&good(6)?).into_owned();
        let (envelope, _) = text.split_once('\n').ok_or("a line")?;
        let mut document: serde_json::Value = serde_json::from_str(envelope)?;
        let sig = document["signatures"][0]["sig"].as_str().ok_or("a text")?;
        let turned = if sig.starts_with('A') { "B" } else { "A" };
        document["signatures"][0]["sig"] = format!("{turned}{}", &sig[1..]).into();
        [document.to_string().as_bytes(), b"\n", &plain].concat()
    };
    for (expected, body) in [
        ("rolled_back", good(4)?),
        ("equivocation", body(&manifest(5, &plain)?, &plain, 1)?),
        ("untrusted_keys", body(&manifest(6, &plain)?, &plain, 2)?),
        ("bad_signature", forged),
        (
            "expired",
            changed(&|it| (it.not_before, it.expires) = (0, NOW))?,
        ),
        ("not_yet_valid", changed(&|it| it.not_before = NOW + 1)?),
        ("format_too_new", changed(&|it| it.min_format = 255)?),
        ("wrong_schema", body(&manifest(6, &other)?, &other, 1)?),
        ("envelope_malformed", b"{}\nmodel".to_vec()),
        ("body", b"no release".to_vec()),
        (
            "body",
            [&vec![b' '; 10][..], b"\n", &vec![1; MAX_MODEL + 1]].concat(),
        ),
        // From here on the manifest is good, and its number is spent.
        ("golden_row", changed(&|it| it.golden[0].margin ^= 1)?),
        ("wrong_size", {
            let mut seventh = manifest(7, &plain)?;
            seventh.artifact.size += 1;
            self::body(&seventh, &plain, 1)?
        }),
        ("rolled_back", good(6)?),
    ] {
        assert_eq!(refused(&store, &body), expected);
        is_served(&store, 5, 0)?;
    }
    assert_eq!(refused(&store, &cut), "rolled_back");
    assert_eq!(refused(&store, &flipped), "rolled_back");
    assert_eq!(pushed(&store, &good(8)?)?, 8);
    is_served(&store, 8, 0)
}

#[test]
fn damage_is_passed_over_and_said() -> Tested {
    let store = MemoryStore::default();
    pushed(&store, &good(1)?)?;
    pushed(&store, &good(2)?)?;
    let pristine = store.values.borrow().clone();
    let pointer: Pointer = serde_json::from_slice(&pristine[&numbered(RELEASE, 2)])?;
    let chunk = format!("blob-{}-0000", pointer.blob);
    for damaged in [chunk.as_str(), &numbered(RELEASE, 2)] {
        // Each byte on its own would take long: some of them.
        let n_bytes = pristine[damaged].len();
        for byte_idx in (0..n_bytes).step_by(n_bytes / 23) {
            let mut values = pristine.clone();
            if let Some(value) = values.get_mut(damaged) {
                value[byte_idx] ^= 0x20;
            }
            *store.values.borrow_mut() = values;
            let (found, n_damaged) = looked(&store)?;
            let right = found == Some((1, "model 1".to_owned())) && n_damaged == 1
                // Such as the case of a letter in the envelope's JSON that means the same.
                || found == Some((2, "model 2".to_owned())) && n_damaged == 0;
            assert!(right, "{damaged} byte {byte_idx}: {found:?}");
        }
        let mut values = pristine.clone();
        values.remove(damaged);
        *store.values.borrow_mut() = values;
        let n_damaged = usize::from(damaged == chunk);
        is_served(&store, 1, n_damaged)?;
    }
    // A mark that cannot be read still forbids what is older, and the number itself.
    let mut values = pristine;
    values.insert(numbered(MARK, 2), b"{".to_vec());
    *store.values.borrow_mut() = values;
    assert_eq!(refused(&store, &good(1)?), "rolled_back");
    assert_eq!(refused(&store, &good(2)?), "equivocation");
    assert_eq!(pushed(&store, &good(3)?)?, 3);
    Ok(())
}

#[test]
fn a_store_that_fails_at_any_change_serves_old_or_new() -> Tested {
    for fails_at in 0..20 {
        let store = MemoryStore::default();
        pushed(&store, &good(1)?)?;
        store.changes_left.set(Some(fails_at));
        let result = pushed(&store, &good(2)?);
        store.changes_left.set(None);
        let (found, n_damaged) = looked(&store)?;
        let release = found.map(|(release, _)| release);
        assert!(n_damaged == 0 && (release == Some(1) || release == Some(2)));
        if result.is_ok() {
            assert_eq!((release, run(newest(&store))?), (Some(2), Some(2)));
        }
        assert_eq!(pushed(&store, &good(3)?)?, 3, "{fails_at}");
        is_served(&store, 3, 0)?;
    }
    Ok(())
}

#[test]
fn what_is_revoked_is_served_no_more_and_what_has_ended_is() -> Tested {
    let store = MemoryStore::default();
    pushed(&store, &good(1)?)?;
    pushed(&store, &good(2)?)?;
    let model = model(fixture::PHISHING, "model 3")?;
    let mut third = manifest(3, &model)?;
    third.revoked.revoke_release(2);
    // Its model never arrives; the revocation counts all the same.
    let cut = body(&third, &model[..model.len() - 1], 1)?;
    assert_eq!(refused(&store, &cut), "wrong_size");
    is_served(&store, 1, 1)?;
    // Long after the end: whether it is too old is not for the store to say.
    let mut marked = marks(&store).now_or_panic();
    assert_eq!(marked.clock_floor, NOW);
    marked.clock_floor = NOW + 5000;
    let read = run(read(&store, &keys()?, &marked, 1))?;
    assert_eq!(read.map(|found| found.expires), Ok(NOW + 1000));
    Ok(())
}

/// A manifest, its champion and its challenger.
type Challenged = (Manifest, Vec<u8>, Vec<u8>);

/// A release with a challenger for a share of the rows.
fn challenged(release: u64, per_mille: u64) -> Result<Challenged, Box<dyn Error>> {
    let champion = model(fixture::PHISHING, &format!("model {release}"))?;
    let challenger = model(fixture::PHISHING, "challenger")?;
    let named = manifest(release, &challenger)?;
    let manifest = Manifest {
        challenger: Some(Challenger {
            artifact: named.artifact,
            golden: named.golden,
            traffic_per_mille: per_mille,
        }),
        ..manifest(release, &champion)?
    };
    Ok((manifest, champion, challenger))
}

#[test]
fn a_challenger_comes_behind_the_champion_and_is_held_to_the_same() -> Tested {
    let store = MemoryStore::default();
    pushed(&store, &good(1)?)?;
    let (second, champion, challenger) = challenged(2, 250)?;
    let both = [champion.clone(), challenger.clone()].concat();
    let taken = run(push(
        &store,
        Held {
            root: &keys()?,
            now: NOW,
            schema: None,
        },
        &body(&second, &both, 1)?,
        random,
    ))?;
    let (model, share) = taken.challenger.ok_or("a challenger")?;
    assert_eq!(model.model().artifact().card.name, "challenger");
    // An instance that starts later chooses the same rows.
    let looked = run(look(&store, &keys()?))?.found.ok_or("a release")?;
    let (model, again) = looked.challenger.ok_or("a challenger")?;
    assert_eq!(model.model().artifact().card.name, "challenger");
    assert_eq!(looked.model.model().artifact().card.name, "model 2");
    let rows = (0..2000).map(|i| [i as f32, 0.5]);
    let chosen = rows
        .filter(|row| {
            assert_eq!(share.takes(row), again.takes(row));
            share.takes(row)
        })
        .count();
    assert!((400..600).contains(&chosen), "{chosen}");
    for (release, change) in [
        (3, "none"),
        (4, "cut"),
        (5, "flipped"),
        (6, "golden"),
        (7, "swapped"),
    ] {
        let (mut manifest, champion, mut challenger) = challenged(release, 1000)?;
        let mut champion = champion;
        let expected = match change {
            "none" => {
                challenger.clear();
                "wrong_size"
            }
            "cut" => {
                challenger.pop();
                "wrong_size"
            }
            "flipped" => {
                *challenger.last_mut().ok_or("a byte")? ^= 1;
                "wrong_digest"
            }
            "golden" => {
                let named = manifest.challenger.as_mut().ok_or("a challenger")?;
                named.golden[0].margin ^= 1;
                "golden_row"
            }
            _ => {
                std::mem::swap(&mut champion, &mut challenger);
                "wrong_digest"
            }
        };
        let models = [champion, challenger].concat();
        let found = refused(&store, &body(&manifest, &models, 1)?);
        // Names of different length make the swapped ones differ in size first.
        let right = found == expected || change == "swapped" && found == "wrong_size";
        assert!(right, "{change}: {found}");
        is_served(&store, 2, 0)?;
    }
    Ok(())
}

#[test]
fn a_scorer_in_a_release_is_verified_by_name_and_left_out() -> Tested {
    let store = MemoryStore::default();
    let model = model(fixture::PHISHING, "model 1")?;
    let mut first = manifest(1, &model)?;
    first.scorer = Some(ScorerRef {
        digest: ArtifactDigest::of(b"a scorer"),
        size: 8,
    });
    pushed(&store, &body(&first, &model, 1)?)?;
    is_served(&store, 1, 0)?;
    // Its bytes are not asked for: sent along they are none of the release's models.
    let mut second = first.clone();
    second.release = 2;
    let with_scorer = [&model[..], b"a scorer"].concat();
    let sent = body(&second, &with_scorer, 1)?;
    assert_eq!(refused(&store, &sent), "wrong_size");
    // A model that this component cannot score is refused all the same, whatever scorer comes with it.
    let mut third = first.clone();
    (third.release, third.min_format) = (3, 255);
    assert_eq!(refused(&store, &body(&third, &model, 1)?), "format_too_new");
    // So is one that the release's scorer would score otherwise.
    let mut fourth = first;
    fourth.release = 4;
    fourth.golden[0].margin ^= 1;
    assert_eq!(refused(&store, &body(&fourth, &model, 1)?), "golden_row");
    is_served(&store, 1, 0)
}

trait NowOrPanic<T> {
    fn now_or_panic(self) -> T;
}

impl<T, F: Future<Output = Result<T, StoreError>>> NowOrPanic<T> for F {
    fn now_or_panic(self) -> T {
        run(self).expect("a store in memory")
    }
}
