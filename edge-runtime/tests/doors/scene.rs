//! A server on a port of this machine, and a client that writes its own bytes.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use picket_access::{Role, TokenFile};
use picket_edge_runtime::{AllowedOrigins, Doors, Server, ServerOptions, StartError};
use picket_service::{Assets, Limits, NoClock, Scoring, ScoringError, ServedModel, Service};
use picket_wasm_model::{Explainer, Explanation, OwnedModel, Scored, Scorer};
use tokio::sync::oneshot;

use crate::fixture;

pub(crate) type Tested = Result<(), Box<dyn Error>>;

/// Longer than anything here takes; a test that waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Scores with the model itself: the doors are what is tested.
struct Native(OwnedModel);

impl Scoring for Native {
    fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, ScoringError> {
        let scored = Scorer::new(self.0.model()).score_batch(rows);
        Ok(scored.expect("checked rows"))
    }

    fn explain(&self, row: &[f32]) -> Result<Explanation, ScoringError> {
        Ok(Explainer::new(self.0.model())
            .explain(row)
            .expect("a checked row"))
    }
}

pub(crate) fn service() -> Result<std::sync::Arc<Service>, Box<dyn Error>> {
    let bytes = fixture::artifact(fixture::PHISHING)?;
    let model = ServedModel::decode(&bytes.clone().into())?;
    let scoring = Box::new(Native(OwnedModel::load(bytes)?));
    let assets: Assets = [("index.html", "<p>page"), ("main.js", "//")]
        .into_iter()
        .collect();
    let limits = Limits {
        max_body: 1 << 20,
        ..Limits::default()
    };
    Ok(Service::new(model, scoring, assets, Box::new(NoClock), limits).into())
}

/// A server that stops when this is dropped.
pub(crate) struct Scene {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Scene {
    pub(crate) fn start(options: ServerOptions) -> Result<Self, Box<dyn Error>> {
        Self::start_at(([127, 0, 0, 1], 0).into(), options)
    }

    pub(crate) fn start_at(
        address: SocketAddr,
        options: ServerOptions,
    ) -> Result<Self, Box<dyn Error>> {
        let service = service()?;
        let (stop, stopped) = oneshot::channel();
        let (told, bound) = std::sync::mpsc::channel::<Result<SocketAddr, StartError>>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("threads");
            runtime.block_on(async {
                match Server::bind_with(service, address, options).await {
                    Ok(server) => {
                        let address = server.address().expect("an address");
                        told.send(Ok(address)).expect("the test listens");
                        server.serve(async { drop(stopped.await) }).await;
                    }
                    Err(error) => told.send(Err(error)).expect("the test listens"),
                }
            });
        });
        let address = bound.recv()??;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(crate) fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// The whole answer to a request over a connection of its own.
    pub(crate) fn ask(&self, request: &str) -> std::io::Result<String> {
        exchange(&mut self.connect()?, request.as_bytes())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Writes a request and reads until the server closes.
pub(crate) fn exchange(
    stream: &mut (impl Read + Write),
    request: &[u8],
) -> std::io::Result<String> {
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    // A server that closes before all was sent may reset; what it said counts.
    if answer.is_empty() {
        read?;
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A request that has the server close.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    for (name, value) in headers {
        // Writing to a string cannot fail.
        let _ = write!(text, "{name}: {value}\r\n");
    }
    if method == "POST" {
        let _ = write!(text, "content-length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

pub(crate) fn status(answer: &str) -> u16 {
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|it| it.get(..3));
    status.and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// The value of a header, in an answer of one.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// A token of each role in a file; the secrets in the order of [`Role::EDGE`].
pub(crate) fn tokens(
    folder: &Path,
    rate: Option<&str>,
) -> Result<(PathBuf, Vec<String>), Box<dyn Error>> {
    let path = folder.join("tokens.json");
    let rate = rate.map(str::parse).transpose()?;
    let mut tokens = TokenFile::new();
    let mut secrets = Vec::new();
    for role in Role::EDGE {
        let made = tokens.add(role.as_str(), role, rate)?;
        secrets.push(format!("Bearer {}", made.secret()));
    }
    tokens.write(&path)?;
    Ok((path, secrets))
}

/// Options with tokens.
pub(crate) fn guarded(path: &Path) -> Result<ServerOptions, Box<dyn Error>> {
    let origins = AllowedOrigins::new(["https://page.example"])?;
    Ok(ServerOptions {
        doors: Doors::with_tokens(path.to_owned(), origins)?,
        ..ServerOptions::default()
    })
}
