//! `trainer drift`

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use picket_schema::FeatureSchema;
use picket_wasm_model::{OwnedModel, Scorer};

use super::data_options::DataOptions;
use crate::drift::{
    ColumnDrift, DriftOptions, DriftReference, DriftReport, LiveRows, drift, to_yaml,
};
use crate::error::TrainerError;
use crate::ingest::{DataSource, Ingest, IngestError, Labels};
use crate::output_file::OutputFile;
use crate::progress::Reporter;

/// What every model file has after its first byte: the key and value that say so.
const MODEL_START: &[u8] = b"\xa5magic\xa6picket";

/// Options of `trainer drift`.
#[derive(Debug, Args)]
pub struct DriftCommand {
    #[command(flatten)]
    data: DataOptions,
    /// What the rows are compared to: a model, for its training rows, or a file of rows.
    #[arg(long, value_name = "FILE")]
    reference: PathBuf,
    /// The feature schema, a TOML file; a model has its own.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// A model to score both sides with, where the reference is a file of rows: the scores are
    /// compared too.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Where the report goes: JSON for a name that ends in .json, else YAML.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A column whose corrected p-value is below this has drifted.
    #[arg(long, value_name = "Q", default_value_t = DriftOptions::default().alpha)]
    alpha: f64,
    /// Take rows with equal features for independent observations, not for copies.
    #[arg(long)]
    independent_rows: bool,
    /// End with exit code 3 where anything has drifted.
    #[arg(long)]
    fail_on_drift: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Rows without labels and their scores.
struct Scored {
    values: Vec<f32>,
    scores: Option<Vec<f64>>,
}

impl Scored {
    fn rows(&self) -> LiveRows<'_> {
        LiveRows {
            values: &self.values,
            scores: self.scores.as_deref(),
        }
    }
}

impl DriftCommand {
    /// Compares rows with their reference and reports.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let options = DriftOptions {
            alpha: self.alpha,
            grouped: !self.independent_rows,
        };
        let report = if is_model(&self.reference)? {
            self.against_model(&options)?
        } else {
            self.against_rows(&options)?
        };
        if let Some(out) = &self.out {
            let text = if out.extension().is_some_and(|extension| extension == "json") {
                serde_json::to_string_pretty(&report)? + "\n"
            } else {
                to_yaml(&report)
            };
            OutputFile::write(out, text.as_bytes())?;
        }
        if self.json {
            super::print_json(&report)?;
        } else {
            super::print(&text_of(&report))?;
        }
        if self.fail_on_drift && report.drift_status {
            return Err(TrainerError::Gate {
                reason: format!("{} columns have drifted", report.n_drifted),
            });
        }
        Ok(())
    }

    fn against_model(&self, options: &DriftOptions) -> Result<DriftReport, TrainerError> {
        let usage = |option: &str, expected: &str| TrainerError::Usage {
            option: option.to_owned(),
            expected: expected.to_owned(),
        };
        if self.schema.is_some() || self.model.is_some() {
            return Err(usage(
                "--schema, --model",
                "found a model as --reference; expected neither, for it has a schema and scores",
            ));
        }
        let owned = super::read_model(&self.reference)?;
        let model = owned.model();
        let reference = &model.artifact().reference;
        if reference.features.is_empty() {
            return Err(usage(
                "--reference",
                "found a model without a record of its training rows, as imported ones are; expected one that was trained here, or a file of rows",
            ));
        }
        let live = self.read(&self.data.source(), model.schema(), Some(&owned))?;
        Ok(drift(
            model.schema(),
            &DriftReference::Histograms(reference),
            &live.rows(),
            options,
        ))
    }

    fn against_rows(&self, options: &DriftOptions) -> Result<DriftReport, TrainerError> {
        let model = self.model.as_deref().map(super::read_model).transpose()?;
        let schema = match (&self.schema, &model) {
            (Some(schema), None) => super::read_schema(schema)?,
            (None, Some(model)) => model.model().schema().clone(),
            _ => {
                return Err(TrainerError::Usage {
                    option: "--schema".to_owned(),
                    expected:
                        "expected a schema, or --model, where the reference is a file of rows"
                            .to_owned(),
                });
            }
        };
        let source = DataSource::file(self.reference.display().to_string());
        let reference = self.read(&source, &schema, model.as_ref())?;
        let live = self.read(&self.data.source(), &schema, model.as_ref())?;
        Ok(drift(
            &schema,
            &DriftReference::Rows(reference.rows()),
            &live.rows(),
            options,
        ))
    }

    fn read(
        &self,
        source: &DataSource,
        schema: &FeatureSchema,
        model: Option<&OwnedModel>,
    ) -> Result<Scored, TrainerError> {
        let ingest = Ingest {
            labels: Labels::None,
            reporter: Reporter::for_stderr(self.json),
            ..Ingest::new(schema, source)
        };
        let rows = ingest.run()?;
        if rows.n_rows() == 0 {
            return Err(IngestError::NoRows { file: rows.source }.into());
        }
        let score = |model: &OwnedModel| -> Result<Vec<f64>, TrainerError> {
            let mut scorer = Scorer::new(model.model());
            let rows = rows.values.chunks_exact(schema.n_features());
            rows.map(|row| Ok(scorer.score(row)?.score.0)).collect()
        };
        let scores = model.map(score).transpose()?;
        Ok(Scored {
            values: rows.values,
            scores,
        })
    }
}

fn is_model(path: &Path) -> Result<bool, TrainerError> {
    let wrong = |source| TrainerError::Read {
        file: path.display().to_string(),
        source,
    };
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(64).read_to_end(&mut start))
        .map_err(wrong)?;
    Ok(start
        .get(1..)
        .is_some_and(|rest| rest.starts_with(MODEL_START)))
}

fn text_of(report: &DriftReport) -> String {
    let n_tested = report.columns.len() + usize::from(report.scores.is_some());
    let mut text = format!(
        "{} rows against {} of the reference: {} of {n_tested} columns have drifted (q below {})\n",
        report.n_live, report.n_reference, report.n_drifted, report.alpha
    );
    let mut drifted: Vec<&ColumnDrift> = report
        .columns
        .iter()
        .chain(&report.scores)
        .filter(|column| column.drift_status)
        .collect();
    drifted.sort_by(|a, b| b.psi.total_cmp(&a.psi));
    for column in drifted {
        text.extend([format!(
            "{:<32} psi {:>7.4}  q {:<9.2e} {}\n",
            column.column,
            column.psi,
            column.q_value,
            format!("{:?}", column.severity).to_lowercase(),
        )]);
    }
    text
}
