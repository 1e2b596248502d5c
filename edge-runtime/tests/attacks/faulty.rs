//! Sources that fail, stall and lie.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use picket_edge_runtime::sync::{
    Fetched, HttpSource, HttpTimeouts, Outcome, ReleaseSource, SourceError, SourcePath,
};

use crate::Tested;
use crate::edge::{NOW, STALE, Scene, names};

#[test]
fn attack_24_a_source_that_is_down_changes_nothing() -> Tested {
    let mut scene = Scene::serving(1)?;
    let (here, away) = (
        scene.store.folder.clone(),
        scene.state.with_file_name("away"),
    );
    std::fs::rename(&here, &away)?;
    scene.refuses("file_absent");
    scene.assert_serves(1);
    // Not even a restart needs it.
    assert_eq!(scene.restart(NOW + STALE)?, Some(1));
    scene.refuses_at(NOW + STALE, "file_absent");
    scene.assert_serves(1);
    scene.refuses_at(NOW + STALE + 1, "file_absent");
    scene.assert_withholds("release 1 was not confirmed");
    std::fs::rename(&away, &here)?;
    let outcome = scene.poll(NOW + STALE + 2)?;
    assert_eq!(outcome, Outcome::Confirmed { release: 1 });
    scene.assert_serves(1);
    Ok(())
}

/// A server that answers every connection in its own way, for as long as the test runs.
fn server(answer: impl Fn(&mut TcpStream, usize) + Send + 'static) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for (idx, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            // To the end of the head: a connection that is closed over unread bytes is reset, and the answer may be lost.
            let mut head = Vec::new();
            let mut byte = [0; 1];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                head.extend(byte);
            }
            answer(&mut stream, idx);
        }
    });
    Ok(address)
}

/// Where the limit is not what is tested, it is longer than any machine is held up.
const PATIENCE: Duration = Duration::from_mins(1);

fn source(address: &str, whole: Duration) -> Result<HttpSource, SourceError> {
    let connect = whole;
    HttpSource::new(address, false, HttpTimeouts { connect, whole })
}

#[test]
fn attack_25_a_source_that_stalls_is_cut_off() -> Tested {
    let silent = server(|_, _| std::thread::sleep(Duration::from_mins(10)))?;
    let dripping = server(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(200));
        }
    })?;
    for address in [silent, dripping] {
        let mut scene = Scene::serving(1)?;
        scene.restart_with(Box::new(source(&address, Duration::from_millis(400))?), NOW)?;
        let start = Instant::now();
        scene.refuses("source_failed");
        assert!(start.elapsed() < PATIENCE, "it was waited for");
        scene.assert_serves(1);
    }
    Ok(())
}

#[test]
fn attack_26_an_answer_larger_than_it_may_be_is_not_read() -> Tested {
    let endless = server(|stream, idx| {
        // Once with a length that says so, once without one.
        let head: &[u8] = if idx == 0 {
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"
        } else {
            b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
        };
        let _ = stream.write_all(head);
        while stream.write_all(&[b'1'; 4096]).is_ok() {}
    })?;
    let source = source(&endless, PATIENCE)?;
    for _ in 0..2 {
        match source.fetch(SourcePath::Champion(1), 100_000, None) {
            Err(SourceError::TooLarge { expected, .. }) => assert_eq!(expected, 100_000),
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}

#[test]
fn attack_27_a_redirect_is_not_followed() -> Tested {
    let elsewhere = server(|_, _| panic!("nobody should ask here"))?;
    let redirecting = server(move |stream, _| {
        let answer = format!(
            "HTTP/1.1 302 Found\r\nlocation: {elsewhere}/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let _ = stream.write_all(answer.as_bytes());
    })?;
    match source(&redirecting, PATIENCE)?.fetch(SourcePath::Pointer, 1000, None) {
        Err(SourceError::Status { found: 302, .. }) => Ok(()),
        other => panic!("{other:?}"),
    }
}

/// A source that says "unchanged" whatever is new.
struct LyingAboutTags {
    inner: Box<dyn ReleaseSource>,
    n_lies: Arc<AtomicUsize>,
}

impl ReleaseSource for LyingAboutTags {
    fn fetch(
        &self,
        path: SourcePath,
        max_bytes: u64,
        etag: Option<&str>,
    ) -> Result<Fetched, SourceError> {
        if etag.is_some() {
            self.n_lies.fetch_add(1, Ordering::Relaxed);
            return Ok(Fetched::Unchanged);
        }
        let fetched = self.inner.fetch(path, max_bytes, None)?;
        Ok(match fetched {
            Fetched::Found { bytes, .. } => Fetched::Found {
                bytes,
                etag: Some("\"always\"".to_owned()),
            },
            other => other,
        })
    }
}

#[test]
fn attack_28_entity_tags_that_lie_hold_nothing_back_for_long() -> Tested {
    let mut scene = Scene::serving(1)?;
    let n_lies = Arc::new(AtomicUsize::new(0));
    let lying = LyingAboutTags {
        inner: scene.store.source(),
        n_lies: Arc::clone(&n_lies),
    };
    scene.restart_with(Box::new(lying), NOW)?;
    scene.poll(NOW)?;
    scene.store.publish(2)?;
    let mut n_polls = 0;
    while scene.poll(NOW)? == (Outcome::Confirmed { release: 1 }) {
        n_polls += 1;
        assert!(n_polls <= 10, "the lie is believed for ever");
    }
    assert!(n_lies.load(Ordering::Relaxed) > 0, "nothing was tested");
    scene.assert_serves(2);
    Ok(())
}

#[test]
fn attack_29_what_is_no_file_is_not_opened() -> Tested {
    let mut scene = Scene::serving(1)?;
    scene.store.publish(2)?;
    let place = scene.store_path("releases/2/model.picket");
    std::fs::remove_file(&place)?;
    std::fs::create_dir(&place)?;
    scene.refuses("source_failed");
    #[cfg(unix)]
    {
        std::fs::remove_dir(&place)?;
        // A pipe without a writer would be waited for, for ever.
        let made = std::process::Command::new("mkfifo").arg(&place).status()?;
        assert!(made.success());
        scene.refuses("source_failed");
    }
    scene.assert_serves(1);
    assert_eq!(names(&scene.state)?.len(), 3, "lock, state, one model");
    Ok(())
}
