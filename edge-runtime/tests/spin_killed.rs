//! `edge-runtime spin-up` killed under load: what it answered is recorded, and recorded once.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use picket_access::{Role, TokenFile};
use picket_edge_runtime::upload::{Outcome, RecordSink, SinkError};
use picket_edge_runtime::{AllowedOrigins, Collector, CollectorOptions, Doors};
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const TOKEN: &str = "the-collectors_token.0123456789abcdef";
/// How often the program is killed.
const KILLS: u64 = 6;

/// Keeps records by their ids, as a database does.
#[derive(Clone, Default)]
struct Kept {
    records: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    down: Arc<AtomicBool>,
}

impl Kept {
    fn of_kind(&self, kind: &str) -> Vec<Value> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |it: &Vec<u8>| serde_json::from_slice::<Value>(it).unwrap_or_default();
        let all = records.values().map(read);
        all.filter(|it| it["kind"] == kind).collect()
    }
}

impl RecordSink for Kept {
    fn deliver(&mut self, records: &[&[u8]]) -> std::result::Result<Vec<Outcome>, SinkError> {
        if self.down.load(Ordering::SeqCst) {
            let reason = "down".to_owned();
            return Err(SinkError::Unreachable { reason });
        }
        let mut kept = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            let value: Value = serde_json::from_slice(record).unwrap_or_default();
            let id = value["id"].as_str().unwrap_or_default().to_owned();
            let known = kept.insert(id, record.to_vec());
            assert!(
                known.is_none_or(|it| it == *record),
                "one id for two records"
            );
        }
        Ok(records.iter().map(|_| Outcome::Delivered).collect())
    }
}

struct Program {
    child: Child,
    origin: String,
}

impl Program {
    fn start(folder: &Path, collector: SocketAddr, (mode, reuse): (&str, &str)) -> Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_edge-runtime"))
            .args([
                "spin-up",
                "--listen",
                "127.0.0.1:0",
                "--reuse",
                reuse,
                "--from",
            ])
            .arg(folder.join("spin.toml"))
            .arg("--state")
            .arg(folder.join("state"))
            .env("SPIN_VARIABLE_RECORD", mode)
            .env("SPIN_VARIABLE_RECORD_WINDOW_SECONDS", "5")
            .env("SPIN_VARIABLE_COLLECTOR_URL", format!("http://{collector}"))
            .env("SPIN_VARIABLE_COLLECTOR_TOKEN", TOKEN)
            .env("XDG_CACHE_HOME", folder.join("cache"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("a standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let origin = line.trim().strip_prefix("listening on ");
        let origin = origin
            .ok_or_else(|| format!("the program says {line:?}"))?
            .to_owned();
        Ok(Self { child, origin })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The system's hardest signal: nothing is closed or flushed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Predicts until the program is gone; the ids that were answered.
fn ask(origin: &str, n_answered: &AtomicUsize) -> Vec<String> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .build(),
    );
    let mut ids = Vec::new();
    loop {
        let answered = agent
            .post(format!("{origin}/predict"))
            .header("content-type", "application/json")
            .send("{\"features\":{}}");
        let Ok(mut response) = answered else {
            return ids;
        };
        let Ok(body) = response.body_mut().read_to_string() else {
            return ids;
        };
        let value: Value = serde_json::from_str(&body).unwrap_or_default();
        match value["id"].as_str() {
            Some(id) if response.status() == 200 => {
                ids.push(id.to_owned());
                n_answered.fetch_add(1, Ordering::SeqCst);
            }
            _ => panic!("{} {body}", response.status()),
        }
    }
}

#[test]
fn what_was_answered_is_recorded_once_however_often_the_program_is_killed() -> Result<()> {
    killed("verdicts", |kept, answered, n_cut| {
        let predictions = kept.of_kind("prediction");
        let ids = predictions.iter().filter_map(|it| it["id"].as_str());
        let ids: BTreeSet<String> = ids.map(str::to_owned).collect();
        let lost: Vec<_> = answered.difference(&ids).collect();
        assert!(lost.is_empty(), "{} of {} lost", lost.len(), answered.len());
        let unknown = ids.difference(answered).count();
        assert!(
            unknown <= n_cut,
            "{unknown} records of no request under way"
        );
        println!("answered {} recorded {} lost 0", answered.len(), ids.len());
    })
}

#[test]
fn what_was_answered_is_counted_once_however_often_the_program_is_killed() -> Result<()> {
    killed("aggregates", |kept, answered, n_cut| {
        assert!(kept.of_kind("prediction").is_empty());
        let aggregates = kept.of_kind("aggregate");
        let counted: u64 = aggregates
            .iter()
            .filter_map(|it| it["n_rows"].as_u64())
            .sum();
        let answered = answered.len() as u64;
        let most = answered + n_cut as u64;
        assert!(
            (answered..=most).contains(&counted),
            "{answered} rows were answered, {counted} counted"
        );
        println!(
            "answered {answered} counted {counted} in {} aggregates",
            aggregates.len()
        );
    })
}

/// Kills the program again and again; then everything is delivered and looked at, with the ids that were answered and
/// how many requests were cut off.
fn killed(mode: &str, check: impl Fn(&Kept, &BTreeSet<String>, usize)) -> Result<()> {
    let Some(component) = std::env::var_os("PICKET_SPIN_COMPONENT") else {
        eprintln!(
            "SKIPPED: PICKET_SPIN_COMPONENT names no component; `cargo xtask build-wasm` builds it"
        );
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let source = std::path::absolute(&component)?;
    let source = format!("source = {:?}", source.to_string_lossy());
    let manifest = include_str!("../../spin.toml");
    let manifest = manifest.replace("source = \"target/wasm/picket-spin.wasm\"", &source);
    std::fs::write(folder.path().join("spin.toml"), manifest)?;
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

    let mut answered = BTreeSet::new();
    let mut n_clients = 0;
    for kill in 0..KILLS {
        kept.down.store(kill % 3 == 1, Ordering::SeqCst);
        let reuse = if kill % 2 == 0 { "200" } else { "off" };
        let program = Program::start(folder.path(), address, (mode, reuse))?;
        let n_answered = AtomicUsize::new(0);
        std::thread::scope(|scope| -> Result<()> {
            let clients: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| ask(&program.origin, &n_answered)))
                .collect();
            n_clients += clients.len();
            std::thread::sleep(Duration::from_millis(700 + 230 * kill));
            // On a machine that is held up, until there is something to lose.
            let patience = Instant::now() + Duration::from_mins(1);
            while n_answered.load(Ordering::SeqCst) < 10 && Instant::now() < patience {
                std::thread::sleep(Duration::from_millis(10));
            }
            let killed = Command::new("kill")
                .args(["-KILL", &program.child.id().to_string()])
                .status()?;
            assert!(killed.success());
            for client in clients {
                let ids = client.join().map_err(|_| "a client panicked")?;
                for id in ids {
                    assert!(answered.insert(id), "an id came twice");
                }
            }
            Ok(())
        })?;
    }
    assert!(
        answered.len() > 50,
        "too few answers to tell: {}",
        answered.len()
    );
    kept.down.store(false, Ordering::SeqCst);
    let program = Program::start(folder.path(), address, (mode, "1000"))?;
    let end = Instant::now() + Duration::from_mins(2);
    loop {
        // Any request brings some on the way.
        let mut page = ureq::get(format!("{}/metrics", program.origin)).call()?;
        let page = page.body_mut().read_to_string()?;
        if page.contains("\npicket_spin_pending_batches 0\n") {
            break;
        }
        assert!(Instant::now() < end, "records still wait: {page}");
        std::thread::sleep(Duration::from_millis(100));
    }
    check(&kept, &answered, n_clients);
    Ok(())
}
