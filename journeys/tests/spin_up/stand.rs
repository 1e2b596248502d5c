//! A host with a state, a client, and a collector that can be down.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use picket_access::{Role, TokenFile};
use picket_edge_runtime::upload::{Outcome, RecordSink, SinkError};
use picket_edge_runtime::{AllowedOrigins, Collector, CollectorOptions, Doors, SpinConfig, SpinUp};
use picket_journeys::models;
use picket_schema::Artifact;
use serde_json::Value;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

pub(crate) const TOKEN: &str = "the-collectors_token.0123456789abcdef";
pub(crate) const ADMIN: &str = "the admin's own token";

/// The component, or a word that there is none.
pub(crate) fn component() -> Option<PathBuf> {
    let component = std::env::var_os("PICKET_SPIN_COMPONENT").map(PathBuf::from);
    if component.is_none() {
        eprintln!(
            "SKIPPED: PICKET_SPIN_COMPONENT names no component; `cargo xtask build-wasm` builds it"
        );
    }
    component
}

/// What a host starts from; kept over its restarts.
pub(crate) struct Stand {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) config: SpinConfig,
}

impl Stand {
    /// The project's own manifest, with this component.
    pub(crate) fn new(component: &std::path::Path, reuse: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let manifest = include_str!("../../../spin.toml");
        let component = std::path::absolute(component)?;
        let source = format!("source = {:?}", component.to_string_lossy());
        let manifest = manifest.replace("source = \"target/wasm/picket-spin.wasm\"", &source);
        let place = folder.path().join("spin.toml");
        std::fs::write(&place, manifest)?;
        let config = SpinConfig {
            manifest: place,
            state_dir: folder.path().join("state"),
            cache_dir: Some(std::env::temp_dir().join("picket-journeys-cache")),
            reuse,
            ..SpinConfig::default()
        };
        Ok(Self { folder, config })
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let variables = &mut self.config.variables;
        variables.insert(name.to_owned(), value.to_owned());
    }

    /// Records verdicts for a collector.
    pub(crate) fn record_to(&mut self, collector: &CollectorStand) {
        self.set("record", "verdicts");
        self.set("record_window_seconds", "1");
        self.set("collector_url", &format!("http://{}", collector.address));
        self.set("collector_token", TOKEN);
    }

    /// Starts a host in a thread of its own.
    pub(crate) fn start(&self) -> Result<Host> {
        let config = self.config.clone();
        let (sender, address) = std::sync::mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .map_err(|error| error.to_string())?;
            let served = runtime.block_on(async {
                let spin = SpinUp::new(&config).map_err(|error| error.to_string())?;
                let any = SocketAddr::from(([127, 0, 0, 1], 0));
                let listening = move |address| {
                    let _ = sender.send(address);
                };
                let serving = spin.serve(any, listening, std::future::pending());
                tokio::select! {
                    served = serving => served.map_err(|error| error.to_string()),
                    _ = stopped => Ok(()),
                }
            });
            // Whatever instances do at this moment, they do no more: as if the power went.
            runtime.shutdown_timeout(Duration::from_secs(5));
            served
        });
        if let Ok(address) = address.recv_timeout(Duration::from_mins(2)) {
            return Ok(Host {
                origin: format!("http://{address}"),
                stop: Some(stop),
                thread: Some(thread),
            });
        }
        drop(stop);
        thread.join().map_err(|_| "the host panicked")??;
        Err("the host does not listen".into())
    }
}

/// A running host; cut off when dropped.
pub(crate) struct Host {
    pub(crate) origin: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<std::result::Result<(), String>>>,
}

impl Host {
    /// Somebody else's, for a client of it.
    pub(crate) fn at(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            stop: None,
            thread: None,
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.body)?)
    }

    /// The answer without the ids, which are new each time.
    pub(crate) fn without_ids(&self) -> Self {
        fn strip(value: &mut Value) {
            match value {
                Value::Object(map) => {
                    map.remove("id");
                    map.values_mut().for_each(strip);
                }
                Value::Array(values) => values.iter_mut().for_each(strip),
                _ => {}
            }
        }
        let mut answer = self.clone();
        if let Ok(mut value) = answer.json() {
            strip(&mut value);
            answer.body = value.to_string();
        }
        answer
    }
}

/// A client with connections of its own.
pub(crate) struct Client {
    agent: ureq::Agent,
    origin: String,
}

impl Client {
    pub(crate) fn new(host: &Host) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_mins(1)))
            .build();
        Self {
            agent: config.into(),
            origin: host.origin.clone(),
        }
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(body.to_vec())?)?;
        let body = response
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_string()?;
        Ok(Answer {
            status: response.status().as_u16(),
            body,
        })
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Result<Answer> {
        let json = [("content-type", "application/json")];
        self.send("POST", path, &json, body.as_bytes())
    }

    /// The value of a sample without labels.
    pub(crate) fn metric(&self, name: &str) -> Result<u64> {
        let page = self.get("/metrics")?.body;
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line
            .ok_or_else(|| format!("no {name} in {page}"))?
            .parse()?)
    }
}

/// A number that looks like none of its neighbours'.
fn mixed(number: usize) -> usize {
    let mut bits = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((bits ^ (bits >> 27)) >> 20) as usize
}

/// A row of the model's schema as a request, different for each number.
pub(crate) fn row(artifact: &Artifact<'_>, number: usize) -> String {
    use picket_schema::Domain;

    let values = artifact.schema.features.iter().enumerate();
    let values: Vec<Value> = values
        .map(|(idx, feature)| {
            let drawn = mixed(number * 1009 + idx);
            match &feature.domain {
                Domain::Values(values) => Value::from(values[drawn % values.len()]),
                Domain::Categories(names) => Value::from(names[drawn % names.len()].as_str()),
                Domain::Hashed(_) => Value::from(format!("text {drawn}")),
                Domain::Range([min, max]) => {
                    Value::from(min + (max - min) * (drawn % 97) as f64 / 97.0)
                }
            }
        })
        .collect();
    serde_json::json!({ "features": values }).to_string()
}

/// The model in the component.
pub(crate) fn bundled(client: &Client) -> Result<Vec<u8>> {
    let mut response = client
        .agent
        .get(format!("{}/model.picket", client.origin))
        .call()?;
    Ok(response.body_mut().read_to_vec()?)
}

/// A model of the phishing schema with a name.
pub(crate) fn model(name: &str) -> Result<Vec<u8>> {
    let plain = models::every_kind().into_iter().next().ok_or("a model")?;
    let mut artifact = Artifact::decode(&plain.bytes)?;
    name.clone_into(&mut artifact.card.name);
    Ok(artifact.encode()?)
}

/// What a collector has got, as a database would keep it: by id.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    records: Arc<Mutex<BTreeMap<String, Value>>>,
    down: Arc<AtomicBool>,
    n_again: Arc<Mutex<usize>>,
}

impl RecordSink for Kept {
    fn deliver(&mut self, records: &[&[u8]]) -> std::result::Result<Vec<Outcome>, SinkError> {
        if self.down.load(Ordering::SeqCst) {
            let reason = "down".to_owned();
            return Err(SinkError::Unreachable { reason });
        }
        let mut kept = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            let Ok(record) = serde_json::from_slice::<Value>(record) else {
                continue;
            };
            let id = record["id"].as_str().unwrap_or_default().to_owned();
            if let Some(known) = kept.get(&id) {
                assert_eq!(*known, record, "one id for two records");
                *self.n_again.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            }
            kept.insert(id, record);
        }
        Ok(records.iter().map(|_| Outcome::Delivered).collect())
    }
}

/// A real collector over HTTP, with a store in memory behind it.
pub(crate) struct CollectorStand {
    pub(crate) address: SocketAddr,
    pub(crate) kept: Kept,
    _runtime: tokio::runtime::Runtime,
    _tokens: tempfile::TempDir,
}

impl CollectorStand {
    pub(crate) fn start() -> Result<Self> {
        let kept = Kept::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let tokens = tempfile::tempdir()?;
        let path = tokens.path().join("tokens.json");
        TokenFile::update(&path, |file| {
            file.add_secret("component", Role::Deliver, None, TOKEN)
        })?;
        let options = CollectorOptions {
            doors: Doors::with_tokens(path, AllowedOrigins::default())?,
            ..CollectorOptions::default()
        };
        let collector = Collector::new(options, Box::new(kept.clone()));
        let (sender, address) = std::sync::mpsc::channel();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listening = move |url: String| {
            let _ = sender.send(url);
        };
        runtime.spawn(collector.serve(any, listening, std::future::pending()));
        let url = address.recv_timeout(Duration::from_mins(1))?;
        let address = url.trim_start_matches("http://").parse()?;
        Ok(Self {
            address,
            kept,
            _runtime: runtime,
            _tokens: tokens,
        })
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.kept.down.store(down, Ordering::SeqCst);
    }

    /// The records of single answers and labels, by their ids.
    pub(crate) fn records(&self) -> BTreeMap<String, Value> {
        let mut records = self.all();
        records.retain(|_, record| record["kind"] != "aggregate");
        records
    }

    /// The aggregates.
    pub(crate) fn aggregates(&self) -> Vec<Value> {
        let mut records = self.all();
        records.retain(|_, record| record["kind"] == "aggregate");
        records.into_values().collect()
    }

    fn all(&self) -> BTreeMap<String, Value> {
        let records = &self.kept.records;
        records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(90);
    while !holds()? {
        if Instant::now() > end {
            return Err(format!("not within 90 s: {what}").into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
