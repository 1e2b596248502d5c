//! Servers whose certificates come from an authority of one's own.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use picket_edge_runtime::TrustedRoots;
use picket_edge_runtime::sync::{HttpTimeouts, Outcome, S3Credentials, S3Source, open_source};
use picket_edge_runtime::upload::{CollectorSink, RecordSink, SinkError};

use crate::Tested;
use crate::bucket::{Bucket, KEY, SECRET};
use crate::edge::{NOW, Result, Scene};
use crate::tls_relay::TlsRelay;

fn over_tls(relay: &TlsRelay) -> Result<S3Source> {
    let credentials = S3Credentials {
        access_key: KEY.to_owned(),
        secret_key: SECRET.to_owned(),
        session_token: None,
        region: "us-east-1".to_owned(),
        endpoint: Some(relay.origin()),
    };
    let timeouts = HttpTimeouts {
        connect: Duration::from_secs(5),
        whole: Duration::from_secs(5),
    };
    Ok(S3Source::new("s3://store", credentials, false, timeouts)?)
}

#[test]
fn releases_come_from_a_bucket_over_tls_whose_authority_is_named() -> Tested {
    let mut scene = Scene::empty()?;
    scene.store.publish(1)?;
    let bucket = Bucket::serve(&scene)?;
    let relay = TlsRelay::start(bucket.address)?;
    let ours = TrustedRoots::read(&relay.authority)?;
    scene.restart_with(Box::new(over_tls(&relay)?.trusting(&ours)), NOW)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 1 });
    scene.assert_serves(1);
    Ok(())
}

#[test]
fn attack_46_a_server_with_a_certificate_by_another_authority_is_not_talked_to() -> Tested {
    let mut scene = Scene::serving(1)?;
    scene.store.publish(2)?;
    let bucket = Bucket::serve(&scene)?;
    let relay = TlsRelay::start(bucket.address)?;
    // The public authorities did not sign it, nor did the one that is named.
    scene.restart_with(Box::new(over_tls(&relay)?), NOW)?;
    let said = scene.refuses("source_failed");
    assert!(said.to_lowercase().contains("certificate"), "{said}");
    let stranger = TrustedRoots::read(&relay.stranger)?;
    scene.restart_with(Box::new(over_tls(&relay)?.trusting(&stranger)), NOW)?;
    let said = scene.refuses("source_failed");
    assert!(said.to_lowercase().contains("certificate"), "{said}");
    assert_eq!(bucket.n_requests(), 0);
    scene.assert_serves(1);
    let error = TrustedRoots::read(&relay.no_authority()?).expect_err("no certificate");
    assert!(error.to_string().contains("found none"), "{error}");
    Ok(())
}

/// The scene's store over plain HTTP, for as long as the tests run, and how many requests came.
fn web_server(scene: &Scene) -> Result<(std::net::SocketAddr, Arc<AtomicUsize>)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let n_requests = Arc::<AtomicUsize>::default();
    let (folder, counted) = (scene.store.folder.clone(), Arc::clone(&n_requests));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = std::io::BufReader::new(stream);
            let (mut head, mut line) = (String::new(), String::new());
            // To its end: what is left unread at the end resets the connection.
            while lines.read_line(&mut line).is_ok_and(|n_bytes| n_bytes > 2) {
                head.push_str(&line);
                line.clear();
            }
            let mut stream = lines.into_inner();
            let Some(path) = head.strip_prefix("GET /releases-of/") else {
                continue;
            };
            counted.fetch_add(1, Ordering::Relaxed);
            let path = path.split(' ').next().unwrap_or_default();
            let (status, body) = match std::fs::read(folder.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(&body);
        }
    });
    Ok((address, n_requests))
}

#[test]
fn releases_come_from_a_web_server_whose_authority_is_named_and_from_no_other() -> Tested {
    let mut scene = Scene::empty()?;
    scene.store.publish(1)?;
    let (server, n_requests) = web_server(&scene)?;
    let relay = TlsRelay::start(server)?;
    let address = format!("{}/releases-of", relay.origin());
    // As `--release-source` and `--release-ca` open it.
    let source =
        |roots: Option<&TrustedRoots>| open_source(&address, false, Duration::from_secs(5), roots);
    let ours = TrustedRoots::read(&relay.authority)?;
    scene.restart_with(source(Some(&ours))?, NOW)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 1 });
    assert_eq!(scene.poll(NOW)?, Outcome::Confirmed { release: 1 });
    scene.assert_serves(1);
    scene.store.publish(2)?;
    // Neither the public authorities nor another one vouch for this server.
    let stranger = TrustedRoots::read(&relay.stranger)?;
    let n_before = n_requests.load(Ordering::Relaxed);
    for roots in [None, Some(&stranger)] {
        assert_eq!(scene.restart_with(source(roots)?, NOW)?, Some(1));
        let said = scene.refuses("source_failed");
        assert!(said.to_lowercase().contains("certificate"), "{said}");
        scene.assert_serves(1);
    }
    assert_eq!(
        n_requests.load(Ordering::Relaxed),
        n_before,
        "nothing came through"
    );
    scene.restart_with(source(Some(&ours))?, NOW)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 2 });
    scene.assert_serves(2);
    Ok(())
}

#[test]
fn records_go_over_tls_to_a_collector_whose_authority_is_named() -> Tested {
    let body = r#"{"outcomes":[{"outcome":"delivered"}]}"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    let relay = TlsRelay::answering(format!(
        "{head}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ))?;
    let sink = || CollectorSink::new(&relay.origin(), "a token", Duration::from_secs(5));
    let stranger = TrustedRoots::read(&relay.stranger)?;
    for mut refused in [sink(), sink().trusting(&stranger)] {
        let failed = refused.deliver(&[b"{}"]);
        assert!(
            matches!(failed, Err(SinkError::Unreachable { .. })),
            "{failed:?}"
        );
    }
    let ours = TrustedRoots::read(&relay.authority)?;
    let outcomes = sink().trusting(&ours).deliver(&[b"{}"])?;
    assert_eq!(outcomes.len(), 1);
    Ok(())
}

#[cfg(feature = "mongodb")]
#[test]
fn a_mongodb_server_is_talked_to_over_tls_where_its_authority_is_named() -> Tested {
    // Never answers: what is tested is whether anything comes through the handshake.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let relay = TlsRelay::start(listener.local_addr()?)?;
    let n_through = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&n_through);
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::Relaxed);
            held.push(stream);
        }
    });
    let uri = format!("mongodb://{}/?directConnection=true", relay.address);
    for (authority, comes_through) in [(&relay.stranger, false), (&relay.authority, true)] {
        let roots = TrustedRoots::read(authority)?;
        let sink = picket_edge_runtime::upload::MongoSink::new(&uri, Duration::from_secs(4))?;
        let failed = sink.trusting(&roots).deliver(&[br#"{"id":"a"}"#]);
        assert!(
            matches!(failed, Err(SinkError::Unreachable { .. })),
            "{failed:?}"
        );
        let n_through = n_through.load(Ordering::Relaxed);
        assert_eq!(n_through > 0, comes_through, "{n_through} connections");
    }
    Ok(())
}
