//! The commands, as a user types them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::models;

/// Exit code, standard output and standard error.
fn trainer(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn json(arguments: &[&str], variables: &[(&str, &str)]) -> Value {
    let (code, stdout, stderr) = trainer(arguments, variables);
    assert_eq!(code, 0, "{arguments:?}: {stderr}");
    serde_json::from_str(&stdout).unwrap()
}

/// A run's directory with a record and a model.
fn write_run(dir: &Path, model: usize) {
    std::fs::create_dir_all(dir.join("model")).unwrap();
    std::fs::write(dir.join("model/model.picket"), &models()[model]).unwrap();
    let record = serde_json::json!({
        "run_id": format!("run-{model}"),
        "name": "nightly",
        "state": "finished",
        "seed": 7,
        "code_version": "0.1.0",
        "stages": [{ "name": "search", "state": "finished", "seconds": 1.5 }, { "name": "a", "seconds": 2.0 }],
        "metrics": [{ "name": "f1", "value": 0.9 + 0.01 * model as f64, "low": 0.88, "high": 0.93 }],
        "outcome": { "accepted": model == 1, "verdict": if model == 1 { "accept" } else { "not-enough-evidence" }, "reason": "so it is" },
        "a field of later": [1, 2],
    });
    std::fs::write(dir.join("run.json"), record.to_string()).unwrap();
}

fn whole_way(destination: &str, variables: &[(&str, &str)]) {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("20260101T000000Z");
    write_run(&run, 0);
    let run = run.to_str().unwrap();
    let first = json(
        &[
            "publish",
            "--run",
            run,
            "--to",
            destination,
            "--promote",
            "--json",
        ],
        variables,
    );
    assert_eq!(
        (&first["release"], &first["run_id"]),
        (&1.into(), &"run-0".into())
    );
    let model = dir.path().join("m.picket");
    std::fs::write(&model, &models()[1]).unwrap();
    let model = model.to_str().unwrap();
    let second = json(
        &["publish", "--model", model, "--to", destination, "--json"],
        variables,
    );
    assert_eq!(second["champion"], first["artifact"]["digest"]);
    let (code, said, _) = trainer(&["promote", "--to", destination, "2"], variables);
    assert_eq!(code, 0);
    assert!(said.contains("release 2 is the champion"), "{said}");
    let (code, _, said) = trainer(&["promote", "--to", destination, "1"], variables);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("trainer rollback"), "{said}");
    let third = json(&["rollback", "--to", destination, "--json"], variables);
    assert_eq!(third["rollback_to"], 1);
    let listed = json(&["releases", "--at", destination, "--json"], variables);
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[2]["is_champion"], true);
    let (_, table, _) = trainer(&["releases", "--at", destination], variables);
    assert_eq!(table.lines().count(), 3);
    assert!(
        table.lines().nth(2).unwrap().contains("rollback to 1"),
        "{table}"
    );
}

#[test]
fn a_directory_by_commands() {
    let dir = tempfile::tempdir().unwrap();
    whole_way(dir.path().join("store").to_str().unwrap(), &[]);
}

#[cfg(feature = "s3")]
#[test]
fn a_bucket_by_commands_and_variables() {
    use crate::bucket_server::{BucketServer, KEY, SECRET};
    let server = BucketServer::start();
    let endpoint = server.endpoint();
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    whole_way("s3://models/by-command", &variables);
}

/// With a key at hand every promotion is signed: by then none goes without.
#[test]
fn promotions_are_signed_where_a_key_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (store, keys) = (path("store"), path("keys"));
    let (key, trusted) = (
        format!("{keys}/signing-key.json"),
        format!("{keys}/trusted-keys.json"),
    );
    let run = |arguments: &[&str]| trainer(arguments, &[]);
    assert_eq!(run(&["keygen", "--out", &keys]).0, 0);
    let models = [0, 1].map(|model| {
        let file = path(&format!("{model}.picket"));
        std::fs::write(&file, &models()[model]).unwrap();
        file
    });
    let publish = ["publish", "--to", &store, "--model"];
    let signed = [&publish[..], &[&models[0], "--promote", "--key", &key]].concat();
    assert_eq!(run(&signed).0, 0);
    assert_eq!(run(&[&publish[..], &[&models[1]]].concat()).0, 0);
    // Neither unsigned nor signed of what is not: no edge would follow.
    let (code, _, said) = run(&["promote", "--to", &store, "2"]);
    assert!(code == 2 && said.contains("--key"), "{code} {said}");
    let (code, _, said) = run(&["promote", "--to", &store, "2", "--key", &key]);
    assert!(code == 2 && said.contains("trainer sign"), "{code} {said}");
    let (code, _, said) = run(&["rollback", "--to", &store]);
    assert!(code == 2 && said.contains("--key"), "{code} {said}");
    let sign = ["sign", "--to", &store, "--release", "2", "--key", &key];
    assert_eq!(run(&sign).0, 0);
    let (code, _, said) = run(&["promote", "--to", &store, "2", "--key", &key]);
    assert_eq!(code, 0, "{said}");
    let (code, said, _) = run(&["rollback", "--to", &store, "--key", &key]);
    assert!(code == 0 && said.contains("release 3"), "{said}");
    let verify = [
        "releases",
        "--at",
        &store,
        "--verify",
        "--json",
        "--trusted-keys",
    ];
    let verified = json(&[&verify[..], &[&trusted]].concat(), &[]);
    assert_eq!(verified["head_release"], 3, "{verified}");
    // Publish, sign and promote of 1; publish, sign and promote of 2; rollback, sign and promote of 3.
    assert_eq!(
        (&verified["n_entries"], &verified["n_signed"]),
        (&9.into(), &8.into()),
        "all but the publishing without a key"
    );
    // An edge's rules, on what lies there.
    let set = std::fs::read(&trusted).unwrap();
    let set = picket_schema::release::KeySet::from_trusted_json(&set).unwrap();
    let read = |name: &str| std::fs::read(dir.path().join("store").join(name)).unwrap();
    let mark = picket_schema::release::LogMark::of_head(&read("log/head.dsse.json"), &set, None);
    let envelope = read("releases/3/release.dsse.json");
    let envelope = picket_schema::release::Envelope::from_json(&envelope).unwrap();
    let payload = picket_schema::release::PayloadDigest::of(envelope.unverified_payload());
    mark.unwrap().check(3, payload).unwrap();
    std::fs::copy(
        path("store/log/3/entry.dsse.json"),
        path("store/log/head.dsse.json"),
    )
    .unwrap();
    let (code, _, said) = run(&[&verify[..], &[&trusted]].concat());
    assert!(code != 0 && said.contains("head.dsse.json"), "{said}");
}

#[test]
fn runs_are_listed_and_compared() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (
        dir.path().join("20260101T000000Z"),
        dir.path().join("20260102T000000Z"),
    );
    write_run(&a, 0);
    write_run(&b, 1);
    std::fs::create_dir(dir.path().join("no run")).unwrap();
    let folder = dir.path().to_str().unwrap();
    let (code, table, _) = trainer(&["runs", "--dir", folder], &[]);
    assert_eq!(code, 0);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    for shown in [
        "20260102T000000Z",
        "finished",
        "3.5 s",
        "0.9100",
        "accepted",
    ] {
        assert!(lines[2].contains(shown), "{shown}: {table}");
    }
    assert_eq!(
        json(&["runs", "--dir", folder, "--json"], &[])
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let (a, b) = (a.to_str().unwrap(), b.to_str().unwrap());
    let (code, table, _) = trainer(&["compare", a, b], &[]);
    assert_eq!(code, 0);
    assert!(
        table.contains("* l2") && table.contains("+0.0100"),
        "{table}"
    );
    let compared = json(&["compare", a, b, "--json"], &[]);
    let parameters = compared["parameters"].as_array().unwrap();
    let l2 = parameters.iter().find(|one| one["name"] == "l2").unwrap();
    assert_eq!((l2["a"].as_str(), l2["b"].as_str()), (Some("1"), Some("2")));
    assert_eq!(compared["metrics"][0]["a"]["value"], 0.9);
    // Two models, by their files.
    let models: Vec<String> = [a, b]
        .iter()
        .map(|dir| format!("{dir}/model/model.picket"))
        .collect();
    let compared = json(&["compare", &models[0], &models[1], "--json"], &[]);
    assert_eq!(
        compared["notes"].as_array().unwrap().len(),
        0,
        "the same rows"
    );
    assert!(compared["metrics"].as_array().unwrap().len() > 3);

    let (code, _, said) = trainer(&["compare", folder, b], &[]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("run.json"), "{said}");
}
