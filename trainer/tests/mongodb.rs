//! Rows into a collection and out of it, on a real server that `cargo xtask test` starts.

#![cfg(feature = "mongodb")]
#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The server, with a name for a database of this test's own; says so where there is none.
fn server(test: &str) -> Option<(String, String)> {
    let Some(uri) = std::env::var("PICKET_MONGODB_URI")
        .ok()
        .filter(|uri| !uri.is_empty())
    else {
        println!("skipped: PICKET_MONGODB_URI is not set; cargo xtask test sets it");
        return None;
    };
    Some((uri, format!("picket_{test}_{}", std::process::id())))
}

fn trainer(folder: &Path, uri: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    command.env_remove("MONGODB_URI").env_remove("MONGO_DB_URL");
    if let Some(uri) = uri {
        command.env("MONGO_DB_URL", uri);
    }
    command.output().unwrap()
}

#[track_caller]
fn stdout(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn schema() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/schemas/phishing.toml")
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The bytes of the model trained from the source that the options say.
fn model(folder: &Path, uri: &str, source: &[&str]) -> Vec<u8> {
    let (out, schema) = (folder.join("m.picket"), schema());
    let base = [
        "train",
        "--schema",
        text(&schema),
        "--model",
        "logistic",
        "--out",
        text(&out),
        "--json",
    ];
    stdout(&trainer(folder, Some(uri), &[&base, source].concat()));
    std::fs::read(out).unwrap()
}

/// Sampled rows, 1,300 of them: more than are sent at a time. Some are equal.
fn sampled(folder: &Path) -> PathBuf {
    let rows = folder.join("rows.csv");
    let arguments = [
        "sample",
        "--rows",
        "1300",
        "--seed",
        "4",
        "--out",
        text(&rows),
    ];
    stdout(&trainer(folder, None, &arguments));
    rows
}

#[test]
fn pushing_again_adds_nothing_and_reading_gives_the_same_model() {
    let Some((uri, database)) = server("push") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (rows, schema) = (sampled(dir.path()), schema());
    let push = |rows: &Path| -> Value {
        let arguments = [
            "push-data",
            text(rows),
            "--schema",
            text(&schema),
            "--database",
            &database,
            "--collection",
            "sites",
            "--json",
        ];
        serde_json::from_str(&stdout(&trainer(dir.path(), Some(&uri), &arguments))).unwrap()
    };
    let counts = |value: Value| (value["n_inserted"].as_u64(), value["n_present"].as_u64());
    assert_eq!(counts(push(&rows)), (Some(1300), Some(0)));
    assert_eq!(counts(push(&rows)), (Some(0), Some(1300)));

    // The same rows in another order, with other spellings, and one new row.
    let content = std::fs::read_to_string(&rows).unwrap();
    let mut lines: Vec<String> = content.lines().map(str::to_owned).collect();
    let header = lines.remove(0);
    let doubled = lines[17].clone();
    lines.reverse();
    lines[3] = lines[3].replace(",1,", ",1.0, ").replace(",-1,", ",-1.00,");
    lines.push(doubled);
    let again = dir.path().join("again.csv");
    std::fs::write(&again, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
    assert_eq!(counts(push(&again)), (Some(1), Some(1300)));

    // The new row is the last of its file, and so it is the last that is read.
    let longer = dir.path().join("longer.csv");
    let doubled = content.lines().nth(18).unwrap();
    std::fs::write(&longer, format!("{content}{doubled}\n")).unwrap();
    let from_file = model(dir.path(), &uri, &["--data", text(&longer)]);
    let collection = ["--collection", "sites", "--database", &database];
    assert!(
        model(dir.path(), &uri, &collection) == from_file,
        "other bytes"
    );
}

#[test]
fn a_query_and_a_projection_choose_rows_and_fields() {
    let Some((uri, database)) = server("query") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (rows, schema) = (sampled(dir.path()), schema());
    let arguments = [
        "push-data",
        text(&rows),
        "--schema",
        text(&schema),
        "--database",
        &database,
        "--collection",
        "sites",
    ];
    stdout(&trainer(dir.path(), Some(&uri), &arguments));
    let content = std::fs::read_to_string(&rows).unwrap();
    let is_chosen = |line: &&str| line.starts_with("1,") || line.starts_with("having");
    let chosen: Vec<&str> = content.lines().filter(is_chosen).collect();
    assert!((100..1300).contains(&chosen.len()));
    let filtered = dir.path().join("filtered.csv");
    std::fs::write(&filtered, chosen.join("\n")).unwrap();
    let from_file = model(dir.path(), &uri, &["--data", text(&filtered)]);
    let source = [
        "--collection",
        "sites",
        "--database",
        &database,
        "--query",
        "{\"having_IP_Address\": {\"$gt\": 0}}",
        "--projection",
        "{\"_id\": 0}",
    ];
    assert!(model(dir.path(), &uri, &source) == from_file, "other bytes");

    // A field that the projection leaves out is a missing column, with its name.
    let out = dir.path().join("x");
    let lacking = [
        "train",
        "--schema",
        text(&schema),
        "--out",
        text(&out),
        "--collection",
        "sites",
        "--database",
        &database,
        "--projection",
        "{\"Prefix_Suffix\": 0}",
    ];
    let output = trainer(dir.path(), Some(&uri), &lacking);
    let refusal = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{refusal}");
    assert!(
        refusal.contains("lacks column \"Prefix_Suffix\""),
        "{refusal}"
    );
    let nothing = [
        "train",
        "--schema",
        text(&schema),
        "--out",
        text(&out),
        "--collection",
        "nowhere",
        "--database",
        &database,
    ];
    let output = trainer(dir.path(), Some(&uri), &nothing);
    let refusal = String::from_utf8_lossy(&output.stderr);
    assert!(refusal.contains("found no document"), "{refusal}");
}

/// What a command says that cannot use its server. `uri` goes into a file `.env` of its folder.
fn refusal(uri: &str) -> String {
    let (dir, schema) = (tempfile::tempdir().unwrap(), schema());
    std::fs::write(
        dir.path().join(".env"),
        format!("# secret\nMONGODB_URI=\"{uri}\"\n"),
    )
    .unwrap();
    let arguments = [
        "train",
        "--schema",
        text(&schema),
        "--out",
        "m.picket",
        "--collection",
        "sites",
        "--database",
        "db",
    ];
    let output = trainer(dir.path(), None, &arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(output.stdout.is_empty());
    text
}

#[test]
fn a_server_that_is_not_there_is_named_without_the_password() {
    let text =
        refusal("mongodb://reader:s3cr%40t-word@127.0.0.1:9/db?serverSelectionTimeoutMS=300");
    assert!(
        text.contains("MongoDB db.sites: at mongodb://127.0.0.1:9: "),
        "{text}"
    );
    for secret in ["s3cr", "t-word"] {
        assert!(!text.contains(secret), "{text}");
    }
    let broken = refusal("mongodb://reader:s3cr/t-word@127.0.0.1:9/db");
    assert!(
        !broken.contains("s3cr") && !broken.contains("word"),
        "{broken}"
    );
    let none = refusal("");
    assert!(
        none.contains("MONGO_DB_URL") && none.contains(".env"),
        "{none}"
    );
}

#[test]
fn a_wrong_password_is_refused_and_not_shown() {
    let Some((uri, _)) = server("password") else {
        return;
    };
    let (scheme, rest) = uri.split_once("://").unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let text = refusal(&format!("{scheme}://reader:wr0ng-w0rd@{host}"));
    assert!(!text.contains("wr0ng-w0rd"), "{text}");
    assert!(text.contains("MongoDB db.sites"), "{text}");
}
