//! The signed log of promotions: what a source may do with it, and what it cannot.

use std::sync::atomic::{AtomicBool, Ordering};

use picket_edge_runtime::sync::{
    DirectorySource, Fetched, Outcome, ReleaseSource, SourceError, SourcePath,
};
use picket_schema::release::{Envelope, LogEntry};

use crate::Tested;
use crate::edge::{NOW, Result, STALE, Scene, key, key_set, manifest, model};
use crate::fixture;

/// An edge that serves release 5, promoted by entry 10 of a log.
fn logged() -> Result<Scene> {
    let mut scene = Scene::empty()?;
    scene.store.publish(5)?;
    let head = scene.store.log_head(10, 5, &[&key(1)])?;
    scene.store.put_head(&head)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 5 });
    assert_eq!(scene.poll(NOW)?, Outcome::Confirmed { release: 5 });
    scene.assert_serves(5);
    Ok(scene)
}

#[test]
fn releases_that_the_log_names_are_taken() -> Tested {
    let mut scene = logged()?;
    scene.store.publish(6)?;
    let head = scene.store.log_head(13, 6, &[&key(1)])?;
    scene.store.put_head(&head)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 6 });
    scene.assert_serves(6);
    // Promoted again, by a later entry.
    let head = scene.store.log_head(14, 6, &[&key(1)])?;
    scene.store.put_head(&head)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Confirmed { release: 6 });
    assert_eq!(scene.restart(NOW)?, Some(6));
    assert_eq!(scene.poll(NOW)?, Outcome::Confirmed { release: 6 });
    Ok(())
}

#[test]
fn attack_40_a_pointer_behind_the_log_confirms_and_activates_nothing() -> Tested {
    let mut scene = logged()?;
    scene.store.publish(6)?;
    scene
        .store
        .put_head(&scene.store.log_head(13, 6, &[&key(1)])?)?;
    // The log goes on, the pointer is frozen.
    scene.store.point_at(5)?;
    let said = scene.refuses("log_contradicts");
    assert!(said.contains("release 5 is offered"), "{said}");
    scene.assert_serves(5);
    // It does not count as confirmed: the staleness ends it.
    scene.refuses_at(NOW + STALE + 1, "log_contradicts");
    scene.assert_withholds("not confirmed");
    // An edge that has seen nothing yet is not sent to an old release either.
    let mut fresh = Scene::empty()?;
    fresh.store.publish(6)?;
    fresh.store.publish(5)?;
    fresh
        .store
        .put_head(&fresh.store.log_head(13, 6, &[&key(1)])?)?;
    fresh.refuses("log_contradicts");
    fresh.store.point_at(6)?;
    assert_eq!(fresh.poll(NOW)?, Outcome::Activated { release: 6 });
    Ok(())
}

#[test]
fn attack_41_a_signed_release_that_nobody_promoted_is_refused() -> Tested {
    let mut scene = logged()?;
    // Signed and published for a trial; whoever can write the pointer alone sends the edges there.
    scene.store.publish(7)?;
    let said = scene.refuses("log_contradicts");
    assert!(said.contains("release 7 is offered"), "{said}");
    scene.assert_serves(5);
    // No mark was left: the next promotion, of a lower number, is taken.
    scene.store.publish(6)?;
    scene
        .store
        .put_head(&scene.store.log_head(13, 6, &[&key(1)])?)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 6 });
    scene.assert_serves(6);
    Ok(())
}

#[test]
fn attack_42_another_manifest_than_the_promoted_one_is_refused() -> Tested {
    let mut scene = Scene::empty()?;
    scene.store.publish(5)?;
    let head = scene.store.log_head(10, 5, &[&key(1)])?;
    let twin = model(fixture::PHISHING, "a twin")?;
    let signed = manifest(5, &twin)?;
    scene.store.publish_as(&signed, &twin, &[&key(1)])?;
    scene.store.put_head(&head)?;
    // A fresh edge has no mark of release 5: the log has.
    let said = scene.refuses("log_contradicts");
    assert!(said.contains("the log says"), "{said}");
    scene.store.publish(5)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 5 });
    scene.assert_serves(5);
    Ok(())
}

#[test]
fn attack_43_a_log_that_was_seen_is_not_taken_away_or_cut() -> Tested {
    let mut scene = logged()?;
    let old = std::fs::read(scene.store_path("log/head.dsse.json"))?;
    scene.store.publish(6)?;
    scene
        .store
        .put_head(&scene.store.log_head(13, 6, &[&key(1)])?)?;
    scene.poll(NOW)?;
    scene.assert_serves(6);
    scene.store.put_head(&old)?;
    scene.refuses("log_rolled_back");
    std::fs::remove_file(scene.store_path("log/head.dsse.json"))?;
    let said = scene.refuses("log_absent");
    assert!(said.contains("entry 13"), "{said}");
    // Also for the next process, and for a newer release without one.
    assert_eq!(scene.restart(NOW)?, Some(6));
    scene.store.publish(7)?;
    scene.refuses("log_absent");
    // Another entry with the number that was seen, and a promotion back.
    let mut twin = LogEntry::from_json(
        Envelope::from_json(&scene.store.log_head(13, 6, &[&key(1)])?)?.unverified_payload(),
    )?;
    twin.time.clear();
    scene.store.put_head(&twin.sign(&[&key(1)])?)?;
    scene.refuses("log_forked");
    scene.store.publish(5)?;
    scene
        .store
        .put_head(&scene.store.log_head(20, 5, &[&key(1)])?)?;
    scene.refuses("log_forked");
    scene.assert_serves(6);
    Ok(())
}

#[test]
fn attack_44_a_head_that_trusted_keys_did_not_sign_is_refused() -> Tested {
    let mut scene = logged()?;
    scene.store.publish(6)?;
    let good = scene.store.log_head(13, 6, &[&key(1)])?;
    let mut altered = good.clone();
    altered[40] = if altered[40] == b'A' { b'B' } else { b'A' };
    let release = std::fs::read(scene.store_path("releases/6/release.dsse.json"))?;
    let stranger = scene.store.log_head(13, 6, &[&key(9)])?;
    for head in [altered, release, stranger, b"{}".to_vec()] {
        scene.store.put_head(&head)?;
        scene.refuses("log_not_trusted");
        scene.assert_serves(5);
    }
    scene.store.put_head(&vec![b' '; 1 << 20])?;
    scene.refuses("too_large");
    // Refused on first sight too: what is there and wrong is not taken for an old bucket.
    let mut fresh = Scene::empty()?;
    fresh.store.publish(6)?;
    fresh
        .store
        .put_head(&fresh.store.log_head(13, 6, &[&key(9)])?)?;
    fresh.refuses("log_not_trusted");
    scene.store.put_head(&good)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 6 });
    // Of two keys that must sign the log needs both.
    let mut two = Scene::trusting(key_set(1, 2, &[1, 2])?)?;
    let bytes = model(fixture::PHISHING, "model 1")?;
    two.store
        .publish_as(&manifest(1, &bytes)?, &bytes, &[&key(1), &key(2)])?;
    two.store.put_head(&two.store.log_head(1, 1, &[&key(1)])?)?;
    two.refuses("log_not_trusted");
    two.store
        .put_head(&two.store.log_head(1, 1, &[&key(1), &key(2)])?)?;
    assert_eq!(two.poll(NOW)?, Outcome::Activated { release: 1 });
    Ok(())
}

#[test]
fn attack_45_an_edge_that_asks_for_a_log_takes_nothing_without_one() -> Tested {
    let mut scene = Scene::empty()?;
    scene.require_log = true;
    scene.store.publish(1)?;
    scene.restart(NOW)?;
    let said = scene.refuses("log_absent");
    assert!(said.contains("a signed promotion"), "{said}");
    scene
        .store
        .put_head(&scene.store.log_head(3, 1, &[&key(1)])?)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 1 });
    scene.assert_serves(1);
    Ok(())
}

/// A source whose pointer is an old one at the first look.
struct Late(DirectorySource, AtomicBool);

impl ReleaseSource for Late {
    fn fetch(
        &self,
        path: SourcePath,
        max_bytes: u64,
        etag: Option<&str>,
    ) -> std::result::Result<Fetched, SourceError> {
        if path == SourcePath::Pointer && !self.1.swap(true, Ordering::Relaxed) {
            let bytes = b"{\"release\":5}".to_vec();
            return Ok(Fetched::Found { bytes, etag: None });
        }
        self.0.fetch(path, max_bytes, etag)
    }
}

#[test]
fn a_promotion_between_two_looks_is_no_attack() -> Tested {
    let mut scene = logged()?;
    scene.store.publish(6)?;
    let head = scene.store.log_head(13, 6, &[&key(1)])?;
    scene.store.put_head(&head)?;
    let source = DirectorySource::new(scene.store.folder.clone());
    scene.restart_with(Box::new(Late(source, AtomicBool::new(false))), NOW)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 6 });
    // A pointer to what nobody promoted is the log's to refuse, before any of its files is asked for.
    scene.store.point_at(9)?;
    scene.refuses("log_contradicts");
    Ok(())
}

#[test]
fn a_log_that_comes_later_is_held_against_what_is_served_already() -> Tested {
    // Served from a store without a log; then there is one, which promotes another manifest of that number.
    let mut scene = Scene::serving(5)?;
    let envelope = std::fs::read(scene.store_path("releases/5/release.dsse.json"))?;
    let twin = model(fixture::PHISHING, "a twin")?;
    let signed = manifest(5, &twin)?.sign(&[&key(1)])?;
    scene.store.put_envelope(5, &signed)?;
    let head = scene.store.log_head(10, 5, &[&key(1)])?;
    scene.store.put_envelope(5, &envelope)?;
    scene.store.put_head(&head)?;
    let said = scene.refuses("log_contradicts");
    assert!(said.contains("the log says"), "{said}");
    scene.assert_serves(5);
    Ok(())
}

#[test]
fn the_log_is_signed_by_the_keys_of_after_a_rotation() -> Tested {
    let mut scene = logged()?;
    let next = key_set(2, 1, &[2])?;
    let signed = next.sign(&[&key(1), &key(2)])?;
    scene.store.put("keys/2.dsse.json", &signed)?;
    let sixth = model(fixture::PHISHING, "model 6")?;
    let by_new = manifest(6, &sixth)?;
    scene.store.publish_as(&by_new, &sixth, &[&key(2)])?;
    let by_old = scene.store.log_head(13, 6, &[&key(1)])?;
    scene.store.put_head(&by_old)?;
    scene.refuses("log_not_trusted");
    let by_new = scene.store.log_head(13, 6, &[&key(2)])?;
    scene.store.put_head(&by_new)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 6 });
    scene.assert_serves(6);
    Ok(())
}
