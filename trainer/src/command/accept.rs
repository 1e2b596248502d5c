//! `trainer accept`

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::accept::{AcceptOptions, Acceptance, Contender, Outcome, accept};
use crate::error::TrainerError;
use crate::evaluation::Gate;
use crate::progress::Reporter;

/// Options of `trainer accept`.
#[derive(Debug, Args)]
pub struct AcceptCommand {
    /// The new model.
    #[arg(long, value_name = "FILE")]
    challenger: PathBuf,
    /// The present model; without it the challenger must only keep the gate.
    #[arg(long, value_name = "FILE")]
    champion: Option<PathBuf>,
    /// Labelled rows that neither model has seen, a CSV file with a header; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// By how much F1 must grow, with 95 % confidence; below 0 the challenger may be that much worse.
    #[arg(long, value_name = "GAIN", default_value_t = 0.0, allow_hyphen_values = true, value_parser = parse_gain)]
    min_gain: f64,
    /// The lowest F1 that a challenger may have.
    #[arg(long, value_name = "F1", default_value_t = 0.6)]
    min_f1: f64,
    /// The seed of the samples that the intervals come from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

fn parse_gain(text: &str) -> Result<f64, String> {
    let gain = text.parse::<f64>().ok();
    gain.filter(|gain| gain.abs() <= 1.0)
        .ok_or_else(|| "expected a number from -1 to 1".to_owned())
}

#[derive(Serialize)]
struct Report<'a> {
    challenger: &'a str,
    champion: Option<&'a str>,
    #[serde(flatten)]
    acceptance: &'a Acceptance,
}

impl AcceptCommand {
    /// Compares, reports, and fails where the challenger is not accepted.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let reporter = Reporter::for_stderr(self.json);
        let challenger = super::read_model(&self.challenger)?;
        let champion = self
            .champion
            .as_deref()
            .map(super::read_model)
            .transpose()?;
        let schema = challenger.model().schema();
        let other_schema = champion
            .as_ref()
            .map(|champion| champion.model().schema())
            .filter(|other| other.digest() != schema.digest());
        if other_schema.is_some() && self.data == Path::new(super::DASH) {
            return Err(TrainerError::Usage {
                option: "--data -".to_owned(),
                expected: "expected a file, for the two models have different schemas and it is read twice".to_owned(),
            });
        }
        let data = super::read_rows(schema, &self.data, reporter)?;
        let other_data = other_schema
            .map(|schema| super::read_rows(schema, &self.data, reporter))
            .transpose()?;
        let options = AcceptOptions {
            min_gain: self.min_gain,
            gate: Gate {
                min_f1: self.min_f1,
                ..Gate::default()
            },
            train_f1: None,
            seed: self.seed,
        };
        let against = champion.as_ref().map(|champion| Contender {
            model: champion.model(),
            data: other_data.as_ref().unwrap_or(&data),
        });
        let contender = Contender {
            model: challenger.model(),
            data: &data,
        };
        let acceptance = accept(contender, against, &options)?;
        if self.json {
            super::print_json(&Report {
                challenger: &challenger.model().artifact().card.name,
                champion: champion
                    .as_ref()
                    .map(|it| it.model().artifact().card.name.as_str()),
                acceptance: &acceptance,
            })?;
        } else {
            super::print(&in_words(&acceptance))?;
        }
        let reason = acceptance.reason;
        match acceptance.outcome {
            Outcome::Accept => Ok(()),
            Outcome::Reject => Err(TrainerError::Rejected { reason }),
            Outcome::NotEnoughEvidence => Err(TrainerError::NotEnoughEvidence { reason }),
        }
    }
}

fn in_words(acceptance: &Acceptance) -> String {
    let mut text = String::new();
    if !acceptance.differences.is_empty() {
        text += "metric     challenger   champion       gain   95 % interval\n";
    }
    // Writing to a string cannot fail.
    for it in &acceptance.differences {
        let _ = writeln!(
            text,
            "{:<10} {:>10.4} {:>10.4} {:>+10.4}   {:+.4} to {:+.4}",
            it.metric, it.challenger, it.champion, it.gain, it.low, it.high
        );
    }
    for warning in &acceptance.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    if acceptance.outcome == Outcome::Accept {
        let _ = writeln!(text, "accepted: {}", acceptance.reason);
    }
    text
}
