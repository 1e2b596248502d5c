//! Old releases, and clocks that lie.

use picket_edge_runtime::sync::Outcome;

use crate::Tested;
use crate::edge::{NOW, STALE, Scene, VALID, key, manifest, model};
use crate::fixture;

const DAY: u64 = 86_400;

#[test]
fn attack_13_a_rollback_is_refused_and_stays_refused_after_a_restart() -> Tested {
    let mut scene = Scene::serving(5)?;
    scene.store.publish(4)?;
    let said = scene.refuses("rolled_back");
    assert!(said.contains("release 4 is older than release 5"), "{said}");
    scene.assert_serves(5);
    assert_eq!(scene.restart(NOW)?, Some(5));
    scene.refuses("rolled_back");
    scene.assert_serves(5);
    // The mark rises before the files are there: the release between does not come back either.
    scene.store.publish(8)?;
    std::fs::remove_file(scene.store_path("releases/8/model.picket"))?;
    scene.refuses("file_absent");
    scene.store.publish(7)?;
    scene.refuses("rolled_back");
    assert_eq!(scene.restart(NOW)?, Some(5));
    scene.refuses("rolled_back");
    scene.assert_serves(5);
    Ok(())
}

#[test]
fn attack_14_one_number_has_one_content() -> Tested {
    let mut scene = Scene::serving(1)?;
    scene.store.publish(2)?;
    std::fs::remove_file(scene.store_path("releases/2/model.picket"))?;
    scene.refuses("file_absent");
    let twin = model(fixture::PHISHING, "a twin")?;
    scene
        .store
        .publish_as(&manifest(2, &twin)?, &twin, &[&key(1)])?;
    scene.refuses("equivocation");
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_15_a_frozen_source_is_noticed() -> Tested {
    let mut scene = Scene::serving(1)?;
    assert_eq!(
        scene.poll(NOW + VALID - 1)?,
        Outcome::Confirmed { release: 1 }
    );
    // The source goes on to show release 1, whose time is over: served on, but not for ever.
    scene.refuses_at(NOW + VALID, "expired");
    scene.assert_serves(1);
    scene.refuses_at(NOW + VALID + STALE, "expired");
    scene.assert_withholds("release 1 was not confirmed");
    // An edge that starts anew does not take it at all.
    let mut fresh = Scene::empty()?;
    fresh.store.publish(1)?;
    fresh.refuses_at(NOW + VALID, "expired");
    // A new release ends it.
    let next = model(fixture::PHISHING, "model 2")?;
    let mut newer = manifest(2, &next)?;
    newer.expires += 2 * VALID;
    scene.store.publish_as(&newer, &next, &[&key(1)])?;
    scene.poll(NOW + VALID + STALE + 1)?;
    scene.assert_serves(2);
    Ok(())
}

#[test]
fn attack_16_a_release_of_the_future_waits() -> Tested {
    let mut scene = Scene::serving(1)?;
    let next = model(fixture::PHISHING, "model 2")?;
    let mut early = manifest(2, &next)?;
    early.not_before = NOW + 100;
    scene.store.publish_as(&early, &next, &[&key(1)])?;
    scene.refuses_at(NOW + 99, "not_yet_valid");
    scene.assert_serves(1);
    scene.poll(NOW + 100)?;
    scene.assert_serves(2);
    Ok(())
}

#[test]
fn attack_17_a_clock_set_back_gives_no_time() -> Tested {
    let mut scene = Scene::serving(1)?;
    scene.poll(NOW + VALID - DAY)?;
    scene.refuses_at(NOW + VALID, "expired");
    // Set back into the time of its validity, in this process and the next.
    scene.refuses_at(NOW, "expired");
    scene.restart(NOW)?;
    scene.refuses_at(NOW, "expired");
    // Another release of that time is no better.
    let next = model(fixture::PHISHING, "model 2")?;
    scene
        .store
        .publish_as(&manifest(2, &next)?, &next, &[&key(1)])?;
    scene.refuses_at(NOW, "expired");
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_18_a_clock_set_far_forward_ends_no_trust() -> Tested {
    let mut scene = Scene::serving(1)?;
    scene.refuses_at(NOW + 100 * 365 * DAY, "expired");
    // The clock is right again: a later release is taken.
    let next = model(fixture::PHISHING, "model 2")?;
    let mut later = manifest(2, &next)?;
    later.expires = NOW + VALID + DAY;
    scene.store.publish_as(&later, &next, &[&key(1)])?;
    scene.poll(NOW + 1)?;
    scene.assert_serves(2);
    Ok(())
}

#[test]
fn attack_19_a_revoked_release_is_withheld_and_never_comes_back() -> Tested {
    let mut scene = Scene::serving(1)?;
    let first = model(fixture::PHISHING, "model 1")?;
    let next = model(fixture::PHISHING, "model 2")?;
    let mut revoking = manifest(2, &next)?;
    revoking.revoked.revoke_release(1);
    revoking.revoked.revoke_artifact(revoked_digest(&first));
    scene.store.publish_as(&revoking, &next, &[&key(1)])?;
    // The attacker holds the new files back: the revocation works without them.
    std::fs::remove_file(scene.store_path("releases/2/model.picket"))?;
    scene.refuses("file_absent");
    scene.assert_withholds("release 1 is revoked");
    assert!(scene.restart(NOW).is_err(), "not even from the disk");
    scene.store.put("releases/2/model.picket", &next)?;
    scene.poll(NOW)?;
    scene.assert_serves(2);
    // A later release with the revoked artifact, which forgets to name it.
    scene
        .store
        .publish_as(&manifest(3, &first)?, &first, &[&key(1)])?;
    scene.refuses("revoked");
    scene.assert_serves(2);
    Ok(())
}

#[test]
fn attack_47_a_source_that_goes_back_to_what_is_served_confirms_nothing() -> Tested {
    let mut scene = Scene::serving(1)?;
    scene.store.publish(2)?;
    std::fs::remove_file(scene.store_path("releases/2/model.picket"))?;
    scene.refuses("file_absent");
    // Release 2 was seen. Its model never comes, and the pointer says 1 again.
    scene.store.point_at(1)?;
    scene.refuses("rolled_back");
    scene.assert_serves(1);
    assert_eq!(scene.restart(NOW)?, Some(1));
    scene.refuses("rolled_back");
    scene.refuses_at(NOW + STALE + 1, "rolled_back");
    scene.assert_withholds("not confirmed");
    Ok(())
}

#[test]
fn attack_48_the_time_of_an_activation_is_kept() -> Tested {
    let mut scene = Scene::serving(1)?;
    scene.store.publish(2)?;
    let late = NOW + VALID - 10;
    assert_eq!(scene.poll(late)?, Outcome::Activated { release: 2 });
    // A release whose time was over by then, and a clock that goes back into it, in another process.
    let third = model(fixture::PHISHING, "model 3")?;
    let mut old = manifest(3, &third)?;
    old.expires = late;
    scene.store.publish_as(&old, &third, &[&key(1)])?;
    assert_eq!(scene.restart(NOW)?, Some(2));
    scene.refuses("expired");
    scene.assert_serves(2);
    Ok(())
}

fn revoked_digest(bytes: &[u8]) -> picket_schema::ArtifactDigest {
    picket_schema::ArtifactDigest::of(bytes)
}
