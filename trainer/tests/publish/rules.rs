//! What holds for every store. Each store's tests call these.

use picket_schema::artifact::Artifact;
use picket_trainer::TrainerError;
use picket_trainer::publish::{Package, PublishError, ReleaseManifest, ReleaseStore, Releases};

use crate::failing_store::FailingStore;
use crate::{models, package};

const LARGE: u64 = 64 << 20;

fn numbers(releases: &Releases<'_>) -> Vec<u64> {
    let listed = releases.list().unwrap();
    listed.iter().map(|one| one.manifest.release).collect()
}

fn read(store: &dyn ReleaseStore, name: &str) -> Option<Vec<u8>> {
    store.read(name, LARGE).unwrap().map(|(bytes, _)| bytes)
}

/// Publishing, promoting, rolling back; nothing published changes.
pub(crate) fn a_model_goes_its_way(store: &dyn ReleaseStore) {
    let releases = Releases::new(store);
    assert_eq!(numbers(&releases), [0_u64; 0]);
    assert!(releases.champion().unwrap().is_none());

    let first = releases.publish(&package(0)).unwrap();
    assert_eq!((first.release, first.champion.as_deref()), (1, None));
    let artifact = read(store, "releases/1/model.picket").unwrap();
    assert_eq!(artifact, models()[0]);
    assert_eq!(
        first.artifact.digest,
        Artifact::digest(&artifact).to_string()
    );
    let payload = read(store, "releases/1/manifest.json").unwrap();
    assert_eq!(ReleaseManifest::from_payload(&payload, "m").unwrap(), first);
    for file in &first.cards {
        let bytes = read(store, &format!("releases/1/{}", file.name)).unwrap();
        assert_eq!(Artifact::digest(&bytes).to_string(), file.digest);
        assert_eq!(bytes.len() as u64, file.n_bytes);
    }
    let card = String::from_utf8(read(store, "releases/1/card.md").unwrap()).unwrap();
    assert!(
        card.contains("the positive class") && card.contains("| f1 |"),
        "{card}"
    );
    let card = read(store, "releases/1/card.json").unwrap();
    let card: serde_json::Value = serde_json::from_slice(&card).unwrap();
    assert_eq!(card["artifact_digest"], first.artifact.digest.as_str());
    // In use only when it is promoted.
    assert!(releases.champion().unwrap().is_none());

    let channel = releases.promote(1).unwrap();
    assert_eq!(channel.artifact_digest, first.artifact.digest);
    assert_eq!(
        channel.manifest_digest,
        Artifact::digest(&payload).to_string()
    );
    assert_eq!(
        releases.promote(1).unwrap(),
        channel,
        "again changes nothing"
    );

    let second = releases.publish(&package(1)).unwrap();
    assert_eq!(second.release, 2);
    assert_eq!(second.champion, Some(first.artifact.digest.clone()));
    releases.promote(2).unwrap();
    let older = releases.promote(1).unwrap_err();
    assert!(
        matches!(
            older,
            PublishError::OlderThanChampion {
                release: 1,
                champion: 2
            }
        ),
        "{older}"
    );
    let missing = releases.promote(9).unwrap_err().to_string();
    assert!(
        missing.contains("no release 9; there are 1, 2"),
        "{missing}"
    );

    let (third, channel) = releases.rollback(None, &Package::default()).unwrap();
    assert_eq!((third.release, third.rollback_to), (3, Some(1)));
    assert_eq!(third.artifact.digest, first.artifact.digest);
    assert_eq!(third.champion, Some(second.artifact.digest));
    assert_eq!(
        third.run_id.as_deref(),
        Some("run-0"),
        "the run that made it"
    );
    assert_eq!(channel.release, 3);
    assert_eq!(read(store, "releases/3/model.picket").unwrap(), models()[0]);

    // And back again, by number.
    let (fourth, _) = releases.rollback(Some(2), &Package::default()).unwrap();
    assert_eq!((fourth.release, fourth.rollback_to), (4, Some(2)));
    let listed = releases.list().unwrap();
    let champions: Vec<bool> = listed.iter().map(|one| one.is_champion).collect();
    assert_eq!(champions, [false, false, false, true]);
    assert_eq!(read(store, "releases/1/manifest.json").unwrap(), payload);
}

/// What stands is never written again, and a channel changes only from what was read.
pub(crate) fn what_stands_stays(store: &dyn ReleaseStore) {
    assert!(store.create("releases/1/model.picket", b"first").unwrap());
    assert!(!store.create("releases/1/model.picket", b"second").unwrap());
    let (bytes, revision) = store
        .read("releases/1/model.picket", LARGE)
        .unwrap()
        .unwrap();
    assert_eq!(bytes, b"first");

    assert!(
        store
            .replace("releases/1/model.picket", b"third", &revision)
            .unwrap()
    );
    assert!(
        !store
            .replace("releases/1/model.picket", b"fourth", &revision)
            .unwrap()
    );
    assert!(
        !store
            .replace("nothing/there.json", b"x", &revision)
            .unwrap()
    );
    assert_eq!(read(store, "releases/1/model.picket").unwrap(), b"third");

    let too_large = store.read("releases/1/model.picket", 3).unwrap_err();
    assert!(
        matches!(too_large, PublishError::Damaged { .. }),
        "{too_large}"
    );
}

/// A publisher that ends at any moment leaves no half release, and stands in nobody's way.
pub(crate) fn half_a_release_is_none(store: &dyn ReleaseStore) {
    // Artifact, two cards, manifest.
    for n_writes in 0..4 {
        let failing = FailingStore::new(store, n_writes);
        let failed = Releases::new(&failing).publish(&package(0));
        assert!(failed.is_err(), "after {n_writes} writes");
        assert_eq!(
            numbers(&Releases::new(store)),
            [0_u64; 0],
            "after {n_writes} writes"
        );
        assert!(Releases::new(store).promote(n_writes).is_err());
    }
    let made = Releases::new(store).publish(&package(0)).unwrap();
    // Three of the four had taken a number.
    assert_eq!(made.release, 4);
    assert_eq!(numbers(&Releases::new(store)), [4]);
}

/// What is not as its manifest says is not promoted.
pub(crate) fn a_damaged_release_is_not_promoted(store: &dyn ReleaseStore) {
    let releases = Releases::new(store);
    releases.publish(&package(0)).unwrap();
    let name = "releases/1/model.picket";
    let (bytes, revision) = store.read(name, LARGE).unwrap().unwrap();
    store
        .replace(name, &bytes[..bytes.len() / 2], &revision)
        .unwrap();
    let error = releases.promote(1).unwrap_err();
    assert!(matches!(error, PublishError::Damaged { .. }), "{error}");
    assert!(releases.champion().unwrap().is_none());
    let error = releases.rollback(Some(1), &Package::default()).unwrap_err();
    assert!(
        matches!(error, TrainerError::Publish(PublishError::Damaged { .. })),
        "{error}"
    );

    let none = Package {
        artifact: b"not a model".to_vec(),
        ..Package::default()
    };
    let error = releases.publish(&none).unwrap_err();
    assert!(matches!(error, TrainerError::Model { .. }), "{error}");
    assert_eq!(numbers(&releases), [1]);
}

/// Publishers at the same time get a number each, and of promoters at the same time the channel
/// takes one after the other.
pub(crate) fn publishers_do_not_meet<S: ReleaseStore>(open: &(dyn Fn() -> S + Sync)) {
    const N_PUBLISHERS: usize = 6;
    let mut taken: Vec<u64> = std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..N_PUBLISHERS)
            .map(|one| {
                scope.spawn(move || {
                    let store = open();
                    let made = Releases::new(&store).publish(&package(one % 2)).unwrap();
                    (made.release, one)
                })
            })
            .collect();
        let made = publishers.into_iter().map(|one| one.join().unwrap());
        made.map(|(release, one)| {
            let store = open();
            let artifact = read(&store, &format!("releases/{release}/model.picket")).unwrap();
            assert_eq!(
                artifact,
                models()[one % 2],
                "nobody wrote over release {release}"
            );
            release
        })
        .collect()
    });
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), N_PUBLISHERS, "one number each: {taken:?}");
    let store = open();
    assert_eq!(numbers(&Releases::new(&store)), taken);

    let outcomes: Vec<(u64, Result<(), PublishError>)> = std::thread::scope(|scope| {
        let promoters: Vec<_> = taken
            .iter()
            .map(|release| {
                scope.spawn(move || {
                    let store = open();
                    (*release, Releases::new(&store).promote(*release).map(drop))
                })
            })
            .collect();
        promoters
            .into_iter()
            .map(|one| one.join().unwrap())
            .collect()
    });
    let highest = outcomes
        .iter()
        .filter(|(_, outcome)| outcome.is_ok())
        .map(|(n, _)| *n)
        .max();
    let (champion, _) = Releases::new(&store).champion().unwrap().unwrap();
    assert_eq!(
        Some(champion.release),
        highest,
        "a later number is never replaced by an earlier"
    );
    for (release, outcome) in outcomes {
        assert!(
            matches!(
                outcome,
                Ok(())
                    | Err(
                        PublishError::ChannelMoved { .. } | PublishError::OlderThanChampion { .. }
                    )
            ),
            "{release}: {outcome:?}"
        );
    }
}
