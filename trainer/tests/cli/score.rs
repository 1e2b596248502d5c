//! Scoring streams, keeps what was there, and agrees with evaluating.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::bench_rows::Bench;
use crate::run::{json_of, refusal_of, stdout_of, text, trainer};

#[test]
fn scores_are_those_that_evaluate_measures() {
    let bench = Bench::new(500);
    let model = bench.train("m.picket", &["--trees", "30"]);
    let rows = bench.rows_text();
    let extra: String = rows
        .lines()
        .enumerate()
        .map(|(at, row)| {
            if at == 0 {
                format!("id,{row}\n")
            } else {
                format!("\"row, {at}\",{row}\n")
            }
        })
        .collect();
    let data = bench.write("extra.csv", extra);
    let scored = stdout_of(&["score", "--model", text(&model), "--data", text(&data)]);
    let report = json_of(&[
        "evaluate",
        "--model",
        text(&model),
        "--data",
        text(&data),
        "--json",
    ]);

    let mut reader = csv::Reader::from_reader(scored.as_bytes());
    let header = reader.headers().unwrap().clone();
    assert_eq!(&header[0], "id");
    assert_eq!(
        header.iter().rev().take(2).collect::<Vec<_>>(),
        ["verdict", "score"]
    );
    let threshold = report["threshold"].as_f64().unwrap();
    let (mut right, mut squares, mut n) = (0.0, 0.0, 0.0);
    for (at, record) in reader.records().map(Result::unwrap).enumerate() {
        assert_eq!(&record[0], format!("row, {}", at + 1));
        let (score, verdict) = (record[32].parse::<f64>().unwrap(), &record[33]);
        let is_phishing = &record[31] == "-1";
        assert_eq!(verdict == "phishing", score >= threshold);
        assert!(
            verdict == "phishing" || verdict == "legitimate",
            "{verdict}"
        );
        right += f64::from(u8::from((score >= threshold) == is_phishing));
        squares += (score - f64::from(u8::from(is_phishing))).powi(2);
        n += 1.0;
    }
    assert_eq!(n, report["n_rows"].as_f64().unwrap());
    let metric = |name: &str| report["metrics"][name]["value"].as_f64().unwrap();
    assert!((right / n - metric("accuracy")).abs() < 1e-12);
    assert!((squares / n - metric("brier")).abs() < 1e-12);
    assert_eq!(report["is_training_data"], true);
}

#[test]
fn pipes_and_files_give_the_same_rows() {
    let bench = Bench::new(300);
    let model = bench.train("m.picket", &["--model", "tree"]);
    let unlabelled: String = bench
        .rows_text()
        .lines()
        .map(|row| format!("{}\n", &row[..row.rfind(',').unwrap()]))
        .collect();
    let data = bench.write("unlabelled.csv", &unlabelled);
    let out = bench.path("scored.csv");
    stdout_of(&[
        "score",
        "--model",
        text(&model),
        "--data",
        text(&data),
        "--out",
        text(&out),
    ]);
    let file = fs::read_to_string(&out).unwrap();
    let mut child = trainer(&[
        "score",
        "--model",
        text(&model),
        "--data",
        "-",
        "--out",
        "-",
    ])
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(unlabelled.as_bytes())
        .unwrap();
    let piped = child.wait_with_output().unwrap();
    assert!(piped.status.success());
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), file);
    assert_eq!(file.lines().count(), 301);
}

#[test]
fn a_wrong_row_leaves_no_half_file() {
    let bench = Bench::new(300);
    let model = bench.train("m.picket", &["--model", "tree"]);
    let data = bench.write("wrong.csv", format!("{}1,2,3\n", bench.rows_text()));
    let out = bench.write("scored.csv", "what was there before");
    let refusal = refusal_of(&[
        "score",
        "--model",
        text(&model),
        "--data",
        text(&data),
        "--out",
        text(&out),
    ]);
    assert!(
        refusal.contains("row 301 (line 302): found 3 fields; expected 31"),
        "{refusal}"
    );
    assert_eq!(fs::read_to_string(&out).unwrap(), "what was there before");
    let left: Vec<_> = fs::read_dir(bench.dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_str().unwrap().contains(".part")),
        "{left:?}"
    );
}

#[test]
fn columns_that_scoring_adds_must_not_be_there() {
    let bench = Bench::new(60);
    let model = bench.train("m.picket", &["--model", "tree"]);
    let once = stdout_of(&[
        "score",
        "--model",
        text(&model),
        "--data",
        text(&bench.rows),
    ]);
    let data = bench.write("scored.csv", once);
    let refusal = refusal_of(&[
        "score",
        "--model",
        text(&model),
        "--data",
        text(&data),
        "--out",
        "x",
    ]);
    assert!(
        refusal.contains("the column \"score\" already"),
        "{refusal}"
    );
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let bench = Bench::new(20_000);
    let model = bench.train("m.picket", &["--model", "tree", "--depth", "3"]);
    let mut child = trainer(&[
        "score",
        "--model",
        text(&model),
        "--data",
        text(&bench.rows),
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
