//! Releases that nobody trusted has made, or that were changed on the way.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use picket_edge_runtime::sync::Outcome;
use picket_schema::ArtifactDigest;
use picket_schema::release::{Envelope, Manifest};

use crate::Tested;
use crate::edge::{NOW, Scene, key, key_set, manifest, model};
use crate::fixture;

#[test]
fn attack_01_a_forged_signature_is_refused() -> Tested {
    let mut scene = Scene::serving(1)?;
    let model = scene.store.publish(2)?;
    // Signed by a stranger who says that the trusted key did it.
    let stranger = manifest(2, &model)?.sign(&[&key(9)])?;
    let forged = String::from_utf8(stranger)?.replace(
        &key(9).public().id().to_string(),
        &key(1).public().id().to_string(),
    );
    scene.store.put_envelope(2, forged.as_bytes())?;
    scene.refuses("bad_signature");
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_02_an_altered_payload_is_refused() -> Tested {
    let mut scene = Scene::serving(1)?;
    let model = scene.store.publish(2)?;
    let good = manifest(2, &model)?;
    let mut json: serde_json::Value = serde_json::from_slice(&good.sign(&[&key(1)])?)?;
    let mut longer = good;
    longer.expires += 1;
    json["payload"] = STANDARD.encode(longer.to_json()?).into();
    scene.store.put_envelope(2, &serde_json::to_vec(&json)?)?;
    scene.refuses("bad_signature");
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_03_an_altered_artifact_is_refused() -> Tested {
    let mut scene = Scene::serving(1)?;
    let mut model = scene.store.publish(2)?;
    let middle = model.len() / 2;
    model[middle] ^= 1;
    scene.store.put("releases/2/model.picket", &model)?;
    scene.refuses("wrong_digest");
    scene.assert_serves(1);
    // What is right again is taken.
    scene.store.publish(2)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 2 });
    scene.assert_serves(2);
    Ok(())
}

#[test]
fn attack_04_a_truncated_artifact_is_refused() -> Tested {
    let mut scene = Scene::serving(1)?;
    let model = scene.store.publish(2)?;
    for n_bytes in [0, 1, model.len() / 2, model.len() - 1] {
        scene
            .store
            .put("releases/2/model.picket", &model[..n_bytes])?;
        scene.refuses("wrong_size");
        scene.assert_serves(1);
    }
    Ok(())
}

#[test]
fn attack_05_reading_stops_at_the_stated_size() -> Tested {
    let mut scene = Scene::serving(1)?;
    let model = scene.store.publish(2)?;
    // A sparse file of 1 TiB: to read it would take more than this test has.
    let file = fs::OpenOptions::new()
        .write(true)
        .open(scene.store_path("releases/2/model.picket"))?;
    file.set_len(1 << 40)?;
    let said = scene.refuses("too_large");
    assert!(said.contains(&model.len().to_string()), "{said}");
    for path in ["releases/2/release.dsse.json", "channels/champion.json"] {
        let file = fs::File::create(scene.store_path(path))?;
        file.set_len(1 << 40)?;
        scene.refuses("too_large");
    }
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_06_manifest_and_artifact_of_two_releases_are_not_mixed() -> Tested {
    let mut scene = Scene::serving(1)?;
    let second = scene.store.publish(2)?;
    let third = scene.store.publish(3)?;
    assert_eq!(
        second.len(),
        third.len(),
        "only the digest tells them apart"
    );
    // The artifact of release 2 under the manifest of release 3.
    scene.store.put("releases/3/model.picket", &second)?;
    scene.refuses("wrong_digest");
    // The manifest of release 2 in the place of release 3.
    let envelope = fs::read(scene.store_path("releases/2/release.dsse.json"))?;
    scene.store.put_envelope(4, &envelope)?;
    scene.store.point_at(4)?;
    scene.refuses("wrong_release");
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_07_an_unsigned_release_is_refused() -> Tested {
    let mut scene = Scene::serving(1)?;
    let model = scene.store.publish(2)?;
    let payload = manifest(2, &model)?.to_json()?;
    let envelope = Envelope::unsigned(Manifest::PAYLOAD_TYPE, payload.clone());
    scene.store.put_envelope(2, &envelope.to_json()?)?;
    scene.refuses("unsigned");
    // The payload without its envelope.
    scene.store.put_envelope(2, &payload)?;
    scene.refuses("envelope_malformed");
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_08_a_strangers_key_is_refused() -> Tested {
    let mut scene = Scene::serving(1)?;
    let model = scene.store.publish(2)?;
    let envelope = manifest(2, &model)?.sign(&[&key(9)])?;
    scene.store.put_envelope(2, &envelope)?;
    scene.refuses("untrusted_keys");
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_09_two_signatures_by_one_key_are_one() -> Tested {
    let mut scene = Scene::trusting(key_set(1, 2, &[1, 2])?)?;
    let model = model(fixture::PHISHING, "model 1")?;
    let manifest = manifest(1, &model)?;
    scene.store.publish_as(&manifest, &model, &[&key(1)])?;
    scene.refuses("below_threshold");
    let mut json: serde_json::Value = serde_json::from_slice(&manifest.sign(&[&key(1)])?)?;
    let again = json["signatures"][0].clone();
    json["signatures"]
        .as_array_mut()
        .ok_or("an array")?
        .push(again);
    scene.store.put_envelope(1, &serde_json::to_vec(&json)?)?;
    let said = scene.refuses("below_threshold");
    assert_eq!(said, "found good signatures by 1 trusted keys; expected 2");
    scene
        .store
        .put_envelope(1, &manifest.sign(&[&key(1), &key(2)])?)?;
    scene.poll(NOW)?;
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_10_golden_rows_that_do_not_match_are_refused() -> Tested {
    let mut scene = Scene::serving(1)?;
    let model = model(fixture::PHISHING, "model 2")?;
    let mut wrong = manifest(2, &model)?;
    wrong.golden[0].margin ^= 1;
    scene.store.publish_as(&wrong, &model, &[&key(1)])?;
    scene.refuses("golden_row");
    let mut wrong = manifest(3, &model)?;
    wrong.golden[0].row.push(0);
    scene.store.publish_as(&wrong, &model, &[&key(1)])?;
    scene.refuses("golden_shape");
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_11_another_schema_is_refused() -> Tested {
    let mut scene = Scene::serving(1)?;
    // Signed and sound, but its rows are others than those that clients send.
    let other = model(fixture::NSL_KDD, "model 2")?;
    scene
        .store
        .publish_as(&manifest(2, &other)?, &other, &[&key(1)])?;
    scene.refuses("wrong_schema");
    // A schema that the artifact does not have.
    let same = model(fixture::PHISHING, "model 3")?;
    let mut wrong = manifest(3, &same)?;
    wrong.artifact.digest = ArtifactDigest::of(&other);
    wrong.artifact.size = other.len() as u64;
    scene.store.publish_as(&wrong, &other, &[&key(1)])?;
    scene.refuses("wrong_schema");
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_12_names_lead_nowhere_else() -> Tested {
    let mut scene = Scene::serving(1)?;
    for pointer in [
        r#"{"release":"../../../etc/passwd"}"#,
        r#"{"release":-1}"#,
        r#"{"release":1.5}"#,
        r#"{"release":18446744073709551616}"#,
        "[]",
        "",
    ] {
        scene
            .store
            .put("channels/champion.json", pointer.as_bytes())?;
        scene.refuses("pointer_malformed");
    }
    // No field of a manifest names a place: one more is refused, even by the right key.
    let good = String::from_utf8(manifest(2, &scene.store.publish(2)?)?.to_json()?)?;
    let path = good.replacen('{', r#"{"aaa_path":"../../state/state.json","#, 1);
    let mut envelope = Envelope::unsigned(Manifest::PAYLOAD_TYPE, path.into_bytes());
    envelope.sign(&key(1));
    scene.store.put_envelope(2, &envelope.to_json()?)?;
    scene.refuses("payload_malformed");
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_49_an_altered_challenger_or_scorer_is_refused() -> Tested {
    let mut scene = Scene::serving(1)?;
    let (second, other) = (
        model(fixture::PHISHING, "model 2")?,
        model(fixture::PHISHING, "the challenger")?,
    );
    let named = manifest(2, &other)?;
    let scorer = b"a component".to_vec();
    let mut release = manifest(2, &second)?;
    release.challenger = Some(picket_schema::release::Challenger {
        artifact: named.artifact,
        golden: named.golden,
        traffic_per_mille: 1000,
    });
    release.scorer = Some(picket_schema::release::ScorerRef {
        digest: picket_schema::ArtifactDigest::of(&scorer),
        size: scorer.len() as u64,
    });
    scene.store.publish_as(&release, &second, &[&key(1)])?;
    let good = [
        ("releases/2/challenger.picket", other),
        ("releases/2/scorer.wasm", scorer),
    ];
    for (path, bytes) in &good {
        scene.store.put(path, bytes)?;
    }
    for (path, bytes) in &good {
        let mut altered = bytes.clone();
        let at = altered.len() / 2;
        altered[at] ^= 1;
        scene.store.put(path, &altered)?;
        scene.refuses("wrong_digest");
        scene.store.put(path, &bytes[1..])?;
        scene.refuses("wrong_size");
        scene.assert_serves(1);
        scene.store.put(path, bytes)?;
    }
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 2 });
    scene.assert_serves(2);
    Ok(())
}
