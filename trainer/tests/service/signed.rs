//! Promotions and rollbacks by the API where promotions are signed: with keys as the commands make them, without refused.

use std::path::Path;

use picket_access::audit;
use picket_schema::release::{Envelope, KeySet, LogMark, Revocations, Trust};
use picket_trainer::{
    Learner, LogisticSettings, Reporter, TrainOptions, phishing_schema, synthetic_rows, train,
};
use serde_json::Value;

use crate::bench::Bench;
use crate::client::{Answer, Client};
use crate::process::{Process, run};

struct Scene {
    bench: Bench,
    admin: String,
}

impl Scene {
    /// A store with two signed releases, of which the first was promoted by a key, and a third that is not signed.
    fn new() -> Self {
        let bench = Bench::small();
        let scene = Self {
            admin: String::new(),
            bench,
        };
        Scene::done(&["keygen", "--out", &scene.text("keys")]);
        for number in 1..=3_u32 {
            let data = synthetic_rows(&phishing_schema().unwrap(), 200, 1).unwrap();
            let settings = LogisticSettings {
                l1: 0.0,
                l2: f64::from(number),
            };
            let options = TrainOptions::new(Learner::Logistic(settings));
            let bytes = train(&data, &options, Reporter::Silent).unwrap().bytes;
            let model = scene.text(&format!("{number}.picket"));
            std::fs::write(&model, bytes).unwrap();
            let (store, key) = (scene.text("store"), scene.key());
            let publish = ["publish", "--model", &model, "--to", &store];
            let more: &[&str] = match number {
                1 => &["--promote", "--key", &key],
                2 => &["--key", &key],
                _ => &[],
            };
            Scene::done(&[&publish[..], more].concat());
        }
        let state = scene.text("state");
        let add = ["token", "add", "ada", "--role", "admin", "--state", &state];
        let admin = Scene::done(&add).trim().to_owned();
        Self { admin, ..scene }
    }

    fn text(&self, name: &str) -> String {
        self.bench.path(name).display().to_string()
    }

    fn key(&self) -> String {
        self.text("keys/signing-key.json")
    }

    fn trusted(&self) -> String {
        self.text("keys/trusted-keys.json")
    }

    #[track_caller]
    fn done(arguments: &[&str]) -> String {
        let (code, said, wrong) = run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {wrong}");
        said
    }

    fn serve_arguments(&self, signing: &[&str]) -> Vec<String> {
        let mut arguments = self.bench.work_arguments();
        let pipeline = self.bench.pipeline().display().to_string();
        arguments.extend(["--pipeline".to_owned(), pipeline, "--no-work".to_owned()]);
        arguments.extend(signing.iter().map(|it| (*it).to_owned()));
        arguments
    }

    fn serve(&self, signing: &[&str]) -> (Process, Client) {
        let (process, url) = Process::serve(&self.serve_arguments(signing), None);
        (process, Client::new(&url, Some(&self.admin)))
    }

    /// What a service says that does not start.
    fn refuses_to_start(&self, signing: &[&str]) -> String {
        let arguments = self.serve_arguments(signing);
        let arguments = arguments.iter().map(String::as_str);
        let listen = ["serve", "--listen", "127.0.0.1:0"];
        let (code, _, said) = run(&listen.into_iter().chain(arguments).collect::<Vec<_>>());
        assert_eq!(code, Some(2), "{signing:?}: {said}");
        said
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.bench.path("store").join(name)).unwrap()
    }

    /// What an edge that has seen nothing yet takes, by its own rules.
    fn edge_takes(&self, release: u64) {
        let keys = std::fs::read(self.trusted()).unwrap();
        let keys = KeySet::from_trusted_json(&keys).unwrap();
        let pointer: Value = serde_json::from_slice(&self.read("channels/champion.json")).unwrap();
        assert_eq!(pointer["release"], release);
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let trust = Trust {
            keys: &keys,
            now,
            high_water: None,
            revoked: &Revocations::default(),
            schema: None,
        };
        let envelope = self.read(&format!("releases/{release}/release.dsse.json"));
        let verified = trust.manifest(&envelope, Some(release)).unwrap();
        let head = LogMark::of_head(&self.read("log/head.dsse.json"), &keys, None).unwrap();
        head.check(release, verified.high_water().payload).unwrap();
        let bytes = self.read(&format!("releases/{release}/model.picket"));
        verified.with_artifact(&bytes).unwrap();
    }
}

/// A conflict that says what to do.
#[track_caller]
fn assert_conflict(answer: &Answer, words: &[&str]) {
    assert_eq!(answer.status, 409, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    let detail = problem["detail"].as_str().unwrap();
    for word in words {
        assert!(detail.contains(word), "{word}: {detail}");
    }
}

#[test]
fn a_service_with_keys_signs_what_an_admin_decides_and_one_without_refuses() {
    let scene = Scene::new();
    let log_before = std::fs::read_dir(scene.bench.path("store/log"))
        .unwrap()
        .count();
    {
        let (_process, client) = scene.serve(&[]);
        let option = ["trainer serve --key", "--trusted-keys"];
        assert_conflict(&client.post("/models/2/promote", "", ""), &option);
        assert_conflict(&client.post("/models/1/rollback", "", ""), &option);
        let models = client.get("/models").json();
        assert_eq!(
            (&models["champion"], &models["releases"][3]),
            (&1.into(), &Value::Null)
        );
    }
    let log_after = std::fs::read_dir(scene.bench.path("store/log"))
        .unwrap()
        .count();
    assert_eq!(log_before, log_after, "a refusal leaves nothing behind");
    scene.edge_takes(1);

    let (key, trusted) = (scene.key(), scene.trusted());
    let signing = [
        "--key",
        &key,
        "--trusted-keys",
        &trusted,
        "--valid-days",
        "7",
    ];
    let (_process, client) = scene.serve(&signing);
    assert_eq!(client.post("/models/2/promote", "", "").status, 200);
    scene.edge_takes(2);
    // Signed by nobody: as the command says.
    let unsigned = client.post("/models/3/promote", "", "");
    assert_conflict(&unsigned, &["release 3 is not signed", "trainer sign"]);
    scene.edge_takes(2);
    let back = client.post("/models/1/rollback", "", "");
    assert_eq!(
        (back.status, &back.json()["release"]),
        (200, &4.into()),
        "{back:?}"
    );
    scene.edge_takes(4);
    assert_eq!(
        scene.read("releases/4/model.picket"),
        scene.read("releases/1/model.picket")
    );
    let envelope = Envelope::from_json(&scene.read("releases/4/release.dsse.json")).unwrap();
    let manifest: Value = serde_json::from_slice(envelope.unverified_payload()).unwrap();
    let days = manifest["expires"].as_u64().unwrap() - manifest["not_before"].as_u64().unwrap();
    assert_eq!((days, &manifest["parent"]), (7 * 86_400, &2.into()));
    assert_audited(
        &scene,
        envelope.signers().next().unwrap().to_string().as_str(),
    );

    let store = scene.text("store");
    let verify = [
        "releases",
        "--at",
        &store,
        "--verify",
        "--json",
        "--trusted-keys",
        &trusted,
    ];
    let verified: Value = serde_json::from_str(&Scene::done(&verify)).unwrap();
    assert_eq!(verified["head_release"], 4, "{verified}");
    // Three for release 1, two for 2, one without a signature for 3, the promotion of 2, three for the rollback.
    assert_eq!(
        (&verified["n_entries"], &verified["n_signed"]),
        (&10.into(), &9.into())
    );

    // After a rotation that takes its key away the service signs nothing more that no edge would follow.
    Scene::done(&["keygen", "--out", &scene.text("others")]);
    let (other, others) = (
        scene.text("others/signing-key.json"),
        scene.text("others/trusted-keys.json"),
    );
    std::fs::create_dir(scene.bench.path("store/keys")).unwrap();
    let out = scene.text("store/keys/2.dsse.json");
    Scene::done(&[
        "rotate-keys",
        "--trusted-keys",
        &trusted,
        "--with",
        &others,
        "--key",
        &key,
        "--key",
        &other,
        "--out",
        &out,
    ]);
    assert_conflict(&client.post("/models/2/rollback", "", ""), &["key set 2"]);
    assert!(!scene.bench.path("store/releases/5").exists());
}

/// Each decision stands in the audit log with who made it, what came of it and whose keys have signed it.
fn assert_audited(scene: &Scene, key: &str) {
    let place = scene.bench.state().join("audit.jsonl");
    audit::verify(&place).unwrap();
    let text = std::fs::read_to_string(place).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("\"model."))
        .collect();
    // Two refusals without keys, a promotion, a refusal, a rollback.
    assert_eq!(lines.len(), 5, "{text}");
    for (line, action, is_done) in [
        (lines[0], "model.promote", false),
        (lines[1], "model.rollback", false),
        (lines[2], "model.promote", true),
        (lines[3], "model.promote", false),
        (lines[4], "model.rollback", true),
    ] {
        assert!(line.contains(action) && line.contains("\"ada\""), "{line}");
        assert_eq!(line.contains("\"done\""), is_done, "{line}");
        assert_eq!(line.contains("\"refused\""), !is_done, "{line}");
        assert_eq!(
            line.contains("signed_by") && line.contains(key),
            is_done,
            "{line}"
        );
    }
    assert!(lines[4].contains("\"champion\":\"4\"") && lines[4].contains("\"release\":\"1\""));
}

#[test]
fn keys_that_could_not_sign_are_told_at_the_start() {
    let bench = Bench::small();
    let scene = Scene {
        admin: String::new(),
        bench,
    };
    for folder in ["keys", "others"] {
        Scene::done(&["keygen", "--out", &scene.text(folder)]);
    }
    let (key, trusted) = (scene.key(), scene.trusted());
    let other = scene.text("others/signing-key.json");
    let said = scene.refuses_to_start(&["--key", &key]);
    assert!(said.contains("--trusted-keys"), "{said}");
    let said = scene.refuses_to_start(&["--key", &other, "--trusted-keys", &trusted]);
    assert!(
        said.contains("others/signing-key.json") && said.contains("not in key set 1"),
        "{said}"
    );
    let said = scene.refuses_to_start(&[
        "--key",
        &scene.text("none.json"),
        "--trusted-keys",
        &trusted,
    ]);
    assert!(said.contains("none.json"), "{said}");
    // Two keys of which both must sign.
    let sets = ["keys", "others"].map(|folder| {
        let bytes = std::fs::read(scene.bench.path(folder).join("trusted-keys.json")).unwrap();
        KeySet::from_trusted_json(&bytes).unwrap().keys()[0]
    });
    let both = KeySet::new(1, 2, sets.to_vec()).unwrap();
    let both_place = scene.text("both.json");
    std::fs::write(&both_place, both.to_json().unwrap()).unwrap();
    let said = scene.refuses_to_start(&["--key", &key, "--trusted-keys", &both_place]);
    assert!(
        said.contains("found 1") && said.contains("expected 2"),
        "{said}"
    );
    expose(Path::new(&key));
    let said = scene.refuses_to_start(&["--key", &key, "--trusted-keys", &trusted]);
    assert!(
        said.contains("mode 644") && said.contains("expected mode 600"),
        "{said}"
    );
    assert!(!scene.bench.state().exists(), "nothing was opened");
    let seed = std::fs::read_to_string(&key).unwrap();
    let seed = seed
        .split('"')
        .find(|part| part.len() == 64)
        .unwrap()
        .to_owned();
    assert!(!said.contains(&seed), "a key is never shown");
}

fn expose(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
}
