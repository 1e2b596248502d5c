//! The records that every test here begins with, and the program.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use picket_schema::record::Pseudonyms;
use picket_schema::{Artifact, ArtifactDigest};
use serde_json::{Value, json};

/// The end of every look, in milliseconds since 1970: a whole day.
pub(crate) const NOW: u64 = 20_000 * DAY;
pub(crate) const DAY: u64 = 86_400_000;
pub(crate) const KEY: &str = "a key for pseudonyms here";

pub(crate) fn trainer(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .env_remove("PICKET_RECORD_STORE")
        .output()
        .unwrap()
}

#[track_caller]
pub(crate) fn stdout(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
pub(crate) fn parsed(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

/// Trains a model in the folder.
fn train(folder: &Path, kind: &str, out: &str, more: &[&str]) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/schemas/phishing.toml");
    let train = [
        "train",
        "--data",
        "rows.csv",
        "--schema",
        schema.to_str().unwrap(),
        "--model",
        kind,
        "--out",
        out,
    ];
    stdout(&trainer(folder, &[&train[..], more].concat()));
}

/// A model in the folder, and its digest.
fn model(folder: &Path) -> (PathBuf, String) {
    let sample = [
        "sample", "--rows", "600", "--seed", "4", "--out", "rows.csv",
    ];
    stdout(&trainer(folder, &sample));
    train(folder, "logistic", "m.picket", &[]);
    let place = folder.join("m.picket");
    let digest = ArtifactDigest::of(&std::fs::read(&place).unwrap()).to_string();
    (place, digest)
}

pub(crate) fn id(kind: u32, n: u32) -> String {
    format!("{kind:08x}{n:024x}")
}

/// The records of three nodes over two days:
///
/// - 200 predictions of node `a`, of which the first 100 have labels: 90 right, 6 wrong, 4 open;
/// - a challenger beside the first 100, which is right also on the 6 wrong ones and wrong on 2 others, agrees on the rest;
/// - aggregates of node `b`, as the training rows on the first day and with one feature always missing on the second;
/// - a status of node `c`, a day ago, whose spool is nearly full.
fn records(artifact: &Artifact<'_>, digest: &str) -> Vec<Value> {
    let model = json!({"version": "phishing", "digest": digest});
    let other = json!({"version": "challenger", "digest": format!("sha256:{}", "c".repeat(64))});
    let pseudonyms = Pseudonyms::new(KEY.as_bytes()).unwrap();
    let (ann, bob) = (pseudonyms.of(b"ann"), pseudonyms.of(b"bob"));
    let class = |is_positive| {
        if is_positive {
            "phishing"
        } else {
            "legitimate"
        }
    };
    let verdict = |is_positive| if is_positive { "positive" } else { "negative" };
    let mut all = Vec::new();
    for n in 0..200_u32 {
        let time_ms = NOW - 2 * DAY + u64::from(n) * 600_000;
        let is_threat = n % 2 == 0;
        let said = match n {
            0..90 | 100.. => verdict(is_threat),
            90..96 => verdict(!is_threat),
            96..100 => "uncertain",
        };
        let score = match said {
            "positive" => 0.91,
            "negative" => 0.12,
            _ => 0.5,
        };
        let source = if n < 5 { &ann } else { &bob };
        let mut prediction = json!({"kind": "prediction", "id": id(1, n), "time_ms": time_ms, "node": "a",
            "model": model, "verdict": said, "score": score, "margin": 0.0, "source": source});
        if n != 7 {
            prediction["features"] = json!(vec![1.0; 30]);
        }
        all.push(prediction);
        if n >= 100 {
            continue;
        }
        let threat_by_challenger = match n {
            0..2 => !is_threat,
            2..96 => is_threat,
            _ => false,
        };
        let by_challenger = if n >= 96 {
            "uncertain"
        } else {
            verdict(threat_by_challenger)
        };
        all.push(json!({"kind": "shadow", "id": id(2, n), "time_ms": time_ms + 1, "node": "a", "prediction": id(1, n),
            "model": other, "verdict": by_challenger, "score": score, "margin": 0.0, "source": source,
            "champion": {"model": model, "verdict": said, "score": score}}));
        all.push(
            json!({"kind": "label", "id": id(3, n), "time_ms": time_ms + 5000, "node": "a",
            "prediction": id(1, n), "label": class(is_threat)}),
        );
    }
    // A label for nobody, one again, and one that says otherwise but was given before.
    for (n, prediction, label, time_ms) in [
        (900, id(1, 999), "phishing", NOW - 5000),
        (901, id(1, 2), "phishing", NOW - 4000),
        (902, id(1, 4), "legitimate", NOW - 2 * DAY),
    ] {
        all.push(json!({"kind": "label", "id": id(3, n), "time_ms": time_ms, "prediction": prediction, "label": label}));
    }
    for day in 0..2_u32 {
        all.push(aggregate(artifact, &model, day));
    }
    all.push(
        json!({"kind": "status", "id": id(5, 1), "time_ms": NOW - DAY, "node": "c", "model": model,
        "spool": {"pending": 77, "dropped": 3, "bytes": 90, "max_bytes": 100}}),
    );
    all
}

fn aggregate(artifact: &Artifact<'_>, model: &Value, day: u32) -> Value {
    let words = |bytes: &[u8]| bytes.as_chunks::<4>().0.to_vec();
    let counts = |bytes: &[u8]| {
        words(bytes)
            .into_iter()
            .map(u32::from_le_bytes)
            .collect::<Vec<_>>()
    };
    let references = artifact
        .schema
        .features
        .iter()
        .zip(&artifact.reference.features);
    let features: Vec<Value> = references
        .enumerate()
        .map(|(idx, (feature, reference))| {
            let edges: Vec<f32> = words(&reference.edges)
                .into_iter()
                .map(f32::from_le_bytes)
                .collect();
            let mut counts = counts(&reference.counts);
            if day == 1 && idx == 3 {
                let n_rows = counts.iter().sum();
                counts.fill(0);
                *counts.last_mut().unwrap() = n_rows;
            }
            json!({"name": feature.name, "edges": edges, "counts": counts})
        })
        .collect();
    let scores = counts(&artifact.reference.scores);
    let n_rows: u32 = scores.iter().sum();
    json!({"kind": "aggregate", "id": id(4, day), "time_ms": NOW - u64::from(2 - day) * DAY, "span_ms": DAY / 2,
        "node": "b", "model": model, "n_rows": n_rows,
        "verdicts": {"positive": n_rows, "negative": 0, "uncertain": 0}, "scores": scores, "features": features})
}

pub(crate) struct Scene {
    folder: tempfile::TempDir,
    pub(crate) records: Vec<Value>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (place, digest) = model(folder.path());
        let bytes = std::fs::read(place).unwrap();
        let artifact = Artifact::decode(&bytes).unwrap();
        let records = records(&artifact, &digest);
        std::fs::write(folder.path().join("pseudonym.key"), KEY).unwrap();
        Self { folder, records }
    }

    /// Trains another model on the same rows.
    pub(crate) fn train(&self, kind: &str, out: &str) {
        train(self.path(), kind, out, &[]);
    }

    /// Trains another model on the same rows, with more options.
    pub(crate) fn train_with(&self, kind: &str, out: &str, more: &[&str]) {
        train(self.path(), kind, out, more);
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The records in a folder, some of them twice, with a line that is none.
    pub(crate) fn fill_folder(&self) {
        let store = self.path().join("store");
        std::fs::create_dir_all(&store).unwrap();
        for (number, part) in self.records.chunks(150).enumerate() {
            let mut text = String::new();
            for record in part {
                writeln!(text, "{record}").unwrap();
            }
            if number == 1 {
                writeln!(text, "{}\n{{\"kind\":\"rumour\"}}", self.records[0]).unwrap();
            }
            std::fs::write(
                store.join(format!("records-{:08}.ndjson", number + 1)),
                text,
            )
            .unwrap();
        }
    }

    pub(crate) fn look(&self, store: &str) -> Value {
        let at = NOW.to_string();
        let arguments = [
            "monitor", "--store", store, "--model", "m.picket", "--span", "2d", "--at", &at,
            "--json",
        ];
        parsed(&trainer(self.path(), &arguments))
    }
}
