//! `trainer import`: writes a model that scores, or says why not and writes nothing.

use std::path::{Path, PathBuf};

use crate::run::{json_of, refusal_of, stdout_of, text};

const SCHEMA: &str = r#"
name = "subject"

[label]
name = "class"
positive = { name = "bad", values = ["7"] }
negative = { name = "good", values = ["3"] }

[[features]]
name = "a"
domain = { range = [-10, 10] }
missing = "accept"

[[features]]
name = "b"
domain = { range = [-10, 10] }
missing = "accept"

[[features]]
name = "kind"
domain = { categories = ["x", "y", "z"] }
missing = "accept"
"#;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("subject.toml"), SCHEMA).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A model file that comes with the tests.
fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/import")
        .join(name)
}

/// The arguments of an import of `source`, with more.
fn arguments<'a>(
    from: &'a str,
    source: &'a Path,
    schema: &'a Path,
    out: &'a Path,
    more: &[&'a str],
) -> Vec<&'a str> {
    let mut arguments = vec![
        "import",
        "--from",
        from,
        text(source),
        "--schema",
        text(schema),
    ];
    arguments.extend(["--out", text(out), "--rows", "300"]);
    arguments.extend(more);
    arguments
}

#[test]
fn an_imported_model_scores_rows() {
    let place = Place::new();
    let (schema, out) = (place.path("subject.toml"), place.path("m.picket"));
    let source = model("xgboost.json");
    let said = stdout_of(&arguments(
        "xgboost-json",
        &source,
        &schema,
        &out,
        &["--name", "carried"],
    ));
    for words in [
        "carried: xgboost gbtree from XGBoost 3.2.0",
        "positive class bad: class 1",
        "parity certificate: rows",
        "5 of 5",
        "m.picket: ",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    let rows = place.path("rows.csv");
    std::fs::write(&rows, "kind,a,b\nx,1.5,0\ny,,0\n,2,\n").unwrap();
    let plain = ["score", "--model", text(&out), "--data", text(&rows)];
    let scored = stdout_of(&[&plain[..], &["--margin"]].concat());
    let mut reader = csv::Reader::from_reader(scored.as_bytes());
    assert_eq!(
        reader.headers().unwrap(),
        ["kind", "a", "b", "score", "verdict", "margin"].as_slice()
    );
    let base = (1.0_f64 / 3.0).ln();
    let expected = [base + 0.125 + 1.0, base + 0.5 - 1.0, base + 0.125 + 1.0];
    for (record, expected) in reader.records().map(Result::unwrap).zip(expected) {
        let (score, margin): (f64, f64) = (record[3].parse().unwrap(), record[5].parse().unwrap());
        assert!((margin - expected).abs() < 1e-6, "{margin} {expected}");
        assert!((score - 1.0 / (1.0 + (-margin).exp())).abs() < 1e-12);
    }
    // Only who asks for margins gets them.
    assert!(stdout_of(&plain).starts_with("kind,a,b,score,verdict\n"));
}

#[test]
fn the_report_is_json_and_the_file_the_same_for_any_threads() {
    let place = Place::new();
    let (schema, source) = (place.path("subject.toml"), model("lightgbm.txt"));
    let (one, two) = (place.path("one.picket"), place.path("two.picket"));
    let report = json_of(&arguments(
        "lightgbm-text",
        &source,
        &schema,
        &one,
        &["--json", "--threads", "1"],
    ));
    let again = json_of(&arguments(
        "lightgbm-text",
        &source,
        &schema,
        &two,
        &["--json", "--threads", "3"],
    ));
    assert_eq!(report, again);
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
    let certificate = &report["certificate"];
    assert_eq!(certificate["n_random_rows"], 300);
    assert_eq!(certificate["n_leaves_reached"], certificate["n_leaves"]);
    assert!(
        certificate["max_difference"].as_f64().unwrap()
            <= certificate["max_difference_bound"].as_f64().unwrap()
    );
    let inspected = json_of(&["inspect", text(&one), "--json"]);
    assert_eq!(inspected, report["model"]);
    let notes = inspected["notes"].to_string();
    assert!(notes.contains("Parity certificate: "), "{notes}");
    assert_eq!(inspected["parameters"]["source_format"], "lightgbm");
}

#[test]
fn a_refusal_writes_nothing() {
    let place = Place::new();
    let (schema, out) = (place.path("subject.toml"), place.path("m.picket"));
    let source = model("lightgbm.txt");
    let said = refusal_of(&arguments("onnx", &source, &schema, &out, &[]));
    assert!(said.contains("lightgbm.txt: not ONNX"), "{said}");
    let said = refusal_of(&arguments(
        "lightgbm-text",
        &source,
        &schema,
        &out,
        &["--output", "probability"],
    ));
    assert!(said.contains("--output"), "{said}");
    let absent = place.path("absent.json");
    let said = refusal_of(&arguments("xgboost-json", &absent, &schema, &out, &[]));
    assert!(said.contains("absent.json: cannot be read"), "{said}");
    let said = refusal_of(&arguments(
        "lightgbm-text",
        &source,
        &schema,
        &out,
        &["--positive-class-index", "2"],
    ));
    assert!(said.contains("--positive-class-index"), "{said}");
    assert!(!out.exists());
}
