//! A service of its own in a fresh folder.

use crate::command;
use crate::http;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TRAINING_LIMIT: Duration = Duration::from_mins(3);
const POLL: Duration = Duration::from_millis(200);

/// A small pipeline over sampled rows.
const PIPELINE: &str = "\
name = \"phishing\"
data = \"rows.csv\"
seed = 4
[search]
folds = 3
blend = false
[[search.candidates]]
model = \"boosting\"
n_trees = [10, 20]
max_depth = 3
[evaluate]
min-f1 = 0.0
max-gap = 1.0
both-splits = false
[publish]
to = \"store\"
allow-unsigned = true
";

/// Builds the trainer as the tests do: fewer packages would mean other features, and all it uses a second time.
pub(crate) fn build_trainer(repo: &Repo) -> Result<PathBuf> {
    command::run(
        repo.cargo()
            .args(["build", "--workspace", "--bins", "--tests"])
            .envs(crate::demo::output_locations(repo)),
    )?;
    Ok(repo.target.join("debug/trainer"))
}

/// A service; it stops when this goes.
pub(crate) struct RunningService {
    child: Child,
    folder: PathBuf,
    url: String,
}

impl RunningService {
    /// Starts one that asks for no tokens, on a free port of this machine, and trains with so many rows; `more` are options
    /// of `trainer serve`.
    pub(crate) fn start(
        repo: &Repo,
        trainer: &Path,
        name: &str,
        n_rows: u32,
        more: &[&str],
    ) -> Result<Self> {
        let folder = repo
            .target
            .join(format!("service/{name}-{}", std::process::id()));
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let schema = repo.root.join("schema/schemas/phishing.toml");
        let schema = serde_json::to_string(&schema.display().to_string())?;
        let pipeline = format!("schema = {schema}\n{PIPELINE}");
        std::fs::write(folder.join("pipeline.toml"), pipeline)?;
        command::run(
            repo.command(trainer)
                .current_dir(&folder)
                .args(["sample", "--rows", &n_rows.to_string()])
                .args(["--seed", "3", "--out", "rows.csv"]),
        )?;
        let log = std::fs::File::create(folder.join("service.log"))?;
        let mut child = Command::new(trainer)
            .current_dir(&folder)
            .args(["serve", "--insecure-local", "--listen", "127.0.0.1:0"])
            .args(["--pipeline", "pipeline.toml", "--heartbeat", "1"])
            .args(more)
            .env_remove("REDIS_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", trainer.display()))?;
        let output = child.stdout.take().context("the service has no output")?;
        let mut service = Self {
            child,
            folder,
            url: String::new(),
        };
        BufReader::new(output).read_line(&mut service.url)?;
        service.url.truncate(service.url.trim_end().len());
        if !service.url.starts_with("http://127.0.0.1:") {
            bail!(
                "the service did not say where it listens: {}",
                service.log()
            );
        }
        Ok(service)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The rows that it trains with.
    pub(crate) fn rows(&self) -> PathBuf {
        self.folder.join("rows.csv")
    }

    /// Its releases.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// Its address.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        let address = self.url.trim_start_matches("http://");
        address.parse().context("the service's address")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("service.log")).unwrap_or_default()
    }

    /// Begins a training and gives its task.
    pub(crate) fn train(&self) -> Result<String> {
        let (status, body) = http::get(self.address()?, "/train")?;
        if status != 202 {
            bail!("GET /train answered {status}: {body}");
        }
        let answer: serde_json::Value = serde_json::from_str(&body)?;
        let task = answer["task_id"].as_str().context("no task_id")?;
        Ok(task.to_owned())
    }

    /// Trains a model and makes it the champion; gives the task.
    pub(crate) fn train_and_promote(&self) -> Result<String> {
        let task = self.train()?;
        let start = Instant::now();
        loop {
            let (_, body) = http::get(self.address()?, &format!("/task/{task}"))?;
            let answer: serde_json::Value = serde_json::from_str(&body)?;
            match answer["status"].as_str() {
                Some("SUCCESS") => break,
                Some("FAILURE" | "CANCELLED") => bail!("the training did not succeed: {body}"),
                _ if start.elapsed() > TRAINING_LIMIT => {
                    bail!("the training takes too long: {body}")
                }
                _ => std::thread::sleep(POLL),
            }
        }
        let curl = command::find("curl").context("there is no curl")?;
        let promote = format!("{}/models/1/promote", self.url);
        command::capture(Command::new(curl).args(["--fail", "--silent", "-X", "POST", &promote]))?;
        Ok(task)
    }
}

impl Drop for RunningService {
    fn drop(&mut self) {
        // On every way out, errors included. These fail only for what is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
