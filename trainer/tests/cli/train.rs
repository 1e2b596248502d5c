//! What a training run writes and reports.

use picket_schema::Artifact;

use crate::bench_rows::Bench;
use crate::run::{json_of, run, schema, stdout_of, text};

#[test]
fn the_report_is_that_of_the_file() {
    let bench = Bench::new(800);
    let (schema, out) = (schema("phishing.toml"), bench.path("m.picket"));
    let mut report = json_of(&[
        "train",
        "--data",
        text(&bench.rows),
        "--schema",
        text(&schema),
        "--out",
        text(&out),
        "--trees",
        "40",
        "--name",
        "first",
        "--note",
        "trained on synthetic rows",
        "--note",
        "two",
        "--seed",
        "11",
        "--json",
    ]);
    let of_training = report.as_object_mut().unwrap().remove("training_metrics");
    let auc = of_training.unwrap()["roc_auc"].as_f64().unwrap();
    assert!(auc > report["metrics"]["roc_auc"]["value"].as_f64().unwrap());
    let gate = report.as_object_mut().unwrap().remove("gate").unwrap();
    assert_eq!(gate["findings"].as_array().unwrap().len(), 2);
    assert_eq!(
        gate["holds"], gate["findings"][1]["holds"],
        "the F1 is good enough"
    );
    assert_eq!(report, json_of(&["inspect", text(&out), "--json"]));
    let bytes = std::fs::read(&out).unwrap();
    let artifact = Artifact::decode(&bytes).unwrap();
    let card = &artifact.card;
    assert_eq!((card.name.as_str(), card.seed), ("first", 11));
    assert_eq!(card.notes[..2], ["trained on synthetic rows", "two"]);
    assert_eq!((card.n_rows_train, card.n_rows_test), (800, 160));
    assert_eq!(
        report["artifact_digest"],
        Artifact::digest(&bytes).to_string()
    );
    assert_eq!(report["schema"]["positive_class"], "phishing");
    assert_eq!(report["sizes"]["n_trees"], 40);
    let importances: f64 = card.importances.iter().sum();
    assert!((importances - 1.0).abs() < 1e-4);
    assert_eq!(card.metrics.len(), 10);
    for metric in &card.metrics {
        assert!(
            metric.low <= metric.value && metric.value <= metric.high,
            "{metric:?}"
        );
    }
    let n_scores: u32 = artifact
        .reference
        .scores
        .as_chunks()
        .0
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
        .sum();
    assert_eq!(
        u64::from(n_scores),
        card.n_rows_train,
        "every training row has an unseen score"
    );
}

#[test]
fn the_table_says_what_matters() {
    let bench = Bench::new(800);
    let (schema, out) = (schema("phishing.toml"), bench.path("m.picket"));
    let base = [
        "train",
        "--data",
        text(&bench.rows),
        "--schema",
        text(&schema),
        "--out",
        text(&out),
    ];
    let table = stdout_of(&[&base[..], &["--model", "tree"]].concat());
    for words in [
        "positive class: phishing",
        "roc_auc",
        "95 % interval",
        "With a random split",
        "as expected, at least 0.6",
        "sha256:",
    ] {
        assert!(table.contains(words), "{words:?} is not in {table}");
    }
    let random = stdout_of(&[&base[..], &["--model", "tree", "--split", "random"]].concat());
    assert!(random.contains("partly measure memory"), "{random}");
    let inspected = stdout_of(&["inspect", text(&out)]);
    assert!(
        inspected.contains("random split") && inspected.contains("importances"),
        "{inspected}"
    );
}

#[test]
fn a_refit_learns_from_all_rows_and_says_so() {
    let bench = Bench::new(800);
    let plain =
        std::fs::read(bench.train("plain.picket", &["--trees", "20", "--no-refit"])).unwrap();
    let refit = std::fs::read(bench.train("refit.picket", &["--trees", "20"])).unwrap();
    let (plain, refit) = (
        Artifact::decode(&plain).unwrap(),
        Artifact::decode(&refit).unwrap(),
    );
    assert_eq!(
        plain.card.metrics, refit.card.metrics,
        "both report what was measured"
    );
    assert_ne!(plain.model, refit.model);
    assert_eq!((plain.card.n_rows_train, plain.card.notes.len()), (640, 0));
    assert_eq!(refit.card.n_rows_train, 800);
    assert!(
        refit.card.notes[0].contains("then fitted to all 800 rows"),
        "{:?}",
        refit.card.notes
    );
}

#[test]
fn measuring_on_the_test_rows_gives_the_cards_metrics() {
    use picket_trainer::{Dataset, Evaluation, RowGroups, Split, SplitKind, phishing_schema};
    let bench = Bench::new(800);
    let model = bench.train("m.picket", &["--trees", "20", "--seed", "4", "--no-refit"]);
    let data = Dataset::open_csv(&phishing_schema().unwrap(), &bench.rows).unwrap();
    let split = Split::new(&data, &RowGroups::of(&data), SplitKind::Grouped, 4).unwrap();
    let bytes = std::fs::read(model).unwrap();
    let model = picket_wasm_model::Model::load(&bytes).unwrap();
    let evaluation = Evaluation::of(&model, &data.select(&split.test), 4).unwrap();
    assert_eq!(evaluation.metrics, model.artifact().card.metrics);
}

#[test]
fn long_work_reports_progress_as_json_lines() {
    let bench = Bench::new(20_000);
    let (schema, out) = (schema("phishing.toml"), bench.path("m.picket"));
    let output = run(&[
        "train",
        "--data",
        text(&bench.rows),
        "--schema",
        text(&schema),
        "--out",
        text(&out),
        "--trees",
        "300",
        "--threads",
        "1",
    ]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<serde_json::Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // A fast machine may be done with every stage within a second, and then says nothing.
    for line in lines {
        assert!(
            line["event"] == "progress" || line["event"] == "done",
            "{line}"
        );
        assert!(
            line["done"].as_u64().unwrap() <= line["total"].as_u64().unwrap(),
            "{line}"
        );
        assert!(line["left_s"].is_number(), "{line}");
    }
}
