//! What is wrong with the input is said with its place and what was expected, and exits with 2.

use crate::bench_rows::Bench;
use crate::run::{refusal_of, run, schema, text};

/// What `train` says of `content`.
fn train_refusal(bench: &Bench, schema_name: &str, content: &[u8]) -> String {
    let (data, schema) = (bench.write("wrong.csv", content), schema(schema_name));
    let out = bench.path("out.picket");
    let refusal = refusal_of(&[
        "train",
        "--data",
        text(&data),
        "--schema",
        text(&schema),
        "--out",
        text(&out),
    ]);
    assert!(!out.exists(), "no model is written");
    assert!(refusal.contains("wrong.csv"), "{refusal}");
    refusal
}

#[track_caller]
fn assert_says(refusal: &str, words: &[&str]) {
    for word in words {
        assert!(refusal.contains(word), "{word:?} is not in: {refusal}");
    }
}

#[test]
fn wrong_rows_are_named() {
    let bench = Bench::new(50);
    let rows = bench.rows_text();
    let header = rows.lines().next().unwrap();
    let good = rows.lines().nth(1).unwrap();
    let train = |content: String| train_refusal(&bench, "phishing.toml", content.as_bytes());

    assert_says(&train(String::new()), &["empty file", "expected a header"]);
    assert_says(&train("\n\n".into()), &["empty file"]);
    assert_says(&train(format!("{header}\n")), &["header without rows"]);

    let not_a_number = format!("{header}\n{good}\nx{}\n", &good[good.find(',').unwrap()..]);
    assert_says(
        &train(not_a_number.clone()),
        &[
            "row 2 (line 3)",
            "column \"having_IP_Address\"",
            "found \"x\"",
            "expected one of -1, 1",
        ],
    );
    let after_blank_lines = not_a_number.replacen('\n', "\r\n\r\n", 2);
    assert_says(&train(after_blank_lines), &["row 2 (line 5)"]);
    let crlf = not_a_number.replace('\n', "\r\n");
    assert_says(&train(crlf), &["row 2 (line 3)"]);
    let line_end_in_a_field = format!(
        "note,{header}\n\"a\nb\",{good}\n\"c\r\n\",{}",
        &good.replacen(|c| c != ',', "x", 1)
    );
    assert_says(&train(line_end_in_a_field), &["row 2 (line 4)"]);
    let out_of_domain = format!("{header}\n7{}\n", &good[good.find(',').unwrap()..]);
    assert_says(
        &train(out_of_domain),
        &["row 1 (line 2)", "found \"7\"", "expected one of -1, 1"],
    );

    let label = &good[..=good.rfind(',').unwrap()];
    assert_says(
        &train(format!("{header}\n{label}2\n")),
        &["column \"Result\"", "found \"2\"", "-1 (phishing)"],
    );
    assert_says(
        &train(format!("{header}\n{label}\n")),
        &["column \"Result\"", "found nothing"],
    );

    let one_class = format!("{header}\n{label}1\n{label}1\n");
    assert_says(
        &train(one_class),
        &[
            "only rows of the class \"legitimate\"",
            "\"Result\"",
            "both classes",
        ],
    );

    assert_says(
        &train(format!("{header}\n{good},1\n")),
        &["row 1 (line 2)", "found 32 fields", "expected 31"],
    );
    assert_says(
        &train(format!("{header}\n1,1\n")),
        &["found 2 fields", "expected 31"],
    );

    let renamed = rows.replacen("Shortining_Service", "Shortening_Service", 1);
    assert_says(
        &train(renamed),
        &[
            "lacks column \"Shortining_Service\"",
            "did you mean \"Shortening_Service\"?",
        ],
    );
    let unlabelled = rows.replacen("Result", "Outcome", 1);
    assert_says(&train(unlabelled), &["lacks the label column \"Result\""]);
    let twice = rows.replacen("having_IP_Address", "Result", 1);
    assert_says(&train(twice), &["\"Result\" twice"]);
    assert_says(
        &train(rows.replace(',', ";")),
        &["separated by ';'", "expected commas"],
    );

    let mut bytes = rows.clone().into_bytes();
    bytes[header.len() + 1] = 0xff;
    let refusal = train_refusal(&bench, "phishing.toml", &bytes);
    assert_says(&refusal, &["row 1 (line 2)", "not UTF-8"]);
}

#[test]
fn an_unknown_category_is_named() {
    let bench = Bench::new(2);
    let text = include_str!("../../../schema/schemas/nsl-kdd.toml");
    let schema = picket_schema::FeatureSchema::from_toml(text).unwrap();
    let names: Vec<&str> = schema
        .features
        .iter()
        .map(|feature| feature.name.as_str())
        .collect();
    let row: Vec<&str> = names
        .iter()
        .map(|name| match *name {
            "protocol_type" => "tcp",
            "service" => "gopherx",
            "flag" => "SF",
            _ => "0",
        })
        .collect();
    let content = format!("{},attack\n{},normal\n", names.join(","), row.join(","));
    let refusal = train_refusal(&bench, "nsl-kdd.toml", content.as_bytes());
    assert_says(
        &refusal,
        &[
            "row 1 (line 2)",
            "column \"service\"",
            "unknown category \"gopherx\"",
            "expected one of",
        ],
    );
}

#[test]
fn wrong_files_and_options_are_refused() {
    let bench = Bench::new(60);
    let (rows, schema, out) = (
        text(&bench.rows).to_owned(),
        schema("phishing.toml"),
        bench.path("m"),
    );
    let train = |more: &[&str]| {
        let schema = text(&schema);
        let base = [
            "train",
            "--data",
            &rows,
            "--schema",
            schema,
            "--out",
            text(&out),
        ];
        refusal_of(&[&base, more].concat())
    };
    assert_says(
        &train(&["--model", "forest", "--l2", "2"]),
        &[
            "--l2",
            "found --model forest",
            "expected boosting or logistic",
        ],
    );
    assert_says(
        &train(&["--learner", "linfa"]),
        &["--learner linfa", "expected tree"],
    );
    assert_says(
        &train(&["--trees", "0"]),
        &["n_trees", "expected at least 1"],
    );
    assert_says(
        &train(&["--threshold", "1.5"]),
        &["a number from 0 to 1, f1, or fbeta:"],
    );
    assert_says(
        &train(&["--model", "svm"]),
        &["boosting, forest, extra-trees, adaboost, tree, logistic, knn"],
    );
    assert_says(
        &train(&["--model", "logistic", "--l2=-1"]),
        &["penalties", "l2 -1", "at least 0"],
    );
    assert!(!out.exists());

    let missing = refusal_of(&["evaluate", "--model", "nowhere.picket", "--data", &rows]);
    assert_says(&missing, &["nowhere.picket", "cannot be read"]);
    let not_a_model = refusal_of(&["inspect", &rows]);
    assert_says(&not_a_model, &["rows.csv", "not a model file"]);
    let wrong_schema = bench.write("wrong.toml", "name = 3");
    let refusal = refusal_of(&[
        "train",
        "--data",
        &rows,
        "--schema",
        text(&wrong_schema),
        "--out",
        "x",
    ]);
    assert_says(&refusal, &["wrong.toml", "not a feature schema", "line 1"]);
    let nowhere = bench.path("no/such/dir/m.picket");
    let refusal = run(&[
        "train",
        "--data",
        &rows,
        "--schema",
        text(&schema),
        "--out",
        text(&nowhere),
        "--model",
        "tree",
    ]);
    assert_eq!(refusal.status.code(), Some(2));
    assert_says(
        &String::from_utf8_lossy(&refusal.stderr),
        &["m.picket", "cannot be written"],
    );
}

#[test]
fn linfas_tree_says_what_it_cannot_learn_from() {
    let bench = Bench::new(60);
    let mut rows = bench.rows_text();
    let first = rows.find('\n').unwrap() + 1;
    let comma = rows[first..].find(',').unwrap();
    rows.replace_range(first..first + comma, "");
    let (data, schema) = (bench.write("gap.csv", rows), schema("phishing.toml"));
    let refusal = refusal_of(&[
        "train",
        "--data",
        text(&data),
        "--schema",
        text(&schema),
        "--out",
        "x",
        "--model",
        "tree",
        "--learner",
        "linfa",
    ]);
    assert_says(&refusal, &["\"having_IP_Address\"", "missing values"]);
}
