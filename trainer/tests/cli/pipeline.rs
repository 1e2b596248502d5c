//! `trainer run`: a whole run, what it leaves, and what happens when it is stopped.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::bench_rows::Bench;
use crate::run::{json_of, refusal_of, run, schema, stdout_of, text, trainer};

/// A small pipeline's file beside the rows.
fn pipeline(bench: &Bench, more: &str) -> PathBuf {
    let place = bench.path("pipeline.toml");
    let content = format!(
        r#"
name = "small"
data = "{}"
schema = "{}"
artifacts = "{}"
seed = 4
[search]
folds = 3
[[search.candidates]]
model = "logistic"
l2 = [0.1, 1.0]
[[search.candidates]]
model = "boosting"
n_trees = 40
max_depth = [3, 5, 7]
[evaluate]
max-gap = 0.5
{more}
"#,
        text(&bench.rows),
        text(&schema("phishing.toml")),
        text(&bench.path("runs")),
    );
    fs::write(&place, content).unwrap();
    place
}

fn read_json(place: &Path) -> Value {
    serde_json::from_slice(&fs::read(place).unwrap()).unwrap()
}

#[test]
fn a_run_leaves_every_stage_and_can_be_reproduced() {
    let bench = Bench::new(900);
    let store = bench.path("store");
    let more = format!(
        "slices = [\"SSLfinal_State\"]\n[publish]\nto = \"{}\"\npromote = true\nsign-with = [\"{}\"]",
        text(&store),
        text(&bench.path("keys/signing-key.json"))
    );
    stdout_of(&["keygen", "--out", text(&bench.path("keys"))]);
    let pipeline = pipeline(&bench, &more);
    let outcome = json_of(&["run", text(&pipeline), "--json"]);
    assert_eq!(outcome["state"], "finished");
    assert_eq!(outcome["outcome"]["accepted"], true, "{outcome}");
    let folder = PathBuf::from(outcome["folder"].as_str().unwrap());
    for file in [
        "run.json",
        "pipeline.json",
        "schema.json",
        "ingest/validation.json",
        "ingest/profile.json",
        "split/split.json",
        "search/candidates.json",
        "search/choice.json",
        "model/model.picket",
        "evaluate/evaluation.json",
        "accept/acceptance.json",
        "report/report.html",
        "track/mlflow.json",
        "publish/release.json",
    ] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let hidden: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with('.') && name != ".lock")
        .collect();
    assert!(hidden.is_empty(), "nothing half done stays: {hidden:?}");

    // The same numbers in the record, in the model's card and in the evaluation.
    let inspected = json_of(&[
        "inspect",
        text(&folder.join("model/model.picket")),
        "--json",
    ]);
    assert_eq!(inspected["artifact_digest"], outcome["model_digest"]);
    assert_eq!(inspected["data_digest"], outcome["data_digest"]);
    let evaluation = read_json(&folder.join("evaluate/evaluation.json"));
    for metric in evaluation["metrics"].as_array().unwrap() {
        let name = metric["name"].as_str().unwrap();
        assert_eq!(
            inspected["metrics"][name]["value"], metric["value"],
            "{name}"
        );
    }
    assert_eq!(evaluation["slices"][0]["feature"], "SSLfinal_State");
    assert_eq!(evaluation["other_split"]["kind"], "random");
    let page = fs::read_to_string(folder.join("report/report.html")).unwrap();
    assert!(page.contains("Both splits") && page.contains("By SSLfinal_State"));

    let candidates = read_json(&folder.join("search/candidates.json"));
    // Five of the grid; voting and stacking of the two kinds.
    assert_eq!(candidates["candidates"].as_array().unwrap().len(), 7);

    // What was promoted is signed, and an edge would take it.
    let signed = json_of(&[
        "verify",
        "--envelope",
        text(&store.join("releases/1/release.dsse.json")),
        "--trusted-keys",
        text(&bench.path("keys/trusted-keys.json")),
        "--model",
        text(&store.join("releases/1/model.picket")),
    ]);
    assert_eq!(signed["run_id"], outcome["run_id"]);
    let published = read_json(&folder.join("publish/release.json"));
    assert_eq!(published["is_signed"], true);
    assert!(!page.contains("without a signature"));
    assert!(store.join("log/head.dsse.json").is_file());

    let again = stdout_of(&["reproduce", text(&folder)]);
    assert!(
        again.contains(outcome["model_digest"].as_str().unwrap()),
        "{again}"
    );

    // The champion of the store is what the next run is held against: the same model is no better.
    let output = run(&["run", text(&pipeline), "--json"]);
    let next: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_ne!(next["folder"], outcome["folder"]);
    assert_eq!(
        next["model_digest"], outcome["model_digest"],
        "the same seed gives the same bytes"
    );
    assert_eq!(next["outcome"]["accepted"], false, "{next}");
    assert_eq!(output.status.code(), Some(3), "a gain of 0 is no gain");
    let next = PathBuf::from(next["folder"].as_str().unwrap());
    assert!(
        next.join("drift/drift_report.yaml").is_file(),
        "the champion's rows are the reference"
    );
    assert!(
        !next.join("publish").exists(),
        "what is rejected is not published"
    );
    let listed = stdout_of(&["runs", "--dir", text(&bench.path("runs"))]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
}

/// What no edge takes is published only where the pipeline says so, and never promoted over what is signed.
#[test]
fn an_unsigned_release_takes_a_word_and_never_follows_a_signed_one() {
    let bench = Bench::new(400);
    let store = bench.path("store");
    let publish = |more: &str| {
        let section = format!("min-f1 = 0.0\n[publish]\nto = \"{}\"\n{more}", text(&store));
        pipeline(&bench, &section)
    };
    let said = refusal_of(&["run", text(&publish(""))]);
    assert!(
        said.contains("sign-with") && said.contains("allow-unsigned"),
        "{said}"
    );
    assert!(!store.exists(), "nothing was published");
    let mut begun = fs::read_dir(bench.path("runs")).unwrap().flatten();
    assert!(
        begun.all(|run| !run.path().join("ingest").exists()),
        "nothing was searched"
    );

    // The first of a store, and meant so.
    let outcome = json_of(&[
        "run",
        text(&publish("allow-unsigned = true\npromote = true")),
        "--json",
    ]);
    let folder = PathBuf::from(outcome["folder"].as_str().unwrap());
    let published = read_json(&folder.join("publish/release.json"));
    assert_eq!(
        (&published["is_signed"], &published["is_champion"]),
        (&false.into(), &true.into())
    );
    let page = fs::read_to_string(folder.join("report/report.html")).unwrap();
    assert!(page.contains("without a signature"), "the page says so");

    // Where one is signed, promoted or not, none is promoted without a signature; a trial may still be put there.
    stdout_of(&["keygen", "--out", text(&bench.path("keys"))]);
    let key = bench.path("keys/signing-key.json");
    let model = folder.join("model/model.picket");
    let store = bench.path("signed");
    let first = [
        "publish",
        "--model",
        text(&model),
        "--to",
        text(&store),
        "--key",
        text(&key),
    ];
    stdout_of(&first);
    let publish = |more: &str| {
        let section = format!("min-f1 = 0.0\n[publish]\nto = \"{}\"\n{more}", text(&store));
        pipeline(&bench, &section)
    };
    let said = refusal_of(&[
        "run",
        text(&publish("allow-unsigned = true\npromote = true")),
    ]);
    assert!(
        said.contains("releases are signed here") && said.contains("promote = false"),
        "{said}"
    );
    let said = refusal_of(&["run", text(&publish("promote = true"))]);
    assert!(said.contains("allow-unsigned"), "{said}");
    assert!(!store.join("releases/2").exists() && !store.join("channels").exists());
    json_of(&["run", text(&publish("allow-unsigned = true")), "--json"]);
    assert!(store.join("releases/2/manifest.json").is_file());
    assert!(!store.join("releases/2/release.dsse.json").exists());
    assert!(!store.join("channels").exists(), "it waits to be signed");
}

#[test]
fn a_killed_run_goes_on_and_ends_in_the_same_bytes() {
    let bench = Bench::new(1200);
    let pipeline = pipeline(&bench, "");
    let whole = json_of(&["run", text(&pipeline), "--json"]);
    let mut n_kills = 0;
    let mut folder: Option<PathBuf> = None;
    // Each try lives a little longer, so that the kills fall into all stages.
    for attempt in 1..200_u64 {
        let mut command = match &folder {
            None => trainer(&["run", text(&pipeline), "--json"]),
            Some(folder) => trainer(&["run", "--resume", text(folder), "--json"]),
        };
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(15 * attempt));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            n_kills += 1;
        }
        let status = child.wait().unwrap();
        folder = folder.or_else(|| begun_after(&bench.path("runs"), &whole));
        if status.success() {
            break;
        }
    }
    let folder = folder.unwrap();
    assert!(n_kills > 0, "no kill fell into the run");
    let resumed = json_of(&["run", "--resume", text(&folder), "--json"]);
    assert_eq!(resumed["state"], "finished");
    assert_eq!(resumed["model_digest"], whole["model_digest"]);
    assert_eq!(resumed["metrics"], whole["metrics"]);
    let of = |outcome: &Value| fs::read(Path::new(outcome["model"].as_str().unwrap())).unwrap();
    assert_eq!(of(&resumed), of(&whole));
}

/// The folder of a run that is not the first one's and knows its settings.
fn begun_after(runs: &Path, first: &Value) -> Option<PathBuf> {
    fs::read_dir(runs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| first["folder"] != path.to_str().unwrap() && path.join("run.json").is_file())
}

#[test]
fn an_interrupt_stops_between_tasks_and_says_how_to_go_on() {
    let bench = Bench::new(4000);
    let pipeline = pipeline(
        &bench,
        "[[search.candidates]]\nmodel = \"boosting\"\nn_trees = [300, 400, 500, 600]\nmax_depth = 9",
    );
    let child = trainer(&["run", text(&pipeline)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The search is under way when its first task is kept.
    let runs = bench.path("runs");
    let has_task = || {
        let folder = fs::read_dir(&runs).ok()?.next()?.ok()?.path();
        fs::read_dir(folder.join(".search-tasks")).ok()?.next()
    };
    for _ in 0..6000 {
        if has_task().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let interrupt = format!("kill -INT {}", child.id());
    let told = Command::new("sh")
        .args(["-c", &interrupt])
        .status()
        .unwrap();
    assert!(told.success(), "the process was at work");
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{message}");
    assert!(message.contains("--resume"), "{message}");
    let record = fs::read_dir(runs).unwrap().next().unwrap().unwrap().path();
    assert_eq!(read_json(&record.join("run.json"))["state"], "interrupted");
}

#[test]
fn what_is_wrong_in_a_pipeline_is_named() {
    let bench = Bench::new(300);
    let said = |more: &str| refusal_of(&["run", text(&pipeline(&bench, more))]);
    let slip = said("[serach]\nfolds = 3");
    assert!(
        slip.contains("serach") && slip.contains("pipeline.toml"),
        "{slip}"
    );
    let two = said("[decide]\nthreshold = 0.4\nmax-fpr = 0.01");
    assert!(two.contains("more than one rule"), "{two}");
    let slice = said("slices = [\"SSL\"]");
    assert!(
        slice.contains("SSL") && slice.contains("SSLfinal_State"),
        "{slice}"
    );
    let none = refusal_of(&["run"]);
    assert!(none.contains("--schema"), "{none}");
    let nothing = refusal_of(&["run", "--resume", text(&bench.path("nowhere"))]);
    assert!(nothing.contains("run.json"), "{nothing}");
}

#[test]
fn a_closed_gate_keeps_the_findings_and_a_better_file_goes_on() {
    let bench = Bench::new(400);
    let good = fs::read_to_string(&bench.rows).unwrap();
    let bad: String = good
        .lines()
        .enumerate()
        .map(|(at, line)| {
            if at % 3 == 1 {
                format!("7{line}\n")
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    fs::write(&bench.rows, bad).unwrap();
    let pipeline = pipeline(&bench, "");
    let output = run(&["run", text(&pipeline)]);
    assert_eq!(
        output.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let folder = fs::read_dir(bench.path("runs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let quarantine = fs::read_to_string(folder.join("ingest-refused/quarantine.csv")).unwrap();
    assert!(quarantine.lines().count() > 100);
    assert_eq!(read_json(&folder.join("run.json"))["state"], "failed");
    fs::write(&bench.rows, good).unwrap();
    let resumed = json_of(&["run", "--resume", text(&folder), "--json"]);
    assert_eq!(resumed["state"], "finished");
}

#[test]
fn labels_may_come_from_feedback_and_boosting_may_stop_early() {
    let bench = Bench::new(600);
    let table = fs::read_to_string(&bench.rows).unwrap();
    let mut lines = table.lines();
    let header = lines.next().unwrap();
    let label_idx = header.split(',').position(|name| name == "Result").unwrap();
    let (mut rows, mut feedback) = (format!("{header},prediction_id\n"), String::new());
    for (row_idx, line) in lines.enumerate() {
        let mut cells: Vec<&str> = line.split(',').collect();
        let label = std::mem::take(&mut cells[label_idx]);
        writeln!(rows, "{},p{row_idx}", cells.join(",")).unwrap();
        // A quarter has none.
        if row_idx % 4 != 0 {
            writeln!(
                feedback,
                r#"{{"prediction_id": "p{row_idx}", "label": {label}}}"#
            )
            .unwrap();
        }
    }
    feedback += "{\"prediction_id\": \"stranger\", \"label\": 1}\n";
    fs::write(&bench.rows, rows).unwrap();
    fs::write(bench.path("labels.ndjson"), feedback).unwrap();
    let more = "[[search.candidates]]\nmodel = \"boosting\"\nn_trees = 300\nlearning_rate = 0.3\npatience = 5";
    let place = pipeline(&bench, "");
    let content = fs::read_to_string(&place).unwrap();
    let start = content.find("[[search.candidates]]").unwrap();
    let end = content.find("[evaluate]").unwrap();
    let labels = text(&bench.path("labels.ndjson")).to_owned();
    let content = format!(
        "feedback = {{ path = \"{labels}\" }}\n{}{more}\n{}",
        &content[..start],
        &content[end..]
    );
    fs::write(&place, content).unwrap();

    let outcome = json_of(&["run", text(&place), "--json"]);
    let folder = PathBuf::from(outcome["folder"].as_str().unwrap());
    let validation = read_json(&folder.join("ingest/validation.json"));
    assert_eq!(validation["counts"]["n_kept"], 450);
    assert_eq!(validation["counts"]["n_without_feedback"], 150);
    assert_eq!(validation["counts"]["n_feedback_unused"], 1);
    let found = validation["findings"].to_string();
    assert!(found.contains("450 of 600 rows have feedback"), "{found}");

    let model = outcome["model"].as_str().unwrap();
    let contents = json_of(&["inspect", model, "--json"]);
    let n_trees = contents["sizes"]["n_trees"].as_u64().unwrap_or_default();
    assert!((1..200).contains(&n_trees), "{contents}");
    let again = stdout_of(&["reproduce", text(&folder)]);
    let digest = outcome["model_digest"].as_str().unwrap();
    assert!(again.contains(digest), "{again}");
}
