//! `trainer sample`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::DASH;
use crate::error::TrainerError;
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
}

impl SampleCommand {
    /// Writes rows as CSV, and says on standard error that they are synthetic.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
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
