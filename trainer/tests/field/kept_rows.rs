//! Models that keep training rows, held against the rows of a subject.

use picket_schema::record::Pseudonyms;
use serde_json::{Value, json};

use crate::scene::{KEY, Scene, id, parsed, stdout, trainer};

/// A machine reads a missing value as its fill: a row that is stored filled is still the subject's.
fn assert_filled_rows_are_found(svm: &[u8]) {
    use picket_schema::artifact::{ModelTable, PackedRows, Transform};
    let mut artifact = picket_schema::Artifact::decode(svm).unwrap();
    artifact.transform = Transform(Vec::new());
    let n_features = artifact.schema.n_features();
    let ModelTable::Kernel(table) = &mut artifact.model else {
        panic!("a machine is expected");
    };
    // Without the transform the columns are the features.
    assert_eq!(table.rows.n_columns(), n_features);
    let fill = table.iter_fills().next().unwrap();
    let mut row = vec![1.0; n_features];
    row[0] = fill;
    table.rows = PackedRows::pack(n_features, &row);
    row[0] = f32::NAN;
    let mut subject = picket_trainer::erase::SubjectRows::default();
    subject.insert(&row);
    assert_eq!(subject.n_equal(&artifact), 1);
    row[1] = -1.0;
    let mut other = picket_trainer::erase::SubjectRows::default();
    other.insert(&row);
    assert_eq!(other.n_equal(&artifact), 0);
}

/// Takes a value out of every seventh row.
fn leave_some_values_out(file: &std::path::Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().enumerate().map(|(number, line)| {
        let (first, rest) = line.split_once(',').unwrap();
        let first = if number % 7 == 1 { "" } else { first };
        format!("{first},{rest}\n")
    });
    std::fs::write(file, lines.collect::<String>()).unwrap();
}

/// Ann's rows are all that the models have learned from, carl's is none of them, dora's were recorded without features.
#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story: the models, then three subjects in turn"
)]
fn models_that_keep_a_row_of_the_subject_are_named() {
    let mut scene = Scene::new();
    let folder = scene.path().to_owned();
    leave_some_values_out(&folder.join("rows.csv"));
    let mut rows = csv::Reader::from_path(folder.join("rows.csv")).unwrap();
    let bytes = std::fs::read(folder.join("m.picket")).unwrap();
    let artifact = picket_schema::Artifact::decode(&bytes).unwrap();
    let header = rows.headers().unwrap().clone();
    let features = &artifact.schema.features;
    let columns: Vec<usize> = features
        .iter()
        .map(|feature| header.iter().position(|it| it == feature.name).unwrap())
        .collect();
    let template = scene.records[0].clone();
    let pseudonyms = Pseudonyms::new(KEY.as_bytes()).unwrap();
    let mut number = 0;
    let mut record = |name: &str, row: Value| {
        number += 1;
        let mut record = template.clone();
        record["id"] = json!(id(8, number));
        record["source"] = json!(pseudonyms.of(name.as_bytes()));
        record["features"] = row;
        if record["features"].is_null() {
            record.as_object_mut().unwrap().remove("features");
        }
        record
    };
    let mut records = Vec::new();
    for row in rows.records() {
        let row = row.unwrap();
        let values: Vec<Option<f32>> = columns.iter().map(|it| row[*it].parse().ok()).collect();
        records.push(record("ann", json!(values)));
    }
    records.push(record("carl", json!(vec![0.5; 30])));
    records.push(record("dora", Value::Null));
    scene.records = records;
    scene.fill_folder();
    for (kind, more) in [
        ("knn", &[][..]),
        ("svm-rbf", &["--scale", "standard", "--encode", "one-hot"]),
        ("logistic", &["--impute", "knn"]),
    ] {
        let file = format!("{kind}.picket");
        scene.train_with(kind, &file, more);
        let publish = ["publish", "--model", &file, "--to", "releases"];
        stdout(&trainer(&folder, &publish));
    }
    std::fs::create_dir_all(folder.join("runs/one/model")).unwrap();
    let run = json!({"run_id": "one", "name": "one", "state": "finished", "seed": 1, "code_version": "0", "stages": []});
    std::fs::write(folder.join("runs/one/run.json"), run.to_string()).unwrap();
    std::fs::copy(
        folder.join("knn.picket"),
        folder.join("runs/one/model/model.picket"),
    )
    .unwrap();
    stdout(&trainer(&folder, &["keygen", "--out", "keys"]));
    let erase = |name: &str, more: &[&str]| {
        let arguments = [
            "erase",
            "--subject",
            name,
            "--pseudonym-key",
            "pseudonym.key",
            "--store",
            "store",
            "--release-store",
            "releases",
            "--runs",
            "runs",
            "--key",
            "keys/signing-key.json",
            "--audit",
            "audit.jsonl",
            "--fail-on-match",
        ];
        trainer(&folder, &[&arguments[..], more].concat())
    };
    // Nothing to compare; nothing equal; and every row that is kept.
    let dora = parsed(&erase("dora", &["--json"]));
    assert_eq!(dora["n_subject_rows"], 0);
    let carl = parsed(&erase("carl", &["--json"]));
    assert_eq!(
        (&carl["n_subject_rows"], &carl["train_anew"]),
        (&json!(1), &json!([]))
    );
    for (done, n_equal) in [(&dora, Value::Null), (&carl, json!(0))] {
        let kept = done["models_with_rows"].as_array().unwrap();
        assert_eq!(kept.len(), 4, "{kept:?}");
        assert!(kept.iter().all(|it| it["n_equal"] == n_equal), "{kept:?}");
    }
    let done = erase("ann", &["--json"]);
    assert_eq!(done.status.code(), Some(3), "{done:?}");
    let ann: Value = serde_json::from_slice(&done.stdout).unwrap();
    let kept = ann["models_with_rows"].as_array().unwrap();
    let what = |it: &Value| it["what"].as_str().unwrap().to_owned();
    assert_eq!(
        kept.iter().map(what).collect::<Vec<_>>(),
        [
            "nearest neighbours",
            "support vectors",
            "imputation by neighbours",
            "nearest neighbours"
        ]
    );
    assert_eq!(
        (&kept[0]["release"], &kept[3]["n_equal"]),
        (&json!(1), &kept[0]["n_equal"])
    );
    assert!(kept[3]["run"].as_str().unwrap().contains("model.picket"));
    // A model keeps each distinct row once; ann's are those.
    assert_eq!(kept[0]["n_equal"], ann["n_subject_rows"]);
    for kept in kept {
        assert!(kept["n_equal"].as_u64().unwrap() > 20, "{kept}");
    }
    let bytes = std::fs::read(folder.join("svm-rbf.picket")).unwrap();
    let svm = picket_schema::Artifact::decode(&bytes).unwrap();
    let picket_schema::artifact::ModelTable::Kernel(table) = &svm.model else {
        panic!("a machine is expected");
    };
    assert_eq!(
        kept[1]["n_equal"], table.rows.n_rows,
        "all support vectors, also those with missing values"
    );
    assert_filled_rows_are_found(&bytes);
    assert_eq!(ann["train_anew"].as_array().unwrap().len(), 3, "{ann}");
    let audit = std::fs::read_to_string(folder.join("audit.jsonl")).unwrap();
    let last = audit.lines().last().unwrap();
    let digest = kept[0]["artifact"].as_str().unwrap();
    assert!(
        last.contains("train_anew") && last.contains(digest),
        "{last}"
    );
    // The records are gone, so nothing can be compared again: what was found stands in the audit log.
    let again = parsed(&erase("ann", &["--json"]));
    assert_eq!(again["n_subject_rows"], 0);
}
