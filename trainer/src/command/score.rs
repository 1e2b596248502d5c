//! `trainer score`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use csv::ByteRecord;
use picket_schema::Verdict;
use picket_wasm_model::Scorer;

use super::DASH;
use crate::error::TrainerError;
use crate::ingest::{CsvTable, IngestError, Input, RowReader, open_input};
use crate::output_file::OutputFile;
use crate::progress::Reporter;

/// The columns that scoring adds; the last only when asked for.
const ADDED: [&str; 3] = ["score", "verdict", "margin"];

/// Options of `trainer score`.
#[derive(Debug, Args)]
pub struct ScoreCommand {
    /// The model file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The rows, a CSV file with a header; `-` for standard input. A label is not needed.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Where the scored rows go; `-` for standard output.
    #[arg(long, value_name = "FILE", default_value = DASH)]
    out: PathBuf,
    /// Add a column with the margin too: the model's raw output, before calibration.
    #[arg(long)]
    margin: bool,
}

impl ScoreCommand {
    /// Streams rows through the model. Memory does not grow with the number of rows.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        if self.out == Path::new(DASH) {
            let stdout = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
            return self.stream(stdout).map(drop);
        }
        // The file takes its place only when every row is in it.
        self.stream(OutputFile::create(&self.out)?)?.commit()
    }

    fn stream<W: Write>(&self, out: W) -> Result<W, TrainerError> {
        let owned = super::read_model(&self.model)?;
        let model = owned.model();
        let Input {
            source,
            name,
            n_bytes,
            delimiter,
        } = open_input(&self.data)?;
        let table = CsvTable::new(source, &name, delimiter)?;
        let mut reader = RowReader::of(table, model.schema())?;
        let added = &ADDED[..if self.margin { 3 } else { 2 }];
        let reserved = reader.header().iter().find_map(|found| {
            added
                .iter()
                .find(|added| String::from_utf8_lossy(found).trim() == **added)
        });
        if let Some(column) = reserved {
            let column = (*column).to_owned();
            return Err(IngestError::ReservedColumn { file: name, column }.into());
        }
        let stage = Reporter::for_stderr(false).stage("score rows", n_bytes);
        let mut writer = csv::Writer::from_writer(out);
        let wrong = |error: csv::Error| {
            let source = match error.into_kind() {
                csv::ErrorKind::Io(source) => source,
                other => io::Error::other(format!("{other:?}")),
            };
            TrainerError::Write {
                file: self.out.clone(),
                source,
            }
        };
        let mut line = reader.header().clone();
        for column in added {
            line.push_field(column.as_bytes());
        }
        writer.write_byte_record(&line).map_err(wrong)?;

        let label = &model.schema().label;
        let (mut scorer, mut row) = (Scorer::new(model), Vec::new());
        while reader.read(&mut row)? {
            let scored = scorer.score(&row)?;
            let verdict = match scored.verdict {
                Verdict::Positive => label.positive.name.as_str(),
                Verdict::Negative => label.negative.name.as_str(),
                Verdict::Uncertain => "uncertain",
            };
            line.clone_from(reader.record());
            line.push_field(scored.score.0.to_string().as_bytes());
            line.push_field(verdict.as_bytes());
            if self.margin {
                line.push_field(scored.margin.0.to_string().as_bytes());
            }
            writer.write_byte_record(&line).map_err(wrong)?;
            if n_bytes == 0 {
                stage.reach(reader.n_rows());
            } else {
                stage.reach(byte_of(reader.record()));
            }
        }
        if reader.n_rows() == 0 {
            return Err(IngestError::NoRows { file: name }.into());
        }
        writer.into_inner().map_err(|error| TrainerError::Write {
            file: self.out.clone(),
            source: error.into_error(),
        })
    }
}

fn byte_of(record: &ByteRecord) -> u64 {
    record.position().map_or(0, csv::Position::byte)
}
