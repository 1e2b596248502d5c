//! A Redis server with TLS: believed by a private authority or the system's, never unseen.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use picket_trainer::TrainerError;
use picket_trainer::jobs::{JobError, RedisServer};

use crate::bench::Bench;
use crate::client::Client;
use crate::process::{Process, trainer};

const PASSWORD: &str = "opensesame";

/// A server that speaks TLS only, with a certificate of a private authority; it ends with the test.
struct TlsRedis {
    child: Child,
    port: u16,
    authority: PathBuf,
}

impl Drop for TlsRedis {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes an authority's certificate, and gives it to sign with.
fn authority(place: &Path) -> Issuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    fs::write(place, certificate.pem()).unwrap();
    Issuer::new(params, key)
}

/// Starts a server on a port that was free a moment ago, and waits until it listens; `None` where it has ended.
fn listening(folder: &Path) -> Option<(Child, u16)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut child = Command::new("redis-server")
        .current_dir(folder)
        .args(["--bind", "127.0.0.1", "--port", "0"])
        .args(["--tls-port", &port.to_string(), "--tls-auth-clients", "no"])
        .args([
            "--tls-cert-file",
            "server.pem",
            "--tls-key-file",
            "server.key",
        ])
        .args(["--tls-ca-cert-file", "authority.pem"])
        .args(["--requirepass", PASSWORD])
        .args(["--save", "", "--appendonly", "no"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // By its own word: whoever has the port would take a connection.
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut all = String::new();
    loop {
        let from = all.len();
        if said.read_line(&mut all).unwrap() == 0 {
            println!("redis-server ended: {all}");
            let _ = child.wait();
            return None;
        }
        if all[from..].contains("Ready to accept connections") {
            break;
        }
    }
    // What it says later nobody needs, but a closed pipe would hurt it.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    Some((child, port))
}

impl TlsRedis {
    /// `None` where there is no server on this machine.
    fn start(folder: &Path) -> Option<Self> {
        let version = Command::new("redis-server").arg("--version").output();
        if version.is_err() {
            println!("skipped: there is no redis-server; cargo xtask setup installs it");
            return None;
        }
        let place = |name: &str| folder.join(name);
        let issuer = authority(&place("authority.pem"));
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        fs::write(place("server.pem"), certificate.pem()).unwrap();
        fs::write(place("server.key"), key.serialize_pem()).unwrap();
        // A port that is free now may be somebody else's when the server comes to it: then another one.
        let (child, port) = (0..20)
            .find_map(|_| listening(folder))
            .expect("redis-server listens");
        Some(Self {
            child,
            port,
            authority: place("authority.pem"),
        })
    }

    fn url(&self, scheme: &str, host: &str) -> String {
        format!("{scheme}://:{PASSWORD}@{host}:{}/0", self.port)
    }
}

#[test]
fn service_and_worker_meet_over_tls() {
    let bench = Bench::small();
    let Some(redis) = TlsRedis::start(bench.dir.path()) else {
        return;
    };
    let url = redis.url("rediss", "localhost");
    let mut arguments = bench.work_arguments();
    let authority = redis.authority.display().to_string();
    let mut believing = arguments.clone();
    believing.extend(["--redis-ca".to_owned(), authority.clone()]);
    let pipeline = bench.pipeline().display().to_string();
    let serving = ["--insecure-local", "--no-work", "--pipeline", &pipeline].map(str::to_owned);
    let _worker = Process::worker(&believing, Some(&url));
    believing.extend(serving.clone());
    let (service, address) = Process::serve(&believing, Some(&url));
    let client = Client::new(&address, None);
    let task = client.end_of(&client.train("{}"));
    assert_eq!(task["status"], "SUCCESS", "{task}");
    assert!(client.get("/health").body.contains("redis") || client.get("/ready").status == 200);
    assert_eq!(service.terminate(), Some(0));

    // The same by the system's authorities, of which the variable is one place.
    arguments.extend(serving);
    let variables = [("SSL_CERT_FILE", authority.as_str())];
    let (service, address) = Process::serve_with(&arguments, Some(&url), &variables);
    let client = Client::new(&address, None);
    assert_eq!(client.end_of(&client.train("{}"))["status"], "SUCCESS");
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn a_server_that_cannot_be_believed_is_not_used() {
    let bench = Bench::small();
    let Some(redis) = TlsRedis::start(bench.dir.path()) else {
        return;
    };
    let other = bench.path("other.pem");
    authority(&other);
    let nothing = bench.path("nothing.pem");
    fs::write(&nothing, "").unwrap();
    let right = redis.authority.as_path();
    let tls = redis.url("rediss", "localhost");
    for (url, ca, code, words) in [
        // Another authority; none but the system's; another name; no TLS; a file of no authorities; TLS without checks.
        (
            tls.clone(),
            Some(other.as_path()),
            1,
            "invalid peer certificate",
        ),
        (tls.clone(), None, 1, "invalid peer certificate"),
        (
            redis.url("rediss", "127.0.0.1"),
            Some(right),
            1,
            "not valid for name",
        ),
        (
            redis.url("redis", "localhost"),
            None,
            1,
            "cannot be reached, or refuses",
        ),
        (tls.clone(), Some(nothing.as_path()), 2, "nothing.pem"),
        (format!("{tls}#insecure"), None, 2, "certificate is checked"),
        (
            redis.url("redis", "localhost"),
            Some(right),
            2,
            "--redis-ca",
        ),
    ] {
        let mut command = trainer();
        let state = bench.state();
        command
            .args(["worker", "--state"])
            .arg(&state)
            .env("REDIS_URL", &url)
            .env_remove("SSL_CERT_FILE");
        if let Some(ca) = ca {
            command.arg("--redis-ca").arg(ca);
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(words), "expected {words}: {said}");
        assert!(!said.contains(PASSWORD), "{said}");
    }
}

#[test]
fn what_is_no_server_is_refused_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    for content in ["", "-----BEGIN CERTIFICATE-----\n?\n"] {
        std::fs::write(&file, content).unwrap();
        let error = RedisServer::new("rediss://host", Some(&file)).unwrap_err();
        let is_right = matches!(error, TrainerError::Jobs(JobError::RedisCa { .. }));
        assert!(is_right && error.is_input_error(), "{content:?}: {error}");
    }
    for (url, ca) in [
        ("secret@host", None),
        ("http://u:secret@host", None),
        ("rediss://u:secret@host/#insecure", None),
        ("redis://u:secret@host", Some(file.as_path())),
        ("redis://u:secret@host/x", None),
    ] {
        let error = RedisServer::new(url, ca).unwrap_err();
        assert!(error.is_input_error(), "{url}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(RedisServer::new("rediss://u:secret@host:6380/2", None).is_ok());
}
