//! `trainer validate`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::data_options::{DataOptions, LabelOptions};
use crate::error::TrainerError;
use crate::ingest::{Ingest, InvalidRows, Quarantine};
use crate::output_file::OutputFile;
use crate::progress::Reporter;
use crate::validate::{DataProfile, FailOn, Finding, ValidationConfig, ValidationReport, validate};

/// Options of `trainer validate`.
#[derive(Debug, Args)]
pub struct ValidateCommand {
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    labels: LabelOptions,
    /// The feature schema, a TOML file.
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    /// Where the report goes as JSON, with a profile of the columns.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Which findings close the gate (exit code 3).
    #[arg(long, value_enum, default_value = "error")]
    fail_on: FailOn,
    /// Up to this share of invalid rows in a column is a warning, more an error.
    #[arg(long, value_name = "SHARE", default_value_t = ValidationConfig::default().max_invalid_share)]
    max_invalid_share: f64,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct WholeReport<'a> {
    #[serde(flatten)]
    report: &'a ValidationReport,
    profile: Option<&'a DataProfile>,
}

impl ValidateCommand {
    /// Validates rows, reports, and ends with a closed gate where a finding demands it.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let schema = super::read_schema(&self.schema)?;
        let source = self.data.source();
        let mut quarantine = self.labels.quarantine().map(|file| Quarantine::new(file));
        let ingested = Ingest {
            schema: &schema,
            source: &source,
            time_column: None,
            labels: self.labels.labels(),
            invalid: InvalidRows::Count(quarantine.as_mut()),
            reporter: Reporter::for_stderr(self.json),
        }
        .run()?;
        if let Some(quarantine) = quarantine {
            quarantine.commit()?;
        }
        let config = ValidationConfig {
            fail_on: self.fail_on,
            max_invalid_share: self.max_invalid_share,
            ..ValidationConfig::default()
        };
        let validated = validate(ingested, &schema, &config);
        let report = &validated.report;
        let whole = WholeReport {
            report,
            profile: validated.profile.as_ref(),
        };
        if let Some(out) = &self.out {
            OutputFile::write(out, &serde_json::to_vec_pretty(&whole)?)?;
        }
        if self.json {
            super::print_json(&whole)?;
        } else {
            super::print(&self.text(report))?;
        }
        if report.passed {
            return Ok(());
        }
        Err(TrainerError::Gate {
            reason: format!(
                "validation found {} errors and {} warnings",
                report.n_errors, report.n_warnings
            ),
        })
    }

    fn text(&self, report: &ValidationReport) -> String {
        let counts = report.counts;
        let mut text = format!(
            "{}: {} rows read, {} can be used, {} are invalid\n{} errors, {} warnings\n",
            report.source,
            counts.n_read,
            counts.n_kept,
            counts.n_invalid,
            report.n_errors,
            report.n_warnings,
        );
        for finding in &report.findings {
            text += &line(finding);
        }
        if let Some(file) = self.labels.quarantine()
            && counts.n_invalid > 0
        {
            text.extend([
                "the invalid rows stand in ",
                &file.display().to_string(),
                "\n",
            ]);
        }
        text
    }
}

fn line(finding: &Finding) -> String {
    let place = finding
        .column
        .as_ref()
        .map_or(String::new(), |column| format!(" {column:?}"));
    let mut text = format!(
        "{:<8}{}{place}: {}\n",
        finding.severity.to_string(),
        finding.rule,
        finding.message
    );
    for example in &finding.examples {
        text.extend(["            ", example, "\n"]);
    }
    text
}
