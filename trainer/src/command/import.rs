//! `trainer import`

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use picket_schema::artifact::Artifact;
use serde::Serialize;

use super::report::Contents;
use crate::error::TrainerError;
use crate::import::{
    Certificate, ImportError, ImportOptions, Imported, MAX_FILE_BYTES, MarginKind, SourceFormat,
    import,
};
use crate::output_file::OutputFile;
use crate::progress::Reporter;

/// A file format, as the option spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatOption {
    /// XGBoost's `Booster.save_model("m.json")`: gbtree and dart of two classes.
    XgboostJson,
    /// LightGBM's `Booster.save_model("m.txt")`: two classes, categories included.
    LightgbmText,
    /// ONNX with one tree ensemble, as skl2onnx and onnxmltools write it.
    Onnx,
}

/// What the sum of the leaves is, as the option spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputOption {
    /// What the file says; refused where it does not.
    Auto,
    /// Log-odds.
    LogOdds,
    /// A probability.
    Probability,
}

/// Options of `trainer import`.
#[derive(Debug, Args)]
pub struct ImportCommand {
    /// The peer's model file.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The format of the peer's file.
    #[arg(long, value_enum, value_name = "FORMAT")]
    from: FormatOption,
    /// The feature schema, a TOML file. Features are matched by name where the model's file has names, else by
    /// position.
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    /// Where the model goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Which class of the peer is the schema's positive one, in the peer's order: 0 or 1. scikit-learn sorts its
    /// classes, so of the labels -1 and 1 the class -1 is class 0 [default: what the file's class labels say, else 1].
    #[arg(long, value_name = "0|1", value_parser = clap::value_parser!(u8).range(0..=1))]
    positive_class_index: Option<u8>,
    /// What the sum of the leaves is, where the file does not say, as with regressions.
    #[arg(long, value_enum, default_value = "auto")]
    output: OutputOption,
    /// From which score on a row is taken for positive.
    #[arg(long, value_name = "SCORE", default_value_t = 0.5, value_parser = parse_threshold)]
    threshold: f64,
    /// The model's name [default: the schema's and the format's].
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// A sentence for the model card; may be given many times.
    #[arg(long, value_name = "TEXT")]
    note: Vec<String>,
    /// The seed of the rows that the import is checked with.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many random rows it is checked with, besides those on thresholds and in leaves.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = parse_rows)]
    rows: usize,
    /// How many threads work; changes nothing in the file [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

fn parse_threshold(text: &str) -> Result<f64, String> {
    let threshold = text.parse::<f64>().ok();
    threshold
        .filter(|threshold| (0.0..=1.0).contains(threshold))
        .ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

fn parse_rows(text: &str) -> Result<usize, String> {
    let rows = text.parse::<usize>().ok();
    rows.filter(|rows| (1..=10_000_000).contains(rows))
        .ok_or_else(|| "expected a number from 1 to 10000000".to_owned())
}

#[derive(Serialize)]
struct Report<'a> {
    positive_class: &'a str,
    certificate: &'a Certificate,
    model: Contents<'a>,
}

impl ImportCommand {
    /// Imports a model, compares it with its file, writes it and reports.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let options = ImportOptions {
            name: self.name.clone(),
            positive_class: self.positive_class_index.map(usize::from),
            output: match self.output {
                OutputOption::Auto => None,
                OutputOption::LogOdds => Some(MarginKind::LogOdds),
                OutputOption::Probability => Some(MarginKind::Probability),
            },
            threshold: self.threshold,
            notes: self.note.clone(),
            seed: self.seed,
            n_random_rows: self.rows,
        };
        let format = match self.from {
            FormatOption::XgboostJson => SourceFormat::XgboostJson,
            FormatOption::LightgbmText => SourceFormat::LightgbmText,
            FormatOption::Onnx => SourceFormat::Onnx,
        };
        let schema = super::read_schema(&self.schema)?;
        let file = self.model.display().to_string();
        let bytes = read_capped(&self.model)?;
        let reporter = Reporter::for_stderr(self.json);
        let imported = super::on_threads(self.threads.map(usize::from), || {
            import(format, &bytes, &schema, &options, reporter)
                .map_err(|source| TrainerError::Import { file, source })
        })?;
        OutputFile::write(&self.out, &imported.bytes)?;
        self.report(&imported)
    }

    fn report(&self, imported: &Imported) -> Result<(), TrainerError> {
        let Imported {
            bytes,
            certificate,
            positive_class,
        } = imported;
        let artifact = Artifact::decode(bytes)?;
        if self.json {
            return super::print_json(&Report {
                positive_class,
                certificate,
                model: Contents::of(&artifact, bytes),
            });
        }
        let card = &artifact.card;
        let mut text = format!(
            "{}: {} from {}\npositive class {}: {positive_class}\n\n{}",
            card.name,
            card.algorithm,
            card.parameters
                .get("source_library")
                .map_or("an unknown library", String::as_str),
            artifact.schema.label.positive.name,
            certificate.table(),
        );
        // The last note is the certificate, which the table shows.
        for note in card.notes.split_last().map_or(&[][..], |(_, rest)| rest) {
            text.extend(["note: ", note, "\n"]);
        }
        let digest = Artifact::digest(bytes);
        super::print(&format!(
            "{text}{}: {} bytes, {digest}\n",
            self.out.display(),
            bytes.len()
        ))
    }
}

/// Reads a file up to the cap, so that a wrong path costs no memory.
fn read_capped(path: &Path) -> Result<Vec<u8>, TrainerError> {
    let file = path.display().to_string();
    let wrong = |source| TrainerError::Read {
        file: file.clone(),
        source,
    };
    let source = File::open(path).map_err(wrong)?;
    let mut bytes = Vec::new();
    // One byte more than allowed shows that there is more.
    let n_read = source
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(wrong)?;
    if n_read as u64 > MAX_FILE_BYTES {
        let source = ImportError::TooLarge {
            found: n_read as u64,
        };
        return Err(TrainerError::Import { file, source });
    }
    Ok(bytes)
}
