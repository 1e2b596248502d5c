//! `trainer track`

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::error::TrainerError;
use crate::track::{RECORD_FILE, Tracked, TrackedRun, TrackingServer, track};

/// Options of `trainer track`.
#[derive(Debug, Args)]
#[command(
    after_help = "The server is named by MLFLOW_TRACKING_URI, and MLFLOW_TRACKING_TOKEN or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD let in. What it has already is not sent again."
)]
pub struct TrackCommand {
    /// The directory of a run, or `all` for every run that is not fully sent.
    #[arg(long, value_name = "RUN_DIR")]
    replay: PathBuf,
    /// Where runs lie, for `all`.
    #[arg(long, value_name = "DIR", default_value = "artifacts")]
    dir: PathBuf,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// What became of one run.
#[derive(Serialize)]
struct Line {
    run: String,
    is_sent: bool,
    page: Option<String>,
    error: Option<String>,
}

impl TrackCommand {
    /// Sends what the server does not have yet.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let server = TrackingServer::from_environment()?.ok_or_else(|| TrainerError::Usage {
            option: "MLFLOW_TRACKING_URI".to_owned(),
            expected: "the address of the tracking server".to_owned(),
        })?;
        let mut lines = Vec::new();
        let mut first_failure = None;
        for run_dir in self.run_dirs()? {
            let outcome = track(&run_dir, &server);
            let mut line = Line {
                run: run_dir.display().to_string(),
                is_sent: false,
                page: None,
                error: None,
            };
            match outcome {
                Ok(Tracked::Sent { page }) => {
                    line.is_sent = true;
                    line.page = Some(page);
                }
                // One run that cannot be sent keeps no other one back.
                Ok(Tracked::Kept(error)) => {
                    line.error = Some(error.to_string());
                    first_failure = first_failure.or(Some(error.into()));
                }
                Err(error) => {
                    line.error = Some(error.to_string());
                    first_failure = first_failure.or(Some(error));
                }
            }
            lines.push(line);
        }
        if self.json {
            super::print_json(&lines)?;
        } else {
            super::print(&in_words(&lines))?;
        }
        first_failure.map_or(Ok(()), Err)
    }

    fn run_dirs(&self) -> Result<Vec<PathBuf>, TrainerError> {
        if self.replay != Path::new("all") {
            return Ok(vec![self.replay.clone()]);
        }
        let wrong = |source| TrainerError::Read {
            file: self.dir.display().to_string(),
            source,
        };
        let mut run_dirs = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(wrong)? {
            let run_dir = entry.map_err(wrong)?.path();
            let record = run_dir.join(RECORD_FILE);
            // A record that cannot be read is reported when it is sent.
            if record.is_file() && !TrackedRun::read(&record).is_ok_and(|run| run.is_sent()) {
                run_dirs.push(run_dir);
            }
        }
        run_dirs.sort();
        Ok(run_dirs)
    }
}

fn in_words(lines: &[Line]) -> String {
    if lines.is_empty() {
        return "no run is waiting to be sent\n".to_owned();
    }
    let mut text = String::new();
    for line in lines {
        let what = match (&line.page, &line.error) {
            (Some(page), _) => format!("sent: {page}"),
            (None, error) => format!("kept: {}", error.as_deref().unwrap_or_default()),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {what}", line.run);
    }
    text
}
