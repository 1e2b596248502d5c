//! Trainings that nobody asks for: by labels, drift, accuracy and the clock. Each begins once, and none begins for nothing.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use picket_access::audit;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::client::{Client, PATIENCE};
use crate::dashboard::field;
use crate::process::Process;

/// The triggers are asked once a second here: time enough to begin, for a training that should not.
const QUIET: Duration = Duration::from_secs(4);

fn serve(bench: &Bench, more: &[String]) -> (Process, Client) {
    let mut arguments = bench.work_arguments();
    let pipeline = bench.pipeline().display().to_string();
    let usual = [
        "--insecure-local",
        "--look-every",
        "1s",
        "--pipeline",
        &pipeline,
    ];
    arguments.extend(usual.map(str::to_owned));
    arguments.extend_from_slice(more);
    let (process, url) = Process::serve(&arguments, None);
    (process, Client::new(&url, None))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn tasks(client: &Client) -> Vec<Value> {
    client.get("/task").json()["tasks"]
        .as_array()
        .unwrap()
        .clone()
}

/// Waits until there are so many tasks and all have ended, and gives the newest; sees that no other begins.
fn settled(client: &Client, n_tasks: usize) -> Value {
    let start = Instant::now();
    loop {
        let found = tasks(client);
        let is_open = |task: &Value| matches!(task["status"].as_str(), Some("PENDING" | "STARTED"));
        assert!(found.len() <= n_tasks, "one begins too many: {found:?}");
        if found.len() == n_tasks && !found.iter().any(is_open) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{found:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(QUIET);
    let found = tasks(client);
    assert_eq!(
        found.len(),
        n_tasks,
        "the condition holds and begins another"
    );
    found.into_iter().next().unwrap()
}

fn stays_quiet(client: &Client, n_tasks: usize) {
    // At least two looks: an alert is raised with the second.
    let start = Instant::now();
    while client.get("/live").json()["is_configured"] == true
        && client.get("/live").json()["view"].is_null()
    {
        assert!(start.elapsed() < PATIENCE, "it looks at the records");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(QUIET);
    assert_eq!(tasks(client).len(), n_tasks, "{:?}", tasks(client));
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis() as u64
}

/// Where labels come to.
enum Store {
    Folder(std::path::PathBuf),
    #[cfg(feature = "mongodb")]
    Server {
        address: String,
        records: mongodb::sync::Collection<mongodb::bson::Document>,
    },
}

impl Store {
    fn folder(bench: &Bench) -> Self {
        let folder = bench.path("records");
        fs::create_dir(&folder).unwrap();
        Self::Folder(folder)
    }

    #[cfg(feature = "mongodb")]
    fn server() -> Option<Self> {
        let Some(uri) = std::env::var("PICKET_MONGODB_URI")
            .ok()
            .filter(|it| !it.is_empty())
        else {
            println!("skipped: PICKET_MONGODB_URI is not set; cargo xtask test sets it");
            return None;
        };
        let database = format!("picket_triggers_{}", std::process::id());
        let (base, query) = uri.split_once('?').unwrap_or((&uri, ""));
        let address = format!("{}/{database}?{query}", base.trim_end_matches('/'));
        let client = mongodb::sync::Client::with_uri_str(&uri).unwrap();
        let records = client.database(&database).collection("records");
        Some(Self::Server {
            address: address.trim_end_matches('?').to_owned(),
            records,
        })
    }

    fn arguments(&self) -> Vec<String> {
        let address = match self {
            Self::Folder(folder) => folder.display().to_string(),
            #[cfg(feature = "mongodb")]
            Self::Server { address, .. } => address.clone(),
        };
        vec!["--store".to_owned(), address]
    }

    /// Labels that come now; each has a number of its own.
    fn add_labels(&self, numbers: std::ops::Range<u32>) {
        let labels = numbers.map(|n| {
            json!({"kind": "label", "id": format!("{n:032x}"), "time_ms": now_ms(), "node": "a",
                "prediction": format!("{:032x}", 1_000_000 + n), "label": "phishing"})
        });
        match self {
            Self::Folder(folder) => {
                let place = folder.join("records-00000001.ndjson");
                let mut options = fs::OpenOptions::new();
                let mut file = options.create(true).append(true).open(place).unwrap();
                for label in labels {
                    writeln!(file, "{label}").unwrap();
                }
            }
            #[cfg(feature = "mongodb")]
            Self::Server { records, .. } => {
                let documents = labels.map(|label| {
                    let mut document: mongodb::bson::Document =
                        serde_json::from_value(label.clone()).unwrap();
                    let id = document.remove("id").unwrap();
                    document.insert("_id", id);
                    let time_ms = label["time_ms"].as_i64().unwrap();
                    document.insert("time", mongodb::bson::DateTime::from_millis(time_ms));
                    document
                });
                records.insert_many(documents).run().unwrap();
            }
        }
    }
}

fn labels_begin_a_training(bench: &Bench, store: &Store) {
    let mut arguments = store.arguments();
    arguments.extend(words("--retrain-after-labels 5"));
    store.add_labels(0..4);
    let (process, client) = serve(bench, &arguments);
    stays_quiet(&client, 0);
    // In the first half of a second: a training that is known to the second only would count them again.
    std::thread::sleep(Duration::from_millis(1000 - now_ms() % 1000));
    store.add_labels(4..5);
    let task = settled(&client, 1);
    assert_eq!(task["status"], "SUCCESS", "{task}");
    assert_eq!(task["by"], "schedule");
    assert_eq!(
        task["cause"],
        "labels: 5 labels have come since the last training"
    );
    // The five count once: for a service that starts anew too, and with four more.
    store.add_labels(5..9);
    stays_quiet(&client, 1);
    assert_eq!(process.terminate(), Some(0));
    let (process, client) = serve(bench, &arguments);
    stays_quiet(&client, 1);

    // The pipeline fails now: that is told, and it is not tried again and again.
    fs::rename(bench.path("rows.csv"), bench.path("elsewhere.csv")).unwrap();
    store.add_labels(9..10);
    let task = settled(&client, 2);
    assert_eq!(task["status"], "FAILURE", "{task}");
    let start = Instant::now();
    while !client.get("/alerts").body.contains("the last training of") {
        assert!(start.elapsed() < PATIENCE, "{}", client.get("/alerts").body);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(process.terminate(), Some(0));
    let (_process, client) = serve(bench, &arguments);
    stays_quiet(&client, 2);
    fs::rename(bench.path("elsewhere.csv"), bench.path("rows.csv")).unwrap();
    store.add_labels(10..15);
    assert_eq!(settled(&client, 3)["status"], "SUCCESS");
}

#[test]
fn labels_in_the_folder_begin_one_training() {
    let bench = Bench::small();
    let store = Store::folder(&bench);
    labels_begin_a_training(&bench, &store);
    // Whoever begins it, it is written down.
    let log = bench.state().join("audit.jsonl");
    audit::verify(&log).unwrap();
    let text = fs::read_to_string(log).unwrap();
    let begun: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("train.start"))
        .collect();
    assert_eq!(begun.len(), 3, "{text}");
    for line in begun {
        assert!(
            line.contains("\"schedule\"") && line.contains("labels have come"),
            "{line}"
        );
    }
}

#[cfg(feature = "mongodb")]
#[test]
fn labels_on_a_server_begin_one_training() {
    if let Some(store) = Store::server() {
        labels_begin_a_training(&Bench::small(), &store);
    }
}

#[test]
fn drift_begins_one_training_a_day() {
    let bench = Bench::small();
    let rules = bench.path("rules.toml");
    fs::write(&rules, "[drift]\nenabled = false\n").unwrap();
    let mut arguments = field(&bench);
    arguments.push("--retrain-on-drift".to_owned());
    let mut without = arguments.clone();
    without.extend(["--alert-rules".to_owned(), rules.display().to_string()]);
    let (process, client) = serve(&bench, &without);
    stays_quiet(&client, 0);
    assert_eq!(process.terminate(), Some(0));

    let (process, client) = serve(&bench, &arguments);
    let task = settled(&client, 1);
    assert_eq!(task["status"], "SUCCESS", "{task}");
    assert!(
        task["cause"].as_str().unwrap().starts_with("drift: "),
        "{task}"
    );
    assert!(client.get("/alerts").body.contains("\"drift\""));
    assert_eq!(process.terminate(), Some(0));
    let (_process, client) = serve(&bench, &arguments);
    stays_quiet(&client, 1);
}

#[test]
fn a_low_accuracy_begins_one_training_a_day() {
    let bench = Bench::small();
    let mut arguments = field(&bench);
    arguments.push("--retrain-below".to_owned());
    let with_floor = |floor: &str| {
        let mut arguments = arguments.clone();
        arguments.push(floor.to_owned());
        arguments
    };
    let (process, client) = serve(&bench, &with_floor("0.1"));
    stays_quiet(&client, 0);
    assert_eq!(process.terminate(), Some(0));

    let (process, client) = serve(&bench, &with_floor("0.9999"));
    let task = settled(&client, 1);
    let cause = task["cause"].as_str().unwrap();
    assert!(
        cause.starts_with("accuracy: 0.") && cause.ends_with("the floor is 0.9999"),
        "{task}"
    );
    assert_eq!(process.terminate(), Some(0));
    let (_process, client) = serve(&bench, &with_floor("0.9999"));
    stays_quiet(&client, 1);
}

#[test]
fn the_clock_begins_one_training_of_several_services() {
    let bench = Bench::small();
    // A minute of every day, five minutes ago.
    let minute = (now_ms() / 60_000 - 5) % (24 * 60);
    let cron = format!("{} {} * * *", minute % 60, minute / 60);
    let arguments = ["--schedule".to_owned(), cron];
    let (process, client) = serve(&bench, &arguments);
    stays_quiet(&client, 0);
    process.kill();

    // As if the service had been away for ten minutes.
    let place = bench.state().join("schedule-phishing.json");
    let asked = now_ms() / 1000 - 600;
    let memory: Value = serde_json::from_slice(&fs::read(&place).unwrap()).unwrap();
    assert!(memory["asked"].as_u64().unwrap() > asked, "{memory}");
    fs::write(&place, format!("{{\"asked\": {asked}}}")).unwrap();
    let services = [serve(&bench, &arguments), serve(&bench, &arguments)];
    let task = settled(&services[0].1, 1);
    assert_eq!(task["status"], "SUCCESS", "{task}");
    assert!(
        task["cause"]
            .as_str()
            .unwrap()
            .starts_with("schedule: it is time: "),
        "{task}"
    );
    for (process, _) in services {
        process.kill();
    }
    let (_process, client) = serve(&bench, &arguments);
    stays_quiet(&client, 1);
}
