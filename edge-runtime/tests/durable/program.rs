//! `edge-runtime` as a child of the test.

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use picket_access::{Role, TokenFile};
use serde_json::Value;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_edge-runtime"))
}

/// The scorer component, where it is built.
pub(crate) fn component() -> Option<PathBuf> {
    let path = std::env::var_os("PICKET_SCORER_COMPONENT").map(PathBuf::from);
    if path.is_none() {
        eprintln!(
            "SKIPPED: PICKET_SCORER_COMPONENT names no component; `cargo xtask build-wasm` builds it"
        );
    }
    path
}

/// Runs `edge-runtime spool` to its end.
pub(crate) fn spool(words: &[&str], folder: &Path) -> Result<Output> {
    let mut command = command();
    command
        .arg("spool")
        .args(words)
        .arg(folder)
        .env_remove("PICKET_SPOOL");
    Ok(command.output()?)
}

/// What a command printed, as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server that listens; killed when dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) origin: String,
    agent: ureq::Agent,
    /// The folder of a collector's token file.
    tokens: Option<tempfile::TempDir>,
}

impl Program {
    /// Starts `serve` with a spool.
    pub(crate) fn serve(component: &Path, spool: &Path, more: &[&str]) -> Result<Self> {
        let model = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../schema/testdata/v1/phishing-tree.picket");
        let mut command = command();
        command
            .arg("serve")
            .arg("--model")
            .arg(model)
            .arg("--component")
            .arg(component)
            .arg("--spool")
            .arg(spool)
            .args(["--upload-longest-wait", "1"])
            .args(more);
        Self::start(command)
    }

    /// Starts `collect` in front of a MongoDB server.
    pub(crate) fn collect(mongodb: &str, token: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("tokens.json");
        TokenFile::update(&path, |tokens| {
            tokens.add_secret("device", Role::Deliver, None, token)
        })?;
        let mut command = command();
        command
            .args(["collect", "--mongodb", mongodb, "--tokens"])
            .arg(&path);
        let mut program = Self::start(command)?;
        program.tokens = Some(folder);
        Ok(program)
    }

    fn start(mut command: Command) -> Result<Self> {
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let Some(origin) = line.trim_end().strip_prefix("listening on ") else {
            let output = child.wait_with_output()?;
            return Err(format!("not started: {}", text(&output.stderr)).into());
        };
        // Read on, so that it is never held up by what it says.
        let errors = child.stderr.take().ok_or("no errors")?;
        std::thread::spawn(move || BufReader::new(errors).lines().for_each(drop));
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .build();
        Ok(Self {
            child,
            origin: origin.to_owned(),
            agent: config.into(),
            tokens: None,
        })
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Result<(u16, Value)> {
        let mut response = self
            .agent
            .post(format!("{}{path}", self.origin))
            .header("content-type", "application/json")
            .send(body)?;
        let body = response.body_mut().read_to_string()?;
        Ok((response.status().as_u16(), serde_json::from_str(&body)?))
    }

    /// Asks for a prediction. Gives its id, or the status where there is none.
    pub(crate) fn predict(&self) -> Result<std::result::Result<String, u16>> {
        let (status, answer) = self.post("/predict", r#"{"features":{"port":-1}}"#)?;
        let id = answer["id"].as_str();
        Ok(id
            .map(str::to_owned)
            .filter(|_| status == 200)
            .ok_or(status))
    }

    pub(crate) fn label(&self, prediction: &str) -> Result<u16> {
        let body = format!(r#"{{"prediction":"{prediction}","label":"phishing"}}"#);
        Ok(self.post("/feedback", &body)?.0)
    }

    pub(crate) fn counts(&self) -> Result<Counts> {
        let mut response = self.agent.get(format!("{}/metrics", self.origin)).call()?;
        Counts::read(&response.body_mut().read_to_string()?)
    }

    /// Waits until nothing is pending.
    pub(crate) fn drained(&self) -> Result<Counts> {
        let start = Instant::now();
        loop {
            let counts = self.counts()?;
            if counts.pending == 0 {
                return Ok(counts);
            }
            if start.elapsed() > Duration::from_mins(1) {
                return Err(format!("still pending: {counts:?}").into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only for a child that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `/metrics` says of the spool; accepted = delivered + pending + dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) delivered: u64,
    pub(crate) pending: u64,
    pub(crate) rejected: u64,
    pub(crate) overflowed: u64,
    /// Damaged and unaccounted.
    pub(crate) lost: u64,
    pub(crate) refused: u64,
}

impl Counts {
    fn read(page: &str) -> Result<Self> {
        let value = |name: &str| -> Result<u64> {
            let name = format!("picket_spool_{name} ");
            let line = page.lines().find_map(|line| line.strip_prefix(&name));
            let line = line.ok_or_else(|| format!("no {name} in /metrics"))?;
            Ok(line.parse()?)
        };
        let dropped = |reason: &str| value(&format!("dropped_total{{reason=\"{reason}\"}}"));
        let counts = Self {
            accepted: value("accepted_total")?,
            delivered: value("delivered_total")?,
            pending: value("pending_records")?,
            rejected: dropped("rejected")?,
            overflowed: dropped("overflowed")?,
            lost: dropped("damaged")? + dropped("unaccounted")?,
            refused: value("refused_total")?,
        };
        let dropped = counts.rejected + counts.overflowed + counts.lost;
        let sum = counts.delivered + counts.pending + dropped;
        if counts.accepted != sum {
            return Err(format!("accepted is not the sum of the others: {counts:?}").into());
        }
        Ok(counts)
    }
}
