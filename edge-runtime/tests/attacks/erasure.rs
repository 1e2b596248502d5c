//! Lists of tombstones: what a source may do with them, and what it cannot.

use std::collections::BTreeSet;

use picket_schema::release::{SigningKey, Tombstones};

use crate::Tested;
use crate::edge::{NOW, Result, Scene, key};

fn list(version: u64, key: &SigningKey) -> Result<Vec<u8>> {
    let subjects = BTreeSet::from([version.to_string().repeat(32)]);
    Ok(Tombstones::new(version, NOW, subjects)?.sign(&[key])?)
}

fn put(scene: &Scene, number: u64, envelope: &[u8]) -> Tested {
    scene
        .store
        .put(&format!("tombstones/{number}.dsse.json"), envelope)
}

#[test]
fn attack_38_a_forged_list_erases_nothing() -> Tested {
    let mut scene = Scene::serving(1)?;
    put(&scene, 1, &list(1, &key(9))?)?;
    scene.poll(NOW)?;
    let mut altered = list(1, &key(1))?;
    let at = altered.len() / 3;
    altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
    put(&scene, 1, &altered)?;
    scene.poll(NOW)?;
    // A release is no list, whoever signed it.
    let release = std::fs::read(scene.store_path("releases/1/release.dsse.json"))?;
    put(&scene, 1, &release)?;
    scene.poll(NOW)?;
    assert_eq!(scene.erased(), [0_u64; 0]);
    scene.assert_serves(1);
    put(&scene, 1, &list(1, &key(1))?)?;
    scene.poll(NOW)?;
    assert_eq!(scene.erased(), [1]);
    Ok(())
}

#[test]
fn attack_39_lists_are_carried_out_in_order_each_once() -> Tested {
    let mut scene = Scene::serving(1)?;
    // A later list in the place of an earlier one.
    put(&scene, 1, &list(2, &key(1))?)?;
    scene.poll(NOW)?;
    assert_eq!(scene.erased(), [0_u64; 0]);
    for version in 1..=3 {
        put(&scene, version, &list(version, &key(1))?)?;
    }
    scene.poll(NOW)?;
    assert_eq!(scene.erased(), [1, 2, 3]);
    scene.poll(NOW)?;
    assert_eq!(scene.erased(), [1, 2, 3]);
    assert_eq!(scene.restart(NOW)?, Some(1));
    put(&scene, 4, &list(4, &key(1))?)?;
    scene.poll(NOW)?;
    // A restart begins with what it saw anew.
    assert_eq!(scene.erased(), [4]);
    Ok(())
}
