//! TLS, and what is none.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use picket_edge_runtime::{ConnectionLimits, ServerOptions, StartError, TlsFiles};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::scene::{PATIENCE, Scene, Tested, exchange, guarded, header, request, status, tokens};

/// Writes a certificate for `localhost` that nobody signed, and its key.
fn certificate(
    folder: &Path,
    name: &str,
) -> Result<(TlsFiles, CertificateDer<'static>), Box<dyn std::error::Error>> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let files = TlsFiles {
        certificate: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
    };
    std::fs::write(&files.certificate, made.cert.pem())?;
    std::fs::write(&files.key, made.signing_key.serialize_pem())?;
    Ok((files, made.cert.der().clone()))
}

type Client = StreamOwned<ClientConnection, TcpStream>;

/// A client that trusts one certificate; the handshake is done, or failed.
fn connect(
    scene: &Scene,
    trusted: &CertificateDer<'static>,
    name: &'static str,
) -> std::io::Result<Client> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).map_err(std::io::Error::other)?;
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = name.try_into().map_err(std::io::Error::other)?;
    let mut connection =
        ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
    let mut stream = scene.connect()?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(connection, stream))
}

fn options(files: &TlsFiles) -> ServerOptions {
    ServerOptions {
        tls: Some(files.clone()),
        ..ServerOptions::default()
    }
}

#[test]
fn a_client_that_trusts_the_certificate_is_answered() -> Tested {
    let folder = tempfile::tempdir()?;
    let (files, trusted) = certificate(folder.path(), "server")?;
    let scene = Scene::start(options(&files))?;
    let mut client = connect(&scene, &trusted, "localhost")?;
    assert_eq!(client.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let body = "{\"features\":{}}";
    let asked = request(
        "POST",
        "/predict",
        &[("content-type", "application/json")],
        body,
    );
    let answer = exchange(&mut client, asked.as_bytes())?;
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(
        header(&answer, "strict-transport-security"),
        Some("max-age=31536000")
    );
    Ok(())
}

#[test]
fn a_client_that_trusts_another_certificate_or_asks_for_another_name_turns_away() -> Tested {
    let folder = tempfile::tempdir()?;
    let (files, trusted) = certificate(folder.path(), "server")?;
    let (_, other) = certificate(folder.path(), "other")?;
    let scene = Scene::start(options(&files))?;
    let unknown = connect(&scene, &other, "localhost").expect_err("not trusted");
    // The certificates made here share a name, so the difference is seen in the signature.
    let said = unknown.to_string();
    let untrusted = ["UnknownIssuer", "BadSignature"];
    assert!(untrusted.iter().any(|it| said.contains(it)), "{said}");
    let misnamed = connect(&scene, &trusted, "other.example").expect_err("another name");
    assert!(
        misnamed.to_string().contains("not valid for name"),
        "{misnamed}"
    );
    // The server goes on.
    assert!(connect(&scene, &trusted, "localhost").is_ok());
    Ok(())
}

#[test]
fn plain_http_on_a_tls_port_gets_no_answer_and_tls_on_a_plain_port_none_either() -> Tested {
    let folder = tempfile::tempdir()?;
    let (files, trusted) = certificate(folder.path(), "server")?;
    let scene = Scene::start(options(&files))?;
    let answer = scene.ask(&request("GET", "/model.picket", &[], ""));
    assert!(!answer.unwrap_or_default().contains("HTTP/"));
    let plain = Scene::start(ServerOptions::default())?;
    assert!(connect(&plain, &trusted, "localhost").is_err());
    assert_eq!(
        status(&plain.ask(&request("GET", "/health", &[], ""))?),
        200
    );
    Ok(())
}

#[test]
fn a_handshake_that_does_not_come_is_not_waited_for() -> Tested {
    let folder = tempfile::tempdir()?;
    let (files, trusted) = certificate(folder.path(), "server")?;
    let scene = Scene::start(ServerOptions {
        limits: ConnectionLimits {
            handshake_timeout: Duration::from_secs(4),
            max_connections: 1,
            ..ConnectionLimits::default()
        },
        ..options(&files)
    })?;
    let start = Instant::now();
    let mut silent = scene.connect()?;
    let mut nothing = [0; 1];
    assert_eq!(silent.read(&mut nothing).unwrap_or(0), 0);
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    // Its place is free again.
    assert!(connect(&scene, &trusted, "localhost").is_ok());
    Ok(())
}

#[test]
fn a_new_certificate_counts_for_new_connections_and_a_broken_one_does_not() -> Tested {
    let folder = tempfile::tempdir()?;
    let (files, old) = certificate(folder.path(), "server")?;
    let (path, secrets) = tokens(folder.path(), None)?;
    let scene = Scene::start(ServerOptions {
        tls: Some(files.clone()),
        ..guarded(&path)?
    })?;
    let admin = [("authorization", secrets[4].as_str())];
    let reload = request("POST", "/admin/reload", &admin, "");
    let mut kept = connect(&scene, &old, "localhost")?;
    std::fs::write(&files.key, "no key")?;
    let refused = exchange(&mut connect(&scene, &old, "localhost")?, reload.as_bytes())?;
    assert_eq!(status(&refused), 503, "{refused}");
    assert!(
        connect(&scene, &old, "localhost").is_ok(),
        "the old one goes on"
    );
    let (_, new) = certificate(folder.path(), "server")?;
    let reloaded = exchange(&mut connect(&scene, &old, "localhost")?, reload.as_bytes())?;
    assert_eq!(status(&reloaded), 200, "{reloaded}");
    assert!(connect(&scene, &new, "localhost").is_ok());
    assert!(connect(&scene, &old, "localhost").is_err());
    // A connection that was there goes on.
    let answer = exchange(&mut kept, request("GET", "/health", &[], "").as_bytes())?;
    assert_eq!(status(&answer), 200, "{answer}");
    Ok(())
}

#[test]
fn files_that_do_not_go_together_are_told_at_the_start() -> Tested {
    let folder = tempfile::tempdir()?;
    let (one, _) = certificate(folder.path(), "one")?;
    let (two, _) = certificate(folder.path(), "two")?;
    let mixed = TlsFiles {
        key: two.key,
        ..one.clone()
    };
    let missing = TlsFiles {
        key: folder.path().join("none"),
        ..one.clone()
    };
    let swapped = TlsFiles {
        certificate: one.key.clone(),
        key: one.certificate.clone(),
    };
    for files in [mixed, missing, swapped] {
        let refused = Scene::start(options(&files)).err().ok_or("no start")?;
        let refused = refused.downcast::<StartError>()?;
        assert!(matches!(*refused, StartError::Tls { .. }), "{refused}");
    }
    Ok(())
}

#[test]
fn a_client_of_an_old_protocol_is_turned_away() -> Tested {
    let folder = tempfile::tempdir()?;
    let (files, _) = certificate(folder.path(), "server")?;
    let scene = Scene::start(options(&files))?;
    // The start of a TLS 1.0 hello without extensions.
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let mut stream = scene.connect()?;
    stream.write_all(&hello)?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    // An alert, or nothing; no server hello.
    assert!(answer.first().is_none_or(|it| *it == 0x15), "{answer:?}");
    Ok(())
}
