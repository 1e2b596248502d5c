//! Labelled rows as files: in which forms, and of which schemas.

use crate::scene::{Scene, trainer};
#[cfg(feature = "parquet")]
use crate::{
    now_days,
    scene::{DAY, NOW, parsed},
};
#[cfg(feature = "parquet")]
use serde_json::json;

/// The rows as Parquet are those as CSV, to whatever reads them.
#[cfg(feature = "parquet")]
#[test]
fn labelled_rows_come_as_parquet_too() {
    let scene = Scene::new();
    scene.fill_folder();
    let days = (now_days() - NOW / DAY + 3).to_string();
    let ingest = |out: &str| {
        let arguments = [
            "ingest",
            "--feedback",
            "--store",
            "store",
            "--model",
            "m.picket",
            "--days",
            &days,
            "--out",
            out,
            "--json",
        ];
        parsed(&trainer(scene.path(), &arguments))
    };
    assert_eq!(ingest("field.csv"), ingest("field.parquet"));
    let bytes = std::fs::read(scene.path().join("field.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    ingest("again.PARQUET");
    let again = std::fs::read(scene.path().join("again.PARQUET")).unwrap();
    assert_eq!(again, bytes, "the same records give the same file");
    let evaluated = ["field.csv", "field.parquet"].map(|data| {
        let arguments = ["evaluate", "--model", "m.picket", "--data", data, "--json"];
        let mut evaluated = parsed(&trainer(scene.path(), &arguments));
        evaluated["data"] = json!(null);
        evaluated
    });
    assert!(evaluated[0].to_string().contains("99"), "{}", evaluated[0]);
    assert_eq!(evaluated[0]["metrics"], evaluated[1]["metrics"]);
    // A pseudonym can be found in the CSV alone; the file is written anew instead.
    let erase = [
        "erase",
        "--pseudonym",
        &"a".repeat(32),
        "--rows",
        "field.parquet",
        "--audit",
        "audit.jsonl",
    ];
    let refused = trainer(scene.path(), &erase);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("write a Parquet file anew"), "{said}");
}

/// A bucket does not tell the text that it was made of.
#[test]
fn rows_with_hashed_features_are_not_joined_back() {
    let scene = Scene::new();
    scene.fill_folder();
    let schema = "name = \"pages\"\n[label]\nname = \"Result\"\n\
        positive = { name = \"phishing\", values = [\"1\"] }\nnegative = { name = \"legitimate\", values = [\"0\"] }\n\
        [[features]]\nname = \"length\"\ndomain = { range = [0, 9] }\n[[features]]\nname = \"host\"\ndomain = { hashed = 64 }\n";
    std::fs::write(scene.path().join("hashed.toml"), schema).unwrap();
    let arguments = [
        "ingest",
        "--feedback",
        "--store",
        "store",
        "--schema",
        "hashed.toml",
        "--out",
        "field.csv",
    ];
    let refused = trainer(scene.path(), &arguments);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("no hashed feature") && said.contains("\"host\""),
        "{said}"
    );
    assert!(!scene.path().join("field.csv").exists());
}
