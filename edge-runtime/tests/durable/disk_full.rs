//! A file system without room, of the kernel's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Tested;
use crate::program::{Program, Result, component, spool};

/// A small file system in memory, gone with this.
struct SmallDisk {
    path: PathBuf,
    _folder: TempDir,
}

impl SmallDisk {
    /// `None` where this user may not mount.
    fn mount() -> Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("small");
        std::fs::create_dir(&path)?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(&path)
            .output();
        if !mounted.is_ok_and(|it| it.status.success()) {
            eprintln!("SKIPPED: a full disk needs a small file system, which only root may mount");
            return Ok(None);
        }
        Ok(Some(Self {
            path,
            _folder: folder,
        }))
    }

    fn fill(&self) -> PathBuf {
        let place = self.path.join("filler");
        // Ends with the room.
        let _ = std::fs::write(&place, vec![1; 200 << 10]);
        place
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a program that still holds it has been killed.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

/// Asks until the disk is full. Gives how many answers came.
fn fill_up(program: &Program) -> Result<(u64, u16)> {
    for n_answered in 0..5000 {
        if let Err(status) = program.predict()? {
            return Ok((n_answered, status));
        }
    }
    Err("the disk does not fill".into())
}

fn start(component: &Path, disk: &SmallDisk, policy: &str) -> Result<Program> {
    let more = ["--spool-when-full", policy];
    Program::serve(component, &disk.path.join("spool"), &more)
}

#[test]
fn a_full_disk_refuses_requests_until_there_is_room() -> Tested {
    let (Some(component), Some(disk)) = (component(), SmallDisk::mount()?) else {
        return Ok(());
    };
    let filler = disk.fill();
    let program = start(&component, &disk, "refuse")?;
    let (n_answered, status) = fill_up(&program)?;
    assert!(n_answered > 0 && status == 503, "{n_answered}, {status}");
    let counts = program.counts()?;
    assert_eq!((counts.accepted, counts.pending), (n_answered, n_answered));
    assert!(counts.refused > 0);
    // A kill on a full disk, and a start on one: what was acknowledged is there.
    program.kill()?;
    let program = start(&component, &disk, "refuse")?;
    assert_eq!(program.counts()?.pending, n_answered);
    std::fs::remove_file(filler)?;
    program.predict()?.map_err(|status| format!("{status}"))?;
    assert_eq!(program.counts()?.pending, n_answered + 1);
    program.kill()?;
    let place = disk.path.join("spool");
    assert!(spool(&["verify"], &place)?.status.success());
    Ok(())
}

#[test]
fn on_a_full_disk_drop_oldest_goes_on_and_counts() -> Tested {
    let (Some(component), Some(disk)) = (component(), SmallDisk::mount()?) else {
        return Ok(());
    };
    disk.fill();
    let program = start(&component, &disk, "drop-oldest")?;
    for _ in 0..600 {
        program.predict()?.map_err(|status| format!("{status}"))?;
    }
    let counts = program.counts()?;
    assert!(
        counts.accepted >= 600 && counts.overflowed > 0,
        "{counts:?}"
    );
    assert_eq!(counts.lost, 0);
    Ok(())
}
