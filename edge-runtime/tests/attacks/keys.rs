//! Attacks on the keys.

use picket_edge_runtime::sync::Outcome;

use crate::Tested;
use crate::edge::{NOW, STALE, Scene, key, key_set, manifest, model};
use crate::fixture;

#[test]
fn attack_20_keys_rotate_by_consent_of_both_sets() -> Tested {
    let mut scene = Scene::serving(1)?;
    let next = key_set(2, 1, &[2])?;
    scene
        .store
        .put("keys/2.dsse.json", &next.sign(&[&key(1), &key(2)])?)?;
    let second = model(fixture::PHISHING, "model 2")?;
    scene
        .store
        .publish_as(&manifest(2, &second)?, &second, &[&key(2)])?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 2 });
    scene.assert_serves(2);
    // The next process knows, though its configuration has the first set.
    assert_eq!(scene.restart(NOW)?, Some(2));
    assert_eq!(scene.poll(NOW)?, Outcome::Confirmed { release: 2 });
    Ok(())
}

#[test]
fn attack_21_a_rotation_that_one_side_did_not_sign_is_refused() -> Tested {
    let mut scene = Scene::serving(1)?;
    let second = model(fixture::PHISHING, "model 2")?;
    let by_new = manifest(2, &second)?;
    scene.store.publish_as(&by_new, &second, &[&key(2)])?;
    let next = key_set(2, 1, &[2])?;
    for signers in [&[1][..], &[2], &[9], &[]] {
        let signers: Vec<_> = signers.iter().map(|seed| key(*seed)).collect();
        let signers: Vec<_> = signers.iter().collect();
        scene.store.put("keys/2.dsse.json", &next.sign(&signers)?)?;
        scene.refuses("untrusted_keys");
        scene.assert_serves(1);
    }
    // A set that leaves one out, put in the next one's place.
    let skipping = key_set(3, 1, &[2])?;
    let signed = skipping.sign(&[&key(1), &key(2)])?;
    scene.store.put("keys/2.dsse.json", &signed)?;
    scene.refuses("untrusted_keys");
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_22_a_key_that_was_rotated_out_signs_nothing_more() -> Tested {
    let mut scene = Scene::serving(1)?;
    let next = key_set(2, 1, &[2])?;
    scene
        .store
        .put("keys/2.dsse.json", &next.sign(&[&key(1), &key(2)])?)?;
    scene.store.publish(2)?;
    scene.refuses("untrusted_keys");
    scene.assert_serves(1);
    // Nor is what it signed before confirmed: it is served until it is too old.
    scene.store.point_at(1)?;
    scene.refuses("untrusted_keys");
    scene.refuses_at(NOW + STALE + 1, "untrusted_keys");
    scene.assert_withholds("release 1 was not confirmed");
    Ok(())
}

#[test]
fn attack_23_an_old_key_set_played_again_is_refused() -> Tested {
    let mut scene = Scene::serving(1)?;
    let (second, third) = (key_set(2, 1, &[2])?, key_set(3, 1, &[3])?);
    let signed = second.sign(&[&key(1), &key(2)])?;
    scene.store.put("keys/2.dsse.json", &signed)?;
    let later = third.sign(&[&key(2), &key(3)])?;
    scene.store.put("keys/3.dsse.json", &later)?;
    let model_2 = model(fixture::PHISHING, "model 2")?;
    let by_third = manifest(2, &model_2)?;
    scene.store.publish_as(&by_third, &model_2, &[&key(3)])?;
    // Two steps in one poll.
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 2 });
    // The second set in the fourth's place, and whoever has its key signs a release.
    let back = key_set(2, 1, &[2])?;
    let replayed = back.sign(&[&key(1), &key(2), &key(3)])?;
    scene.store.put("keys/4.dsse.json", &replayed)?;
    std::fs::remove_file(scene.store_path("keys/3.dsse.json"))?;
    let model_3 = model(fixture::PHISHING, "model 3")?;
    let by_second = manifest(3, &model_3)?;
    scene.store.publish_as(&by_second, &model_3, &[&key(2)])?;
    scene.refuses("untrusted_keys");
    scene.restart(NOW)?;
    scene.refuses("untrusted_keys");
    scene.assert_serves(2);
    Ok(())
}
