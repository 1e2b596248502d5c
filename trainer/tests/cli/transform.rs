//! `trainer train` with a transform, as a user asks for it.

use picket_schema::Artifact;
use picket_schema::artifact::Step;

use crate::bench_rows::Bench;
use crate::run::{json_of, refusal_of, schema, text};

fn arguments<'a>(
    bench: &'a Bench,
    schema: &'a str,
    out: &'a str,
    more: &[&'a str],
) -> Vec<&'a str> {
    let mut all = vec![
        "train",
        "--data",
        text(&bench.rows),
        "--schema",
        schema,
        "--out",
        out,
    ];
    all.extend(["--model", "logistic", "--json"]);
    all.extend(more);
    all
}

#[test]
fn what_is_asked_for_stands_in_the_file() {
    let bench = Bench::new(300);
    let (schema, out) = (schema("phishing.toml"), bench.path("m.picket"));
    let (schema, out) = (text(&schema), text(&out));
    let options = [
        "--impute",
        "knn",
        "--impute-neighbours",
        "3",
        "--impute-weights",
        "distance",
        "--encode",
        "one-hot",
        "--encode-ordinal",
    ];
    let report = json_of(&arguments(&bench, schema, out, &options));
    assert_eq!(
        report["parameters"]["impute"],
        "3 neighbours, distance weights"
    );
    assert_eq!(report["parameters"]["encode"], "one-hot");
    let bytes = std::fs::read(out).unwrap();
    let artifact = Artifact::decode(&bytes).unwrap();
    let [Step::Neighbours(imputer), Step::Columns(columns)] = &artifact.transform.0[..] else {
        panic!("expected two steps: {:?}", report["transform"])
    };
    assert_eq!(
        (imputer.n_neighbours, imputer.counts.iter().sum()),
        (3, 300)
    );
    let steps = report["transform"].as_array().unwrap();
    assert_eq!(steps[1], format!("{} new columns", columns.len()));
    // The rows are those of the schema still.
    let scored = json_of(&[
        "evaluate",
        "--model",
        out,
        "--data",
        text(&bench.rows),
        "--json",
    ]);
    assert_eq!(scored["n_rows"], 300);
}

#[test]
fn options_without_use_and_out_of_range_are_refused() {
    let bench = Bench::new(40);
    let (schema, out) = (schema("phishing.toml"), bench.path("m.picket"));
    for (options, words) in [
        (&["--fill", "1"][..], "--impute constant"),
        (&["--impute-neighbours", "3"], "--impute knn"),
        (
            &["--impute-weights", "distance", "--impute", "mean"],
            "--impute knn",
        ),
        (
            &["--smoothing", "3", "--encode", "ordinal"],
            "--encode target",
        ),
        (&["--encode-ordinal"], "one-hot, ordinal or target"),
        (
            &["--impute", "knn", "--impute-neighbours", "0"],
            "asks 0 neighbours; expected 1 to 1024",
        ),
        (
            &["--encode", "target", "--smoothing", "NaN"],
            "smoothing is NaN",
        ),
        (
            &["--impute", "constant", "--fill", "1e99"],
            "expected a finite 32-bit number",
        ),
    ] {
        let refusal = refusal_of(&arguments(&bench, text(&schema), text(&out), options));
        assert!(refusal.contains(words), "{options:?}: {refusal}");
        assert!(!out.exists());
    }
}
