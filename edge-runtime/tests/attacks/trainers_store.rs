//! A store that the trainer's own service promotes in, followed by the edge that every attack here is made on.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use picket_edge_runtime::sync::Outcome;
use picket_schema::release::KeySet;

use crate::Tested;
use crate::edge::{Result, Scene};

const KEY: &str = "keys/signing-key.json";

/// The trainer beside these tests: built with them where the whole workspace is.
fn trainer() -> Option<PathBuf> {
    let here = std::env::current_exe().ok()?;
    let place = here.parent()?.parent()?.join("trainer");
    if place.is_file() {
        return Some(place);
    }
    let place = place.display();
    eprintln!("SKIPPED: no {place}; `cargo test --workspace` builds it");
    None
}

fn run(trainer: &Path, folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(trainer);
    let output = command.args(arguments).current_dir(folder).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    Ok(())
}

/// A running service and its address.
struct Service(Child, String);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Service {
    fn start(trainer: &Path, folder: &Path, more: &[&str]) -> Result<Self> {
        let serve = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--pipeline",
            "pipeline.toml",
        ];
        let here = ["--state", "state", "--releases", "store", "--no-work"];
        let mut child = Command::new(trainer)
            .args(serve)
            .args(here)
            .arg("--insecure-local")
            .args(more)
            .env_remove("REDIS_URL")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = child.stdout.take().ok_or("an output")?;
        let mut service = Self(child, String::new());
        BufReader::new(output).read_line(&mut service.1)?;
        Ok(service)
    }

    fn post(&self, path: &str) -> Result<u16> {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = ureq::Agent::new_with_config(config.build());
        let response = agent
            .post(format!("{}{path}", self.1.trim()))
            .send_empty()?;
        Ok(response.status().as_u16())
    }
}

#[test]
fn what_an_admin_promotes_and_rolls_back_by_the_trainers_service_is_served() -> Tested {
    let Some(trainer) = trainer() else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let place = folder.path().to_owned();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/schemas/phishing.toml");
    let schema = schema.display().to_string();
    let done = |arguments: &[&str]| run(&trainer, &place, arguments);
    done(&["keygen", "--out", "keys"])?;
    let rows = ["--rows", "300", "--seed", "4", "--out", "rows.csv"];
    done(&[&["sample"], &rows[..]].concat())?;
    for (number, name, more) in [("1", "model 1", "--promote"), ("2", "model 2", "--json")] {
        let train = ["train", "--data", "rows.csv", "--schema", &schema];
        let model = ["--model", "logistic", "--l2", number, "--name", name];
        done(&[&train[..], &model, &["--out", "m.picket"]].concat())?;
        let publish = ["publish", "--model", "m.picket", "--to", "store"];
        done(&[&publish[..], &[more, "--key", KEY]].concat())?;
    }
    let pipeline = format!("name = \"phishing\"\ndata = \"rows.csv\"\nschema = '{schema}'\n");
    std::fs::write(place.join("pipeline.toml"), pipeline)?;
    let keys = std::fs::read(place.join("keys/trusted-keys.json"))?;
    let keys = KeySet::from_trusted_json(&keys)?;
    let mut edge = Scene::with(folder, keys, place.join("edge"))?;
    edge.require_log = true;
    let now = std::time::UNIX_EPOCH.elapsed()?.as_secs();
    edge.restart(now)?;
    assert_eq!(edge.poll(now)?, Outcome::Activated { release: 1 });
    edge.assert_serves(1);

    // A service without keys changes nothing.
    let unsigned = Service::start(&trainer, &place, &[])?;
    assert_eq!(unsigned.post("/models/2/promote")?, 409);
    drop(unsigned);
    assert_eq!(edge.poll(now)?, Outcome::Confirmed { release: 1 });

    let signing = ["--key", KEY, "--trusted-keys", "keys/trusted-keys.json"];
    let service = Service::start(&trainer, &place, &signing)?;
    assert_eq!(service.post("/models/2/promote")?, 200);
    assert_eq!(edge.poll(now)?, Outcome::Activated { release: 2 });
    edge.assert_serves(2);
    assert_eq!(service.post("/models/1/rollback")?, 200);
    assert_eq!(edge.poll(now)?, Outcome::Activated { release: 3 });
    edge.assert_serves(1);
    assert_eq!(edge.poll(now)?, Outcome::Confirmed { release: 3 });
    Ok(())
}
