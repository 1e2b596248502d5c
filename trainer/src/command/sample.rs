//! `trainer sample`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::DASH;
use super::record_options::now_ms;
use crate::error::TrainerError;
use crate::field_sample::{FieldModel, FieldOptions, field_sample};
use crate::output_file::OutputFile;
use crate::sample::{SYNTHETIC_NOTE, Sampler};

/// Options of `trainer sample`.
#[derive(Debug, Args)]
pub struct SampleCommand {
    /// How many rows.
    #[arg(long, value_name = "N", default_value_t = 5000)]
    rows: u64,
    /// The seed. The same seed gives the same rows.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the rows go; `-` for standard output.
    #[arg(long, value_name = "FILE", default_value = DASH)]
    out: PathBuf,
    /// Instead of rows, records as edge nodes write them, into this folder, which may not have any: verdicts, labels,
    /// counts of the last days, by the models given. To try the dashboard with.
    #[arg(long, value_name = "DIR", requires = "model", conflicts_with_all = ["rows", "out"])]
    records: Option<PathBuf>,
    /// A model that answers in the records. Again for a newer one, which looks on and then takes over.
    #[arg(long, value_name = "FILE", requires = "records")]
    model: Vec<PathBuf>,
    /// The days that the records are of.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=90))]
    days: u64,
    /// The end of the records, in milliseconds since 1970 [default: now].
    #[arg(long, value_name = "MS", requires = "records")]
    at: Option<u64>,
}

/// The first segment of a folder of records.
const SEGMENT: &str = "records-00000001.ndjson";

impl SampleCommand {
    /// Writes rows as CSV, and says on standard error that they are synthetic.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        if let Some(folder) = &self.records {
            return self.write_records(folder);
        }
        let mut sampler = Sampler::new(self.seed)?;
        let wrong = |source| TrainerError::Write {
            file: self.out.clone(),
            source,
        };
        if self.out == Path::new(DASH) {
            self.write(&mut sampler, io::BufWriter::new(io::stdout().lock()))
                .map_err(wrong)?;
        } else {
            let mut file = OutputFile::create(&self.out)?;
            self.write(&mut sampler, &mut file).map_err(wrong)?;
            file.commit()?;
        }
        eprintln!(
            "note: {SYNTHETIC_NOTE} To keep this in a model's card: trainer train --note \"trained on synthetic rows\""
        );
        Ok(())
    }

    fn write_records(&self, folder: &Path) -> Result<(), TrainerError> {
        let wrong = |source| TrainerError::Write {
            file: folder.to_owned(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(wrong)?;
        // Made-up records among real ones could not be told apart again.
        if std::fs::read_dir(folder).map_err(wrong)?.next().is_some() {
            return Err(TrainerError::Usage {
                option: "--records".to_owned(),
                expected: format!("{} is not empty; expected a new folder", folder.display()),
            });
        }
        let models = self.model.iter().map(|file| super::read_model(file));
        let models = models.collect::<Result<Vec<_>, _>>()?;
        let models: Vec<FieldModel<'_>> = models.iter().map(FieldModel::from).collect();
        let options = FieldOptions {
            seed: self.seed,
            to_ms: self.at.unwrap_or_else(now_ms),
            n_hours: 24 * self.days,
        };
        let mut lines = Vec::new();
        let records = field_sample(&models, options)?;
        for record in &records {
            lines.extend(serde_json::to_vec(record)?);
            lines.push(b'\n');
        }
        OutputFile::write(&folder.join(SEGMENT), &lines)?;
        eprintln!(
            "note: {} records of made-up rows. {SYNTHETIC_NOTE}",
            records.len()
        );
        Ok(())
    }

    fn write(&self, sampler: &mut Sampler, mut out: impl Write) -> io::Result<()> {
        let schema = sampler.schema();
        for feature in &schema.features {
            write!(out, "{},", feature.name)?;
        }
        writeln!(out, "{}", schema.label.name)?;
        for _ in 0..self.rows {
            let (row, label) = sampler.draw();
            for value in row {
                write!(out, "{value},")?;
            }
            writeln!(out, "{label}")?;
        }
        out.flush()
    }
}
