//! Labelled rows as files: in which forms, and of which schemas.

use crate::now_days;
use crate::scene::{DAY, NOW, Scene, id, parsed, trainer};
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
    // A subject goes from both, and both are the same to whatever reads them.
    let pseudonyms = picket_schema::record::Pseudonyms::new(crate::scene::KEY.as_bytes()).unwrap();
    let ann = pseudonyms.of(b"ann");
    let erase = |file: &str| {
        let arguments = [
            "erase",
            "--pseudonym",
            &ann,
            "--rows",
            file,
            "--audit",
            "audit.jsonl",
            "--json",
        ];
        let mut done = parsed(&trainer(scene.path(), &arguments));
        done["before_ms"] = json!(null);
        done
    };
    let done = erase("field.parquet");
    assert_eq!(done["n_rows"], 5, "{done}");
    assert_eq!(done, erase("field.csv"));
    assert_eq!(erase("field.parquet")["n_rows"], 0);
    let left = ["field.csv", "field.parquet"].map(|data| {
        let arguments = ["evaluate", "--model", "m.picket", "--data", data, "--json"];
        parsed(&trainer(scene.path(), &arguments))["metrics"].clone()
    });
    assert_eq!(left[0], left[1]);
    assert_ne!(left[0], evaluated[0]["metrics"]);
}

/// What a record keeps of a hashed text is its bucket, and that is all that a model ever saw of it: rows that come back
/// are those that went.
#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story: the rows, their records, and what comes back"
)]
fn rows_with_hashed_features_come_back_as_their_buckets() {
    use picket_trainer::ingest::{DataSource, Ingest};
    use std::fmt::Write as _;

    let mut scene = Scene::new();
    let text = "name = \"pages\"\n[label]\nname = \"Result\"\n\
        positive = { name = \"phishing\", values = [\"1\"] }\nnegative = { name = \"legitimate\", values = [\"0\"] }\n\
        [[features]]\nname = \"length\"\ndomain = { range = [0, 99] }\n\
        [[features]]\nname = \"host\"\ndomain = { hashed = 64 }\nmissing = \"accept\"\n";
    let schema = picket_schema::FeatureSchema::from_toml(text).unwrap();
    std::fs::write(scene.path().join("hashed.toml"), text).unwrap();
    // The rows as they were, and the records that an edge makes of them.
    let (template, label) = (scene.records[0].clone(), scene.records[2].clone());
    assert_eq!(
        (&template["kind"], &label["kind"]),
        (&json!("prediction"), &json!("label"))
    );
    let mut original = "length,host,Result\n".to_owned();
    scene.records.clear();
    for n in 0..40_u32 {
        // A host whose name looks like a bucket is one of the texts.
        let host = match n {
            3 => String::new(),
            4 => "17".to_owned(),
            _ => format!("host-{n}.example"),
        };
        writeln!(original, "{n},{host},{}", n % 2).unwrap();
        let bucket = schema.features[1].parse_text(&host).unwrap();
        let mut record = template.clone();
        record["id"] = json!(id(6, n));
        record["time_ms"] = json!(NOW - DAY + u64::from(n));
        record["features"] = json!([n as f32, (!bucket.is_nan()).then_some(bucket)]);
        let mut said = label.clone();
        said["id"] = json!(id(7, n));
        said["prediction"] = record["id"].clone();
        said["label"] = json!(if n % 2 == 1 { "phishing" } else { "legitimate" });
        said["time_ms"] = json!(NOW - DAY + 1000);
        scene.records.extend([record, said]);
    }
    // A bucket that there is not.
    let mut other = scene.records[0].clone();
    other["id"] = json!(id(6, 99));
    other["features"] = json!([1.0, 64.0]);
    let mut said = scene.records[1].clone();
    (said["id"], said["prediction"]) = (json!(id(7, 99)), other["id"].clone());
    scene.records.extend([other, said]);
    scene.fill_folder();
    std::fs::write(scene.path().join("original.csv"), original).unwrap();
    let read = |schema: &picket_schema::FeatureSchema, name: &str| {
        let place = scene.path().join(name);
        let read = Ingest::new(schema, &DataSource::file(place.to_str().unwrap())).run();
        read.map(|read| {
            let bits: Vec<u32> = read.values.iter().map(|it| it.to_bits()).collect();
            (bits, read.labels)
        })
    };
    let expected = read(&schema, "original.csv").unwrap();
    let days = (now_days() - NOW / DAY + 3).to_string();
    let ends: &[&str] = if cfg!(feature = "parquet") {
        &["csv", "parquet"]
    } else {
        &["csv"]
    };
    for end in ends {
        let out = format!("field.{end}");
        let arguments = [
            "ingest",
            "--feedback",
            "--store",
            "store",
            "--schema",
            "hashed.toml",
            "--days",
            &days,
            "--out",
            &out,
            "--json",
        ];
        let counts = parsed(&trainer(scene.path(), &arguments));
        assert_eq!(
            (&counts["n_rows"], &counts["n_other_schema"]),
            (&json!(40), &json!(1)),
            "{counts}"
        );
        assert_eq!(read(&schema, &out).unwrap(), expected, "{out}");
        let train = [
            "train",
            "--data",
            &out,
            "--schema",
            "hashed.toml",
            "--model",
            "logistic",
            "--out",
            "hashed.picket",
        ];
        crate::scene::stdout(&trainer(scene.path(), &train));
        // Buckets of another number are not the same buckets.
        let other = picket_schema::FeatureSchema::from_toml(&text.replace("64", "65")).unwrap();
        let error = read(&other, &out).unwrap_err().to_string();
        assert!(error.contains("host"), "{error}");
    }
    let field = std::fs::read_to_string(scene.path().join("field.csv")).unwrap();
    assert!(
        field.starts_with("prediction_id,time_ms,source,length,host#64,Result\n"),
        "{field}"
    );
    for (wrong, words) in [
        ("64", "host#64"),
        ("1.5", "host#64"),
        ("x", "0 to 63"),
        ("-1", "0 to 63"),
    ] {
        let rows = format!("length,host#64,Result\n1,{wrong},1\n");
        std::fs::write(scene.path().join("wrong.csv"), rows).unwrap();
        let error = read(&schema, "wrong.csv").unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    // Texts, where they stand there too, are read as texts; and a feature of that very name is itself.
    let rows = "length,host#64,host,Result\n1,5,host-1.example,1\n";
    std::fs::write(scene.path().join("both.csv"), rows).unwrap();
    let (bits, _) = read(&schema, "both.csv").unwrap();
    assert_eq!(
        bits[1],
        schema.features[1]
            .parse_text("host-1.example")
            .unwrap()
            .to_bits()
    );
}
