//! `trainer ingest`

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use picket_schema::FeatureSchema;

use super::record_options::{ModelOptions, StoreOptions, days_ago, now_ms};
use crate::error::TrainerError;
use crate::output_file::OutputFile;
use crate::records::{Conflicts, LabelledRows};

/// Which of conflicting labels counts.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ConflictOption {
    /// The last one
    Latest,
    /// None: the row is left out
    Drop,
}

/// Options of `trainer ingest`.
#[derive(Debug, Args)]
pub struct IngestCommand {
    /// Join the labels that came back to the predictions that they are of.
    #[arg(long, required = true)]
    feedback: bool,
    #[command(flatten)]
    store: StoreOptions,
    /// The feature schema, a TOML file [default: that of the model].
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    #[command(flatten)]
    models: ModelOptions,
    /// Predictions of the last so many days.
    #[arg(long, value_name = "N", default_value_t = 30)]
    days: u64,
    /// What to do where labels of a prediction contradict each other.
    #[arg(long, value_name = "RULE", value_enum, default_value = "latest")]
    conflicts: ConflictOption,
    /// The predictions whose labels contradict each other go here, as CSV with the label that counts.
    #[arg(long, value_name = "FILE")]
    conflicts_out: Option<PathBuf>,
    /// The labelled rows, as CSV, or as Parquet where the name ends with .parquet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print the counts as JSON.
    #[arg(long)]
    json: bool,
}

impl IngestCommand {
    /// Makes labelled rows out of records.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let schema = self.schema()?;
        if self.is_parquet() && !cfg!(feature = "parquet") {
            return Err(TrainerError::Usage {
                option: format!("--out {}", self.out.display()),
                expected:
                    "expected a name for CSV: this trainer was built without the feature parquet"
                        .to_owned(),
            });
        }
        let store = self.store.open()?;
        let conflicts = match self.conflicts {
            ConflictOption::Latest => Conflicts::Latest,
            ConflictOption::Drop => Conflicts::Drop,
        };
        let span = (days_ago(self.days), now_ms() + 1);
        let joined = LabelledRows::join(store.as_ref(), &schema, span, conflicts)?;
        let wrong = |source| TrainerError::Write {
            file: self.out.clone(),
            source,
        };
        let mut out = OutputFile::create(&self.out)?;
        if self.is_parquet() {
            write_parquet(&joined, &schema, &mut out).map_err(wrong)?;
        } else {
            joined.write_csv(&schema, &mut out).map_err(wrong)?;
        }
        out.commit()?;
        if let Some(file) = &self.conflicts_out {
            let mut text = "prediction_id,label\n".to_owned();
            for (prediction, label) in &joined.conflicts {
                // A class of a schema, or of a hostile client.
                let label = label.replace('"', "\"\"");
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{prediction},\"{label}\"");
            }
            OutputFile::write(file, text.as_bytes())?;
        }
        let counts = &joined.counts;
        if self.json {
            return super::print_json_line(counts);
        }
        super::print(&format!(
            "{}: {} rows of {} labelled predictions; without the prediction {}, without features {}, of another \
             schema {}, of an unknown class {}, conflicting {} (left out {})\n",
            self.out.display(),
            counts.n_rows,
            counts.labels.n_predictions,
            counts.n_without_prediction,
            counts.n_without_features,
            counts.n_other_schema,
            counts.n_unknown_class,
            counts.labels.n_conflicting,
            counts.n_dropped_conflicts,
        ))
    }

    fn is_parquet(&self) -> bool {
        let ending = self.out.extension();
        ending.is_some_and(|it| it.eq_ignore_ascii_case("parquet"))
    }

    fn schema(&self) -> Result<FeatureSchema, TrainerError> {
        if let Some(file) = &self.schema {
            return super::read_schema(file);
        }
        let known = self.models.read()?;
        let newest = known.newest().ok_or_else(|| TrainerError::Usage {
            option: "--schema, --model, --release-store".to_owned(),
            expected: "expected one that says what a row holds".to_owned(),
        })?;
        Ok(newest.model.model().artifact().schema.clone())
    }
}

#[cfg(feature = "parquet")]
fn write_parquet(
    rows: &LabelledRows,
    schema: &FeatureSchema,
    out: &mut OutputFile,
) -> std::io::Result<()> {
    rows.write_parquet(schema, out)
}

#[cfg(not(feature = "parquet"))]
fn write_parquet(_: &LabelledRows, _: &FeatureSchema, _: &mut OutputFile) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
