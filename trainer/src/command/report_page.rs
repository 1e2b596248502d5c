//! `trainer report`

use std::path::PathBuf;

use clap::Args;

use crate::error::TrainerError;
use crate::output_file::OutputFile;
use crate::progress::Reporter;
use crate::report::Report;

/// Options of `trainer report`.
#[derive(Debug, Args)]
pub struct ReportCommand {
    /// The model file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The labelled rows, a CSV file with a header; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Where the report goes.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// What a false alarm costs.
    #[arg(long, value_name = "COST", default_value_t = 1.0, value_parser = parse_cost)]
    false_alarm_cost: f64,
    /// What a miss costs.
    #[arg(long, value_name = "COST", default_value_t = 1.0, value_parser = parse_cost)]
    miss_cost: f64,
    /// The seed of the samples that intervals and importances come from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn parse_cost(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(cost) if (0.0..=1e9).contains(&cost) => Ok(cost),
        _ => Err("expected a number from 0 to 1e9".to_owned()),
    }
}

impl ReportCommand {
    /// Measures a model, explains it and writes the report.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let owned = super::read_model(&self.model)?;
        let model = owned.model();
        let data = super::read_rows(model.schema(), &self.data, Reporter::for_stderr(false))?;
        // The name alone: a report is passed on, and paths tell of the machine it was made on.
        let source = self.data.file_name().map_or_else(
            || "standard input".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        let costs = [self.false_alarm_cost, self.miss_cost];
        let report = Report::of_model(model, owned.bytes(), &data, &source, costs, self.seed)?;
        OutputFile::write(&self.out, report.to_html().as_bytes())?;
        super::print(&format!("{}\n", self.out.display()))
    }
}
