//! Records of the field, from a folder and from a real server: looked at, learned from, kept for so long, erased.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

mod drift_counts;
mod equal_rows;
mod erased_rows;
#[cfg(feature = "mongodb")]
mod expiry;
mod folder;
mod kept_rows;
mod labelled_rows;
mod scene;

use picket_schema::record::{Pseudonyms, Record};
use picket_schema::release::{KeySet, SigningKey, Tombstones};
use scene::{DAY, KEY, NOW, Scene, id, parsed, stdout, trainer};
use serde_json::{Value, json};

/// A day starts on a bin: the look sees what the scene says.
fn assert_seen(view: &Value) {
    assert_eq!(view["format"], 1);
    assert_eq!(view["positive_class"], "phishing");
    let volumes = view["volumes"].as_array().unwrap();
    assert_eq!(volumes.len(), 48);
    let first = &volumes[0];
    // Six answers an hour, and the aggregate of node b, whose rows are all threats.
    let n_aggregate = view["drift"][0]["n_reference"].as_u64().unwrap();
    assert_eq!(first["verdicts"]["positive"], 3 + n_aggregate);
    assert_eq!(
        (&first["verdicts"]["negative"], &first["n_labels"]),
        (&json!(3), &json!(7))
    );
    assert_eq!(view["totals"]["n_rows"], 200 + 2 * n_aggregate);
    assert_eq!(view["totals"]["n_nodes"], 3);

    let version = &view["versions"][0];
    assert_eq!(version["is_known"], true);
    let accuracy = &version["accuracy"];
    assert_eq!(
        (&accuracy["n_labelled"], &accuracy["n_uncertain"]),
        (&json!(100), &json!(4))
    );
    assert_eq!(
        (&accuracy["accuracy"]["n"], &accuracy["accuracy"]["of"]),
        (&json!(90), &json!(96))
    );
    // scipy: binomtest(90, 96).proportion_ci(0.95, "wilson")
    let low = accuracy["accuracy"]["low"].as_f64().unwrap();
    let high = accuracy["accuracy"]["high"].as_f64().unwrap();
    assert!(
        (low - 0.870_2).abs() < 5e-4 && (high - 0.971_0).abs() < 5e-4,
        "{low} {high}"
    );
    // The wrong ones are 90 to 95: three threats missed, three false alarms.
    assert_eq!(
        (&accuracy["recall"]["n"], &accuracy["recall"]["of"]),
        (&json!(45), &json!(48))
    );
    assert_eq!(
        (&accuracy["precision"]["n"], &accuracy["precision"]["of"]),
        (&json!(45), &json!(48))
    );
    let bins = version["accuracy_over_time"].as_array().unwrap();
    let sum = |name: &str| {
        bins.iter()
            .map(|it| it["accuracy"][name].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!((sum("n"), sum("of")), (90, 96));
    assert_compared(view);
    assert_drifted(view);
}

fn assert_compared(view: &Value) {
    let shadow = &view["shadows"][0];
    assert_eq!(
        (&shadow["agreement"]["n"], &shadow["agreement"]["of"]),
        (&json!(92), &json!(100))
    );
    let paired = &shadow["paired"];
    assert_eq!(
        (&paired["champion"]["n"], &paired["challenger"]["n"]),
        (&json!(90), &json!(94))
    );
    assert_eq!(
        (
            &paired["test"]["only_first"],
            &paired["test"]["only_second"]
        ),
        (&json!(2), &json!(6))
    );
    // scipy: binomtest(2, 8).pvalue
    assert!((paired["test"]["p_value"].as_f64().unwrap() - 0.289_062_5).abs() < 1e-12);
}

fn assert_drifted(view: &Value) {
    let drift = &view["drift"][0];
    assert_eq!(
        (&drift["n_drifted"], drift["top"].as_array().unwrap().len()),
        (&json!(1), 1)
    );
    let feature = &drift["features"][3];
    assert_eq!(drift["top"][0], feature["column"]);
    let history = feature["history"].as_array().unwrap();
    assert_eq!(
        (
            history.len(),
            &history[0]["has_drifted"],
            &history[1]["has_drifted"]
        ),
        (2, &json!(false), &json!(true))
    );
    assert!(history[0]["psi"].as_f64().unwrap() < 1e-9);
    assert_eq!(drift["scores"]["has_drifted"], false);

    let nodes = view["nodes"].as_array().unwrap();
    assert_eq!(
        (&nodes[0]["node"], &nodes[0]["silent_ms"]),
        (&json!("c"), &json!(DAY))
    );
    assert_eq!(
        nodes[0]["spool"],
        json!({"time_ms": NOW - DAY, "pending": 77, "dropped": 3, "fill": 0.9})
    );
    let labels = &view["labels"];
    assert_eq!(
        (&labels["n_labels"], &labels["n_joined"]),
        (&json!(103), &json!(100))
    );
    assert_eq!(
        (&labels["n_repeated"], &labels["n_conflicting"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn a_folder_is_looked_at_learned_from_and_kept_for_so_long() {
    let scene = Scene::new();
    scene.fill_folder();
    let view = scene.look("store");
    let mut seen = view.clone();
    // The three labels without a node stand under a node of their own.
    seen["totals"]["n_nodes"] = json!(view["totals"]["n_nodes"].as_u64().unwrap() - 1);
    assert_seen(&seen);
    assert_eq!(view["records"]["n_twice"], 1);
    assert_eq!(view["records"]["n_invalid"], json!({"malformed": 1}));
    assert_eq!(
        scene.look("store"),
        view,
        "the same records give the same look"
    );

    let days = (now_days() - NOW / DAY + 3).to_string();
    let ingest = [
        "ingest",
        "--feedback",
        "--store",
        "store",
        "--model",
        "m.picket",
        "--days",
        &days,
        "--out",
        "field.csv",
        "--conflicts",
        "drop",
        "--conflicts-out",
        "conflicts.csv",
        "--json",
    ];
    let counts = parsed(&trainer(scene.path(), &ingest));
    for (name, count) in [
        ("n_rows", 98),
        ("n_without_features", 1),
        ("n_without_prediction", 1),
        ("n_conflicting", 1),
        ("n_dropped_conflicts", 1),
        ("n_other_schema", 0),
        ("n_unknown_class", 0),
    ] {
        assert_eq!(counts[name], count, "{name}: {counts}");
    }
    let conflicts = std::fs::read_to_string(scene.path().join("conflicts.csv")).unwrap();
    assert_eq!(
        conflicts,
        format!("prediction_id,label\n{},\"phishing\"\n", id(1, 4))
    );
    // What was written is what a trainer reads: the rows are of the schema.
    let evaluate = [
        "evaluate",
        "--model",
        "m.picket",
        "--data",
        "field.csv",
        "--json",
    ];
    let evaluated = parsed(&trainer(scene.path(), &evaluate));
    assert!(evaluated.to_string().contains("98"), "{evaluated}");

    // The predictions of node a take 33 hours: a day before the end, 56 are younger.
    let days = ((now_ms() - (NOW - DAY)) / DAY).to_string();
    let n_before = view["records"]["n_records"].as_u64().unwrap();
    let retention = ["retention", "--store", "store", "--days", &days, "--json"];
    let done = parsed(&trainer(scene.path(), &retention));
    assert_eq!(done["expiry"]["state"], "unsupported");
    let left = scene.look("store");
    let n_left = left["records"]["n_records"].as_u64().unwrap();
    assert!(n_left < n_before && n_left > 0);
    // The record that stood there twice goes twice.
    assert_eq!(done["n_deleted"].as_u64().unwrap(), n_before - n_left + 1);
    let again = parsed(&trainer(scene.path(), &retention));
    assert_eq!(again["n_deleted"], 0);
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_millis() as u64
}

fn now_days() -> u64 {
    now_ms() / DAY
}

#[test]
fn alerts_are_raised_after_two_looks_and_told_by_the_exit_code() {
    let scene = Scene::new();
    scene.fill_folder();
    std::fs::write(
        scene.path().join("rules.toml"),
        "[accuracy]\nfloor = 0.98\n[node_silent]\nafter_seconds = 3600\n",
    )
    .unwrap();
    let at = NOW.to_string();
    let arguments = [
        "monitor",
        "--store",
        "store",
        "--model",
        "m.picket",
        "--span",
        "2d",
        "--at",
        &at,
        "--rules",
        "rules.toml",
        "--state",
        "alerts.json",
        "--out",
        "view.json",
        "--fail-on-alert",
    ];
    let first = trainer(scene.path(), &arguments);
    assert_eq!(first.status.code(), Some(0));
    let second = trainer(scene.path(), &arguments);
    assert_eq!(second.status.code(), Some(3), "{second:?}");
    let view: Value =
        serde_json::from_slice(&std::fs::read(scene.path().join("view.json")).unwrap()).unwrap();
    let rules: Vec<&str> = view["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["rule"].as_str().unwrap())
        .collect();
    for rule in ["accuracy", "node_silent", "spool"] {
        assert!(rules.contains(&rule), "{rules:?}");
    }
    assert!(!rules.contains(&"drift") || view["drift"][0]["n_live"].as_u64().unwrap() >= 500);
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains("alert raised: node_silent/c"), "{told}");
    let third = trainer(scene.path(), &arguments);
    let told = String::from_utf8_lossy(&third.stderr).into_owned();
    assert!(
        !told.contains("alert raised"),
        "an alert is told once: {told}"
    );
}

fn erase(scene: &Scene, store: &str) -> Value {
    let folder = scene.path();
    if !folder.join("keys").exists() {
        stdout(&trainer(folder, &["keygen", "--out", "keys"]));
        let publish = |model, more: &[&str]| {
            let base = ["publish", "--model", model, "--to", "releases"];
            stdout(&trainer(folder, &[&base, more].concat()));
        };
        publish("m.picket", &["--promote"]);
        scene.train("knn", "knn.picket");
        publish("knn.picket", &[]);
    }
    let arguments = [
        "erase",
        "--subject",
        "ann",
        "--pseudonym-key",
        "pseudonym.key",
        "--store",
        store,
        "--release-store",
        "releases",
        "--key",
        "keys/signing-key.json",
        "--audit",
        "audit.jsonl",
        "--json",
    ];
    parsed(&trainer(folder, &arguments))
}

/// The pseudonyms of answers that are still in the folder.
fn sources(scene: &Scene) -> Vec<String> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(scene.path().join("store")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines() {
            let record = Record::from_json(line.as_bytes()).ok();
            all.extend(record.and_then(|it| it.source().map(str::to_owned)));
        }
    }
    all
}

#[test]
fn an_erasure_takes_records_leaves_tombstones_and_is_written_down() {
    let scene = Scene::new();
    scene.fill_folder();
    let ann = Pseudonyms::new(KEY.as_bytes()).unwrap().of(b"ann");
    assert!(sources(&scene).contains(&ann));
    let done = erase(&scene, "store");
    // Five predictions, one of them twice, and five shadows; labels of 0 to 4, with one again and one conflicting.
    assert_eq!(done["records"], json!({"n_answers": 11, "n_labels": 7}));
    assert_eq!(
        (&done["tombstones"], &done["models_with_rows"][0]["what"]),
        (&json!(1), &json!("nearest neighbours"))
    );
    assert!(!sources(&scene).contains(&ann));
    assert_eq!(sources(&scene).len(), 195 + 95);

    let folder = scene.path();
    let keys =
        KeySet::from_trusted_json(&std::fs::read(folder.join("keys/trusted-keys.json")).unwrap())
            .unwrap();
    let list = std::fs::read(folder.join("releases/tombstones/1.dsse.json")).unwrap();
    let list = Tombstones::verify(&list, 1, &keys).unwrap();
    assert!(list.covers(&ann, NOW));
    assert_eq!(json!(list.before() * 1000), done["before_ms"]);
    let stranger = KeySet::new(1, 1, vec![SigningKey::from_seed(&[9; 32]).public()]).unwrap();
    assert!(
        Tombstones::verify(
            &std::fs::read(folder.join("releases/tombstones/1.dsse.json")).unwrap(),
            1,
            &stranger
        )
        .is_err()
    );

    let audit = std::fs::read_to_string(folder.join("audit.jsonl")).unwrap();
    assert!(
        audit.contains("subject.erase") && audit.contains(&ann) && !audit.contains("\"ann\""),
        "{audit}"
    );
    // Again is harmless, and written down again.
    let again = erase(&scene, "store");
    assert_eq!(again["records"], json!({"n_answers": 0, "n_labels": 0}));
    assert_eq!(again["tombstones"], 2);
    assert_eq!(
        picket_access::audit::verify(&folder.join("audit.jsonl"))
            .unwrap()
            .n_events,
        2
    );
    // The store's log tells of all of it, and the signed entries vouch for those before.
    let verify = [
        "releases",
        "--at",
        "releases",
        "--verify",
        "--trusted-keys",
        "keys/trusted-keys.json",
        "--json",
    ];
    let verified = parsed(&trainer(folder, &verify));
    assert_eq!(
        (&verified["n_entries"], &verified["signed_up_to"]),
        (&json!(5), &json!(5))
    );
    let entry = folder.join("releases/log/1/entry.json");
    let text = std::fs::read_to_string(&entry).unwrap();
    std::fs::write(&entry, text.replace("publish", "promote")).unwrap();
    let broken = trainer(folder, &verify);
    assert!(!broken.status.success());
    let said = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert!(said.contains("log/2/entry.json"), "{said}");
}

#[cfg(feature = "mongodb")]
#[test]
fn a_server_gives_the_same_look_and_erases_the_same() {
    use mongodb::bson::{self, Document, doc};

    let Some(uri) = std::env::var("PICKET_MONGODB_URI")
        .ok()
        .filter(|it| !it.is_empty())
    else {
        println!("skipped: PICKET_MONGODB_URI is not set; cargo xtask test sets it");
        return;
    };
    let database = format!("picket_field_{}", std::process::id());
    let (base, query) = uri
        .split_once('?')
        .map_or((uri.as_str(), ""), |(base, query)| (base, query));
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    let store = format!("{}/{database}{query}", base.trim_end_matches('/'));
    let scene = Scene::new();
    scene.fill_folder();
    let client = mongodb::sync::Client::with_uri_str(&uri).unwrap();
    let collection = client.database(&database).collection::<Document>("records");
    let documents: Vec<Document> = scene
        .records
        .iter()
        .map(|record| {
            let mut document: Document = serde_json::from_value(record.clone()).unwrap();
            let id = document.remove("id").unwrap();
            document.insert("_id", id);
            let time_ms = record["time_ms"].as_i64().unwrap();
            document.insert("time", bson::DateTime::from_millis(time_ms));
            document
        })
        .collect();
    collection.insert_many(documents).run().unwrap();
    collection
        .insert_one(doc! {"_id": "x", "kind": "label", "time_ms": (NOW - 5).cast_signed()})
        .run()
        .unwrap();

    let (mut of_folder, mut of_server) = (scene.look("store"), scene.look(&store));
    assert_eq!(of_server["records"]["n_invalid"], json!({"malformed": 1}));
    assert!(!of_server["store"].as_str().unwrap().contains('@'));
    for view in [&mut of_folder, &mut of_server] {
        for part in ["store", "records"] {
            view.as_object_mut().unwrap().remove(part);
        }
    }
    assert_eq!(of_folder, of_server);

    let done = erase(&scene, &store);
    assert_eq!(done["records"], json!({"n_answers": 10, "n_labels": 7}));
    let ann = Pseudonyms::new(KEY.as_bytes()).unwrap().of(b"ann");
    assert_eq!(
        collection
            .count_documents(doc! {"source": ann})
            .run()
            .unwrap(),
        0
    );

    let days = ((now_ms() - (NOW - DAY)) / DAY).to_string();
    let retention = ["retention", "--store", &store, "--days", &days, "--json"];
    let done = parsed(&trainer(scene.path(), &retention));
    println!("the server's expiry: {}", done["expiry"]);
    assert!(done["n_deleted"].as_u64().unwrap() > 100, "{done}");
    let again = parsed(&trainer(scene.path(), &retention));
    assert_eq!(
        (&again["n_deleted"], &again["expiry"]),
        (&json!(0), &done["expiry"])
    );
    client.database(&database).drop().run().unwrap();
}

#[test]
fn a_store_that_is_none_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let look = |store: &str| {
        let output = trainer(folder.path(), &["monitor", "--store", store]);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(look("nowhere").contains("nowhere"));
    assert!(look("ftp://u:secret@h").contains("ftp"));
    assert!(!look("ftp://u:secret@h").contains("secret"));
    #[cfg(feature = "mongodb")]
    {
        let said = look("mongodb://u:secret@127.0.0.1:9/x?serverSelectionTimeoutMS=300");
        assert!(!said.contains("secret"), "{said}");
    }
}
