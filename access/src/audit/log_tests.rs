//! The log under what happens to files.

use super::AuditEvent;
use super::log::AuditLog;
use crate::audit::{MAX_LINE, Outcome, Verified, verify, verify_anchored};
use crate::error::AuditError;
use proptest::prelude::*;
use std::path::Path;
use std::time::{Duration, SystemTime};

type Tested = Result<(), Box<dyn std::error::Error>>;

fn event(action: &str) -> AuditEvent {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    AuditEvent::new(time, "admin-1", action, Outcome::Done).with("release", "7")
}

/// A log of three events, its bytes and where each line starts.
fn three(path: &Path) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let log = AuditLog::open(path)?;
    for (number, action) in (1..).zip(["token.add", "model.activate", "subject.erase"]) {
        assert_eq!(log.append(&event(action))?, number);
    }
    let bytes = std::fs::read(path)?;
    assert_eq!(log.head(), (3, verify(path)?.head));
    Ok(bytes)
}

#[test]
fn events_are_chained_and_verified() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audit.jsonl");
    let bytes = three(&path)?;
    let text = String::from_utf8(bytes)?;
    let first = "{\"number\":1,\"time\":\"2023-11-14T22:13:20.123Z\",\"actor\":\"admin-1\",\
                 \"action\":\"token.add\",\"outcome\":\"done\",\"details\":{\"release\":\"7\"},\
                 \"previous\":\"0000";
    assert!(text.starts_with(first), "{text}");
    let verified = verify(&path)?;
    assert_eq!((verified.n_events, verified.n_torn_bytes), (3, 0));
    // It goes on after it is opened again.
    let log = AuditLog::open(&path)?;
    assert_eq!(log.append(&event("token.remove"))?, 4);
    assert_eq!(verify_anchored(&path, &verified.head)?.n_events, 4);
    Ok(())
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners() -> Tested {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audit.jsonl");
    AuditLog::open(&path)?.append(&event("one"))?;
    for file in [path.clone(), path.with_extension("jsonl.head")] {
        let mode = std::fs::metadata(&file)?.permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
    Ok(())
}

#[test]
fn lines_taken_out_put_in_or_moved_are_found() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audit.jsonl");
    let bytes = three(&path)?;
    let kept = verify(&path)?.head;
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for (order, line) in [
        (vec![1, 2], 1),
        (vec![0, 2], 2),
        (vec![0, 2, 1], 2),
        (vec![0, 0, 1, 2], 2),
        (vec![0, 1, 1, 2], 3),
    ] {
        let changed: Vec<u8> = order.iter().flat_map(|idx| lines[*idx]).copied().collect();
        std::fs::write(&path, &changed)?;
        let found = verify(&path);
        assert!(
            matches!(found, Err(AuditError::Broken { line: at, .. }) if at == line),
            "{order:?}: {found:?}"
        );
        assert!(AuditLog::open(&path).is_err(), "{order:?}");
        assert_eq!(
            std::fs::read(&path)?,
            changed,
            "a broken log is left as it is"
        );
    }
    // A chain cut short holds; what was kept beside it shows it, and what was kept elsewhere too.
    for n_left in 0..3 {
        std::fs::write(&path, lines[..n_left].concat())?;
        for found in [verify(&path).map(|_| ()), AuditLog::open(&path).map(|_| ())] {
            let found = found.expect_err("cut off").to_string();
            assert!(
                found.contains("audit.jsonl.head holds the digest of line 3")
                    && found.contains("cut off"),
                "{found}"
            );
        }
    }
    std::fs::remove_file(path.with_extension("jsonl.head"))?;
    std::fs::write(&path, lines[..2].concat())?;
    assert_eq!(verify(&path)?.n_events, 2);
    let found = verify_anchored(&path, &kept)
        .expect_err("cut off")
        .to_string();
    assert!(found.contains("cut off"), "{found}");
    Ok(())
}

#[test]
fn a_torn_end_is_cut_off_at_any_byte_and_told() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audit.jsonl");
    let kept = path.with_extension("jsonl.head");
    let log = AuditLog::open(&path)?;
    log.append(&event("token.add"))?;
    log.append(&event("model.activate"))?;
    let (last, kept_of_two) = (std::fs::read(&path)?.len(), std::fs::read(&kept)?);
    log.append(&event("subject.erase"))?;
    let bytes = std::fs::read(&path)?;
    // A power cut while the third was written: nothing kept its digest yet.
    let cut = |bytes: &[u8]| {
        std::fs::write(&kept, &kept_of_two)?;
        std::fs::write(&path, bytes)
    };
    for length in last + 1..bytes.len() {
        cut(&bytes[..length])?;
        let torn = verify(&path)?;
        let n_torn_bytes = (length - last) as u64;
        assert_eq!((torn.n_events, torn.n_torn_bytes), (2, n_torn_bytes));
        let log = AuditLog::open(&path)?;
        assert_eq!((log.head().0, log.n_torn_bytes()), (2, n_torn_bytes));
        assert_eq!(log.append(&event("after"))?, 4);
        assert_eq!(log.append(&event("once"))?, 5);
        let found = verify(&path)?;
        assert_eq!((found.n_events, found.n_torn_bytes), (5, 0));
        let text = std::fs::read_to_string(&path)?;
        let told: serde_json::Value = serde_json::from_str(text.lines().nth(2).expect("a third"))?;
        assert_eq!(
            (&told["actor"], &told["action"], &told["outcome"]),
            (&"audit-log".into(), &"audit.torn".into(), &"failed".into())
        );
        assert_eq!(told["time"], "2023-11-14T22:13:20.123Z");
        assert_eq!(told["details"]["bytes"], n_torn_bytes.to_string());
        let torn_text = std::str::from_utf8(&bytes[last..length])?;
        assert_eq!(told["details"]["text"], torn_text);
    }
    // Zeros where the start of the last write should be.
    let mut zeros = bytes.clone();
    zeros[last..last + 20].fill(0);
    cut(&zeros)?;
    let log = AuditLog::open(&path)?;
    assert_eq!(log.head().0, 2);
    assert_eq!(log.append(&event("after"))?, 4);
    assert_eq!(verify(&path)?.n_events, 4);
    // In the middle they are no accident of the last write.
    let mut zeros = bytes.clone();
    zeros[10..20].fill(0);
    cut(&zeros)?;
    assert!(AuditLog::open(&path).is_err());
    // A line that was acknowledged is not torn: without its line feed it is missing.
    std::fs::write(&path, &bytes)?;
    AuditLog::open(&path)?;
    std::fs::write(&path, &bytes[..bytes.len() - 1])?;
    assert!(AuditLog::open(&path).is_err());
    Ok(())
}

#[test]
fn another_process_tells_what_one_that_died_left() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audit.jsonl");
    let log = AuditLog::open(&path)?;
    log.append(&event("one"))?;
    let mut bytes = std::fs::read(&path)?;
    bytes.extend(b"{\"number\":2,\"time\":\"20");
    std::fs::write(&path, &bytes)?;
    assert_eq!(log.append(&event("three"))?, 3);
    let text = std::fs::read_to_string(&path)?;
    assert!(
        text.lines()
            .nth(1)
            .is_some_and(|line| line.contains("audit.torn")),
        "{text}"
    );
    assert_eq!(verify(&path)?.n_events, 3);
    Ok(())
}

/// Runs an ignored test of this file in a process of its own, after some words of a shell.
#[cfg(unix)]
fn in_a_process(before: &str, test: &str, path: &Path) -> std::io::Result<std::process::Child> {
    let script =
        format!("{before} exec \"$0\" --ignored --exact audit::log_tests::{test} --nocapture");
    std::process::Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe()?)
        .env("PICKET_TEST_LOG", path)
        .stdout(std::process::Stdio::null())
        .spawn()
}

fn log_of_parent() -> Result<AuditLog, Box<dyn std::error::Error>> {
    let path = std::env::var_os("PICKET_TEST_LOG").ok_or("started by another test")?;
    Ok(AuditLog::open(Path::new(&path))?)
}

#[test]
#[ignore = "started by processes_share_a_file"]
fn child_writes_twenty_events() -> Tested {
    let log = log_of_parent()?;
    for _ in 0..20 {
        log.append(&event("shared"))?;
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn processes_share_a_file() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audit.jsonl");
    let children: Vec<_> = (0..3)
        .map(|_| in_a_process("", "child_writes_twenty_events", &path))
        .collect();
    let log = AuditLog::open(&path)?;
    for _ in 0..20 {
        log.append(&event("mine"))?;
    }
    for child in children {
        assert!(child?.wait()?.success());
    }
    assert_eq!(verify(&path)?.n_events, 80);
    assert_eq!(log.append(&event("last"))?, 81);
    Ok(())
}

#[test]
#[ignore = "started by a_disk_that_is_full_takes_no_event_and_loses_none"]
fn child_writes_until_the_disk_is_full() -> Tested {
    let log = log_of_parent()?;
    let mut n_events = 0;
    while log.append(&event("kept")).is_ok() {
        n_events += 1;
        assert!(n_events < 100, "the disk has no end");
    }
    let before = std::fs::read(log.path())?;
    assert!(before.ends_with(b"\n"), "half an event is cut off at once");
    let refused = log.append(&event("kept"));
    assert!(
        matches!(refused, Err(AuditError::File { .. })),
        "{refused:?}"
    );
    assert_eq!(std::fs::read(log.path())?, before);
    assert_eq!(log.head().0, n_events, "what was refused does not count");
    Ok(())
}

/// The longest file that the process may write plays the disk's end: a write comes through in part, then fails.
#[cfg(unix)]
#[test]
fn a_disk_that_is_full_takes_no_event_and_loses_none() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audit.jsonl");
    let test = "child_writes_until_the_disk_is_full";
    let mut child = in_a_process("trap '' XFSZ; ulimit -S -f 2;", test, &path)?;
    assert!(child.wait()?.success());
    let found = verify(&path)?;
    assert!(found.n_events > 0);
    assert_eq!(found.n_torn_bytes, 0);
    // With room again the chain goes on, with nothing to tell.
    let log = AuditLog::open(&path)?;
    assert_eq!(log.append(&event("after"))?, found.n_events + 1);
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_log_that_was_moved_takes_no_more_until_it_is_back() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audit.jsonl");
    let aside = folder.path().join("aside.jsonl");
    let log = AuditLog::open(&path)?;
    log.append(&event("one"))?;
    std::fs::rename(&path, &aside)?;
    let refused = |log: &AuditLog| {
        assert!(log.check().is_err());
        let found = log.append(&event("unseen"));
        let text = found.expect_err("nobody would find it").to_string();
        assert!(text.contains("moved, removed or replaced"), "{text}");
    };
    refused(&log);
    std::fs::write(&path, "")?;
    refused(&log);
    // A new log at its place would begin at 1 again, and nobody would notice.
    let found = AuditLog::open(&path).expect_err("cut off").to_string();
    assert!(found.contains("audit.jsonl.head"), "{found}");
    std::fs::rename(&aside, &path)?;
    log.check()?;
    assert_eq!(log.append(&event("two"))?, 2);
    // Log and digest moved aside together: a new log.
    std::fs::rename(&path, &aside)?;
    std::fs::rename(
        path.with_extension("jsonl.head"),
        folder.path().join("aside.jsonl.head"),
    )?;
    assert_eq!(AuditLog::open(&path)?.append(&event("new"))?, 1);
    assert_eq!(verify(&aside)?.n_events, 2);
    Ok(())
}

#[test]
fn two_writers_share_a_file() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audit.jsonl");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let log = AuditLog::open(&path).expect("opens");
                for _ in 0..20 {
                    log.append(&event("shared")).expect("is written");
                }
            });
        }
    });
    assert_eq!(verify(&path)?.n_events, 60);
    Ok(())
}

#[test]
fn a_log_cut_under_its_writer_takes_no_more() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audit.jsonl");
    let log = AuditLog::open(&path)?;
    log.append(&event("one"))?;
    std::fs::write(&path, "")?;
    assert!(matches!(log.check(), Err(AuditError::Broken { .. })));
    assert!(matches!(
        log.append(&event("two")),
        Err(AuditError::Broken { .. })
    ));
    Ok(())
}

#[test]
fn long_events_are_refused_and_leave_nothing() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audit.jsonl");
    let log = AuditLog::open(&path)?;
    let long = event("long").with("text", "x".repeat(MAX_LINE));
    assert!(matches!(log.append(&long), Err(AuditError::TooLong { .. })));
    assert_eq!(std::fs::read(&path)?, b"");
    // Line feeds in a text stay in its line.
    log.append(&event("a\nb").with("k\n", "v\n"))?;
    assert_eq!(verify(&path)?.n_events, 1);
    let missing = verify(&folder.path().join("none"));
    assert!(matches!(missing, Err(AuditError::File { .. })));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any byte before the last line that changes is found; a change in the last line is found by its digest.
    #[test]
    fn any_changed_byte_is_found(place in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        let mut bytes = three(&path).expect("a log");
        let kept: Verified = verify(&path).expect("holds");
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        std::fs::write(&path, &bytes).expect("written");
        let found = verify_anchored(&path, &kept.head);
        prop_assert!(found.is_err(), "byte {} of {}", place, bytes.len());
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        std::fs::write(&path, &bytes).expect("written");
        let _ = verify(&path);
        let _ = AuditLog::open(&path);
    }
}
