//! `trainer push-data`

use std::path::PathBuf;

use clap::Args;

use crate::error::TrainerError;
use crate::ingest::{FileSource, push_data};
use crate::progress::Reporter;

/// Options of `trainer push-data`.
#[derive(Debug, Args)]
pub struct PushDataCommand {
    /// The rows: CSV, TSV, either packed by gzip, or Parquet; several files or patterns.
    #[arg(value_name = "FILE", required = true)]
    data: Vec<String>,
    /// The feature schema, a TOML file.
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    /// The collection.
    #[arg(long, value_name = "NAME")]
    collection: String,
    /// The collection's database [default: the one in the address].
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Print the counts as JSON.
    #[arg(long)]
    json: bool,
}

impl PushDataCommand {
    /// Loads rows into a collection; again is the same as once.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let schema = super::read_schema(&self.schema)?;
        let source = FileSource {
            paths: self.data.clone(),
            delimiter: None,
        };
        let counts = push_data(
            &schema,
            &source,
            self.database.as_deref(),
            &self.collection,
            Reporter::for_stderr(self.json),
        )?;
        if self.json {
            return super::print_json_line(&counts);
        }
        super::print(&format!(
            "{}: {} rows inserted, {} were there already\n",
            self.collection, counts.n_inserted, counts.n_present
        ))
    }
}
