//! Accept, reject or not enough evidence: by exit code, in words and as JSON.

use serde_json::Value;

use crate::bench_rows::Bench;
use crate::run::{refusal_of, run, stdout_of, text};

/// Exit code, standard output and standard error.
fn accept(arguments: &[&str]) -> (i32, String, String) {
    let output = run(&[&["accept"], arguments].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn rows(bench: &Bench, n_rows: &str, seed: &str) -> String {
    let path = bench.path(&format!("{n_rows}-{seed}.csv"));
    stdout_of(&[
        "sample",
        "--rows",
        n_rows,
        "--seed",
        seed,
        "--out",
        text(&path),
    ]);
    text(&path).to_owned()
}

#[test]
fn a_better_model_is_accepted_a_worse_one_rejected_and_few_rows_tell_nothing() {
    let bench = Bench::new(900);
    let good = bench.train("good.picket", &["--trees", "60", "--name", "good"]);
    let weak = bench.train(
        "weak.picket",
        &["--model", "tree", "--depth", "1", "--name", "weak"],
    );
    let (good, weak) = (text(&good), text(&weak));
    let many = rows(&bench, "3000", "91");
    let (code, said, error) = accept(&["--challenger", good, "--champion", weak, "--data", &many]);
    assert_eq!((code, error.as_str()), (0, ""), "{said}");
    assert!(
        said.contains("accepted: F1 is ") && said.contains("McNemar p < 0.001"),
        "{said}"
    );
    assert!(said.contains("roc_auc") && said.contains("brier"), "{said}");

    let (code, _, error) = accept(&["--challenger", weak, "--champion", good, "--data", &many]);
    assert_eq!(code, 3);
    assert!(
        error.contains("rejected") && error.contains("is not larger than the 0"),
        "{error}"
    );

    let (code, _, error) = accept(&["--challenger", good, "--champion", good, "--data", &many]);
    assert_eq!(code, 3, "nothing is gained: {error}");
    let (code, said, _) = accept(&[
        "--challenger",
        good,
        "--champion",
        good,
        "--data",
        &many,
        "--min-gain",
        "-0.01",
    ]);
    assert_eq!(code, 0, "no worse is enough: {said}");

    let few = rows(&bench, "12", "92");
    let (code, said, error) = accept(&[
        "--challenger",
        good,
        "--champion",
        weak,
        "--data",
        &few,
        "--min-f1",
        "0.1",
        "--json",
    ]);
    assert_eq!(code, 4, "{said} {error}");
    assert!(error.contains("not enough evidence"), "{error}");
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["outcome"], "not_enough_evidence");
    assert_eq!(
        (&report["challenger"], &report["champion"]),
        (&"good".into(), &"weak".into())
    );
    assert_eq!(report["differences"].as_array().unwrap().len(), 3);
    assert!(report["mcnemar"]["is_exact"].as_bool().unwrap());
}

#[test]
fn without_a_champion_the_gate_decides() {
    let bench = Bench::new(600);
    let model = bench.train("m.picket", &["--trees", "20"]);
    let model = text(&model);
    let fresh = rows(&bench, "500", "93");
    let (code, said, _) = accept(&["--challenger", model, "--data", &fresh]);
    assert_eq!(code, 0);
    assert!(said.contains("There is no champion"), "{said}");
    let (code, _, error) = accept(&["--challenger", model, "--data", &fresh, "--min-f1", "0.999"]);
    assert_eq!(code, 3);
    assert!(error.contains("below the expected 0.999"), "{error}");
}

#[test]
fn training_rows_and_other_schemas_are_told() {
    let bench = Bench::new(600);
    let model = bench.train("m.picket", &["--trees", "20"]);
    let (model, trained_on) = (text(&model).to_owned(), text(&bench.rows).to_owned());
    let arguments = [
        "--challenger",
        &model,
        "--champion",
        &model,
        "--data",
        &trained_on,
    ];
    let (_, said, _) = accept(&arguments);
    for role in ["challenger", "champion"] {
        let warning = format!("warning: The {role} was trained from these very rows");
        assert!(said.contains(&warning), "{said}");
    }
    let fixture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../schema/testdata/v1/nsl-kdd-tree.picket"
    );
    let other = [
        "accept",
        "--challenger",
        &model,
        "--champion",
        fixture,
        "--data",
        "-",
    ];
    let refusal = refusal_of(&other);
    assert!(refusal.contains("different schemas"), "{refusal}");
}
