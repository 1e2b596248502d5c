//! `trainer runs`

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use crate::error::TrainerError;
use crate::runs::{Outcome, Run};

/// Metrics shown in the table.
const SHOWN: [&str; 3] = ["f1", "roc_auc", "brier"];

/// Options of `trainer runs`.
#[derive(Debug, Args)]
pub struct RunsCommand {
    /// Where runs lie.
    #[arg(long, value_name = "DIR", default_value = "artifacts")]
    dir: PathBuf,
    /// Print the records as JSON.
    #[arg(long)]
    json: bool,
}

impl RunsCommand {
    /// Lists runs.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let (mut runs, mut broken) = (Vec::new(), Vec::new());
        for run in Run::all(&self.dir)? {
            match run {
                Ok(run) => runs.push(run),
                Err(error) => broken.push(error),
            }
        }
        if self.json {
            super::print_json(&runs)?;
        } else {
            super::print(&in_words(&runs))?;
        }
        // The others are shown all the same.
        broken.into_iter().next().map_or(Ok(()), Err)
    }
}

fn in_words(runs: &[Run]) -> String {
    if runs.is_empty() {
        return "no runs\n".to_owned();
    }
    let names: Vec<String> = runs
        .iter()
        .map(|run| {
            let name = run.dir.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        })
        .collect();
    let width = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = format!("{:<width$}  {:<10}  {:>8}", "run", "state", "time");
    for metric in SHOWN {
        let _ = write!(text, "  {metric:>7}");
    }
    text.push_str("  outcome\n");
    for (run, name) in runs.iter().zip(&names) {
        let record = &run.record;
        let seconds: f64 = record.stages.iter().map(|stage| stage.seconds).sum();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{name:<width$}  {:<10}  {seconds:>6.1} s",
            record.state
        );
        for metric in SHOWN {
            match record.metrics.iter().find(|one| one.name == metric) {
                Some(one) => {
                    let _ = write!(text, "  {:>7.4}", one.value);
                }
                None => {
                    let _ = write!(text, "  {:>7}", "–");
                }
            }
        }
        let outcome = record.outcome.as_ref().map(Outcome::in_words);
        let outcome = outcome.unwrap_or_default();
        let _ = writeln!(text, "  {outcome}");
    }
    text
}
