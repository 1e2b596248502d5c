//! What must last: the state, through crashes, full disks and other processes.

use picket_edge_runtime::sync::{Outcome, StateDir, StateError};

use crate::Tested;
use crate::edge::{NOW, Scene, key_set, names};

#[test]
fn attack_30_a_crash_between_two_writes_leaves_the_old_or_the_new() -> Tested {
    let mut scene = Scene::serving(1)?;
    // What a crash in the middle of a replacement leaves behind.
    std::fs::write(scene.state.join("state.part"), b"{\"format\":1,\"hi")?;
    let digits = "0".repeat(64);
    std::fs::write(scene.state.join(format!("{digits}.part")), b"half")?;
    assert_eq!(scene.restart(NOW)?, Some(1));
    scene.store.publish(2)?;
    scene.poll(NOW)?;
    scene.assert_serves(2);
    let left = names(&scene.state)?;
    assert_eq!(left.len(), 3, "lock, state, one model: {left:?}");
    Ok(())
}

#[test]
fn attack_31_a_damaged_model_on_the_disk_is_not_served() -> Tested {
    let mut scene = Scene::serving(1)?;
    for name in names(&scene.state)? {
        if name.rsplit('.').next() == Some("blob") {
            let path = scene.state.join(name);
            let mut bytes = std::fs::read(&path)?;
            bytes[100] ^= 1;
            std::fs::write(path, bytes)?;
        }
    }
    assert!(scene.restart(NOW).is_err());
    // It comes from the source again, under the same mark.
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 1 });
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_32_a_damaged_state_is_not_taken_for_a_new_one() -> Tested {
    let mut scene = Scene::serving(5)?;
    let path = scene.state.join("state.json");
    let good = std::fs::read(&path)?;
    for damaged in [&good[..good.len() / 2], b"", b"{}"] {
        std::fs::write(&path, damaged)?;
        let said = scene.restart(NOW).expect_err("no mark, no start");
        assert!(said.to_string().contains("protection from old releases"));
    }
    std::fs::write(&path, good)?;
    assert_eq!(scene.restart(NOW)?, Some(5));
    Ok(())
}

#[test]
fn attack_33_one_process_has_a_state() -> Tested {
    let scene = Scene::serving(1)?;
    match StateDir::open(&scene.state) {
        Err(StateError::Locked { .. }) => Ok(()),
        other => panic!("{other:?}"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn attack_34_a_full_disk_keeps_the_last_good_release() -> Tested {
    use std::process::Command;

    let folder = tempfile::tempdir()?;
    let state = folder.path().join("state");
    std::fs::create_dir(&state)?;
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "picket-attack-34"])
        .arg(&state)
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: a small disk cannot be mounted here; it takes root");
        return Ok(());
    }
    let unmount = Unmount(state.clone());
    let mut scene = Scene::with(folder, key_set(1, 1, &[1])?, state.clone())?;
    scene.store.publish(1)?;
    scene.poll(NOW)?;
    // Fill what is left.
    let filler = state.join("filler");
    let mut n_bytes = 0;
    while n_bytes < 1 << 20 && append(&filler, &[0; 512]).is_ok() {
        n_bytes += 512;
    }
    assert!(n_bytes < 1 << 20, "the disk is not small");
    scene.store.publish(2)?;
    scene.refuses("state_failed");
    scene.assert_serves(1);
    // After a restart too: the old state was not touched.
    assert_eq!(scene.restart(NOW)?, Some(1));
    scene.refuses("state_failed");
    scene.assert_serves(1);
    std::fs::remove_file(&filler)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 2 });
    scene.assert_serves(2);
    drop(scene);
    drop(unmount);
    Ok(())
}

#[cfg(target_os = "linux")]
struct Unmount(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl Drop for Unmount {
    fn drop(&mut self) {
        // Lazily: a test that failed still has files open.
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .status();
    }
}

#[cfg(target_os = "linux")]
fn append(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;

    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    file.write_all(bytes)
}
