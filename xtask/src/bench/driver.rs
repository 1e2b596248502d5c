//! A program that times one engine on request and stays up between requests, so that rounds can go
//! from engine to engine without loading anything again.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Slow engines on a busy machine take a while; this one hangs.
const PATIENCE: Duration = Duration::from_mins(3);

/// A running driver. Ends when it is dropped.
pub(crate) struct Driver {
    child: Child,
    requests: Option<ChildStdin>,
    answers: Receiver<String>,
    log: PathBuf,
    /// Engine and version, as the driver says it.
    pub(crate) version: String,
    /// What its output is: `truth`, `probability`, `margin+score`, or `own` for trees of its own.
    pub(crate) gives: String,
    /// The modes that it can run.
    pub(crate) modes: Vec<String>,
}

impl Driver {
    /// Starts a program and reads what it says of itself. Its complaints go to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let complaints =
            File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(complaints)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        let output = child.stdout.take().context("the output is piped")?;
        let (sender, answers) = channel();
        // A thread of its own reads, so that an engine that hangs can be given up.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut this = Self {
            requests: child.stdin.take(),
            child,
            answers,
            log: log.to_owned(),
            version: String::new(),
            gives: String::new(),
            modes: Vec::new(),
        };
        let hello = this.answer()?;
        let text = |key: &str| hello[key].as_str().unwrap_or_default().to_owned();
        this.version = text("version");
        this.gives = text("gives");
        let modes = hello["modes"].as_array();
        this.modes = modes
            .into_iter()
            .flatten()
            .filter_map(|mode| mode.as_str().map(str::to_owned))
            .collect();
        Ok(this)
    }

    /// Nanoseconds per item, over passes that take at least so many milliseconds.
    pub(crate) fn time(&mut self, mode: &str, milliseconds: u32) -> Result<f64> {
        let answer = self.ask(&format!("time {mode} {milliseconds}"))?;
        let ns = answer["ns"].as_f64().filter(|ns| *ns > 0.0);
        ns.with_context(|| format!("expected a time, found {answer}"))
    }

    /// What one pass gives.
    pub(crate) fn output(&mut self, mode: &str, through: &Path) -> Result<Vec<f64>> {
        self.ask(&format!("check {mode} {}", through.display()))?;
        read_numbers(through)
    }

    fn ask(&mut self, request: &str) -> Result<Value> {
        let requests = self.requests.as_mut().context("the driver has ended")?;
        if writeln!(requests, "{request}").is_err() {
            return Err(self.last_words());
        }
        self.answer()
    }

    fn answer(&mut self) -> Result<Value> {
        loop {
            match self.answers.recv_timeout(PATIENCE) {
                // Libraries may print what they like; answers are objects.
                Ok(line) if line.starts_with('{') => {
                    return serde_json::from_str(&line).with_context(|| line);
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    self.child.kill()?;
                    bail!("no answer in {} s", PATIENCE.as_secs());
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.last_words()),
            }
        }
    }

    /// Why it ended: the last line of its complaints that says so.
    fn last_words(&mut self) -> anyhow::Error {
        let status = self
            .child
            .wait()
            .map_or_else(|error| error.to_string(), |it| it.to_string());
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let reason = reason_in(&log);
        anyhow::anyhow!("ended ({status}): {reason}; see {}", self.log.display())
    }
}

/// The line that names an error, else the last one that is not empty.
fn reason_in(log: &str) -> String {
    let lines: Vec<&str> = log
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let names_an_error = |line: &&&str| line.contains("Error") || line.contains("error");
    let named = lines.iter().rfind(names_an_error).or(lines.last());
    named.map_or("said nothing", |line| *line).to_owned()
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The end of its input ends it; what it has started itself, it ends first.
        self.requests = None;
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A file of little-endian f64.
pub(crate) fn read_numbers(path: &Path) -> Result<Vec<f64>> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let (chunks, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        bail!(
            "{}: {} bytes are no whole numbers",
            path.display(),
            bytes.len()
        );
    }
    Ok(chunks
        .iter()
        .map(|chunk| f64::from_le_bytes(*chunk))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::reason_in;

    #[test]
    fn the_reason_is_the_line_that_names_an_error() {
        assert_eq!(
            reason_in("a\nModuleNotFoundError: x\n\nNode.js v20\n"),
            "ModuleNotFoundError: x"
        );
        assert_eq!(reason_in("first\nlast\n\n"), "last");
        assert_eq!(reason_in(""), "said nothing");
    }
}
