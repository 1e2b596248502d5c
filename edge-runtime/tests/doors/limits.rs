//! Clients that are slow, large or many; and addresses that others reach.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use picket_edge_runtime::{ConnectionLimits, ServerOptions, StartError};

use crate::scene::{PATIENCE, Scene, Tested, exchange, guarded, header, request, status, tokens};

fn hasty() -> ServerOptions {
    ServerOptions {
        limits: ConnectionLimits {
            // A client that writes at once may still be held up between its connection and its request.
            header_timeout: Duration::from_secs(4),
            body_timeout: Duration::from_millis(400),
            max_header_bytes: 8 << 10,
            ..ConnectionLimits::default()
        },
        ..ServerOptions::default()
    }
}

#[test]
fn a_client_that_drips_its_headers_is_cut_off_and_holds_nobody_up() -> Tested {
    let scene = Scene::start(hasty())?;
    let mut slow = scene.connect()?;
    slow.set_nonblocking(true)?;
    let start = Instant::now();
    let mut drips = b"GET /health HTTP/1.1\r\nhost: x\r\nx-drip: "
        .iter()
        .chain([b'a'].iter().cycle());
    let mut byte = [0; 1];
    let closed_after = loop {
        assert!(start.elapsed() < PATIENCE, "still open");
        let written = slow.write(&[*drips.next().ok_or("endless")?]);
        let ended = match slow.read(&mut byte) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        };
        if ended || written.is_err() {
            break start.elapsed();
        }
        // Others are answered meanwhile.
        assert_eq!(
            status(&scene.ask(&request("GET", "/health", &[], ""))?),
            200
        );
        std::thread::sleep(Duration::from_millis(25));
    };
    assert!(closed_after >= Duration::from_secs(3), "{closed_after:?}");
    Ok(())
}

#[test]
fn a_body_that_does_not_come_is_answered_by_408() -> Tested {
    let scene = Scene::start(hasty())?;
    let head = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{";
    let start = Instant::now();
    let answer = scene.ask(head)?;
    assert_eq!(status(&answer), 408, "{answer}");
    assert!(answer.contains("/docs#request-timeout"), "{answer}");
    assert!(start.elapsed() < PATIENCE);
    Ok(())
}

#[test]
fn a_body_that_drips_has_no_more_time_than_one_that_does_not_come() -> Tested {
    let scene = Scene::start(hasty())?;
    let mut slow = scene.connect()?;
    slow.write_all(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n")?;
    slow.set_read_timeout(Some(Duration::from_millis(50)))?;
    let start = Instant::now();
    let mut answer = Vec::new();
    while slow.read_to_end(&mut answer).is_err() && answer.is_empty() {
        assert!(start.elapsed() < PATIENCE, "still open");
        // Fails once the server has closed; what it said is read above.
        let _ = slow.write(b" ");
    }
    let answer = String::from_utf8_lossy(&answer);
    assert_eq!(status(&answer), 408, "{answer}");
    Ok(())
}

#[test]
fn an_idle_connection_is_closed_after_its_answers() -> Tested {
    let scene = Scene::start(hasty())?;
    let start = Instant::now();
    let mut idle = scene.connect()?;
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")?;
    let mut answer = String::new();
    // To the end of the connection, which nobody asked to be closed.
    idle.read_to_string(&mut answer)?;
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(header(&answer, "connection"), None);
    assert!(start.elapsed() >= Duration::from_secs(3));
    Ok(())
}

#[test]
fn a_client_that_does_not_read_its_answers_loses_its_place() -> Tested {
    let mut options = hasty();
    options.limits.write_timeout = Duration::from_millis(300);
    // Nothing but the unread answers can end it.
    options.limits.header_timeout = PATIENCE * 10;
    options.limits.max_connections = 1;
    let scene = Scene::start(options)?;
    let mut deaf = scene.connect()?;
    deaf.set_nonblocking(true)?;
    let requests = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(50);
    let start = Instant::now();
    let other = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let asked = scene.ask(&request("GET", "/health", &[], ""));
            asked.map_err(|error| error.to_string())
        });
        // More answers than the system keeps for both sides, until one end gives up.
        while !other.is_finished() && start.elapsed() < PATIENCE {
            if let Err(error) = deaf.write(requests.as_bytes()) {
                if error.kind() != std::io::ErrorKind::WouldBlock {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        other.join()
    });
    let answer = other.map_err(|_| "a panic")??;
    assert_eq!(status(&answer), 200, "{answer}");
    // It was there all the time, and is gone.
    deaf.set_nonblocking(false)?;
    let mut unread = Vec::new();
    let ended = deaf.read_to_end(&mut unread);
    assert!(
        ended.is_ok() || !is_timeout(&ended),
        "the deaf client is still served: {ended:?}"
    );
    Ok(())
}

fn is_timeout(read: &std::io::Result<usize>) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    let kind = read.as_ref().err().map(std::io::Error::kind);
    matches!(kind, Some(TimedOut | WouldBlock))
}

#[test]
fn an_address_has_so_many_connections_and_gets_them_back() -> Tested {
    let mut options = hasty();
    options.limits.max_per_address = 2;
    options.limits.header_timeout = PATIENCE * 10;
    let scene = Scene::start(options)?;
    let health = request("GET", "/health", &[], "");
    let idle = [scene.connect()?, scene.connect()?];
    // Both are accepted before this one, which is closed unheard.
    let refused = scene.ask(&health).unwrap_or_default();
    assert_eq!(refused, "");
    drop(idle);
    let start = Instant::now();
    while status(&scene.ask(&health).unwrap_or_default()) != 200 {
        assert!(start.elapsed() < PATIENCE, "the places do not come back");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn headers_beyond_their_limit_are_answered_by_431() -> Tested {
    let scene = Scene::start(hasty())?;
    let large = "x".repeat(20 << 10);
    let answer = scene.ask(&request("GET", "/health", &[("x-large", &large)], ""))?;
    assert_eq!(status(&answer), 431, "{answer}");
    let many: Vec<(&str, &str)> = std::iter::repeat_n(("x", "y"), 200).collect();
    let answer = scene.ask(&request("GET", "/health", &many, ""))?;
    assert_eq!(status(&answer), 431, "{answer}");
    let path = format!("/{}", "a".repeat(20 << 10));
    let answer = scene.ask(&request("GET", &path, &[], ""))?;
    assert!([414, 431].contains(&status(&answer)), "{answer}");
    assert_eq!(
        status(&scene.ask(&request("GET", "/health", &[], ""))?),
        200
    );
    Ok(())
}

#[test]
fn connections_beyond_their_number_wait_for_a_place() -> Tested {
    let mut options = hasty();
    options.limits.max_connections = 2;
    let scene = Scene::start(options)?;
    // Before the connections: their time runs from then on, however late this goes on.
    let start = Instant::now();
    let idle = [scene.connect()?, scene.connect()?];
    // Until the idle ones are cut off.
    let answer = scene.ask(&request("GET", "/health", &[], ""))?;
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(
        start.elapsed() >= Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    drop(idle);
    Ok(())
}

#[test]
fn two_requests_in_one_go_are_two_answers_each_with_an_id() -> Tested {
    let scene = Scene::start(ServerOptions::default())?;
    let first = "GET /health HTTP/1.1\r\nhost: x\r\nx-request-id: mine.1\r\n\r\n";
    let second = request("GET", "/health", &[("x-request-id", "bad id")], "");
    let answers = exchange(&mut scene.connect()?, format!("{first}{second}").as_bytes())?;
    let (one, two) = answers.split_at(answers.rfind("HTTP/1.1").ok_or("two answers")?);
    assert_eq!((status(one), status(two)), (200, 200));
    assert_eq!(header(one, "x-request-id"), Some("mine.1"));
    let made = header(two, "x-request-id").ok_or("an id")?;
    assert!(
        made.len() == 32 && made.bytes().all(|it| it.is_ascii_hexdigit()),
        "{made}"
    );
    Ok(())
}

#[test]
fn others_are_let_in_with_tokens_or_where_that_is_meant() -> Tested {
    let everywhere = ([0, 0, 0, 0], 0).into();
    let refused = Scene::start_at(everywhere, ServerOptions::default());
    let refused = refused.err().ok_or("no start")?.downcast::<StartError>()?;
    assert!(
        matches!(*refused, StartError::OpenDoors { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("--open"), "{refused}");
    let open = ServerOptions {
        open: true,
        ..ServerOptions::default()
    };
    assert!(Scene::start_at(everywhere, open).is_ok());
    let folder = tempfile::tempdir()?;
    let (path, _) = tokens(folder.path(), None)?;
    assert!(Scene::start_at(everywhere, guarded(&path)?).is_ok());
    for own in [
        "127.0.0.1:0",
        "127.8.8.8:0",
        "[::1]:0",
        "[::ffff:127.0.0.1]:0",
    ] {
        let started = Scene::start_at(own.parse()?, ServerOptions::default());
        // A machine may lack an address; it is not refused as open.
        let open_doors = started
            .err()
            .and_then(|it| it.downcast::<StartError>().ok());
        let open_doors = open_doors.is_some_and(|it| matches!(*it, StartError::OpenDoors { .. }));
        assert!(!open_doors, "{own}");
    }
    Ok(())
}
