//! The options that say where rows come from, the same for every command that reads labelled rows.

use std::path::PathBuf;

use clap::Args;
use picket_schema::FeatureSchema;

use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::ingest::{
    DataSource, FeedbackSource, FileSource, Ingest, IngestCounts, IngestError, Ingested,
    InvalidRows, Labels, MongoSource, Quarantine, parse_object,
};
use crate::progress::Reporter;

/// Where rows come from.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct DataOptions {
    /// The rows: CSV, TSV, either packed by gzip, or Parquet, each with a header; several files, or
    /// patterns with `*` in the last part; `-` for standard input.
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "collection")]
    data: Vec<String>,
    /// The character between fields [default: a tab for .tsv, else a comma].
    #[arg(long, value_name = "CHAR", value_parser = parse_delimiter)]
    delimiter: Option<char>,
    /// Take the rows from this MongoDB collection; the server's address comes from the variable
    /// `MONGO_DB_URL` or `MONGODB_URI`, or from a file `.env`.
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    collection: Option<String>,
    /// The collection's database [default: the one in the address].
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Which documents, as MongoDB's find takes it.
    #[arg(long, value_name = "JSON", requires = "collection", value_parser = parse_json)]
    query: Option<Json>,
    /// Which fields, as MongoDB's find takes it.
    #[arg(long, value_name = "JSON", requires = "collection", value_parser = parse_json)]
    projection: Option<Json>,
}

/// Options about labels and rows that are wrong.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct LabelOptions {
    /// Take labels from feedback: one JSON object a line, or CSV, with the prediction's id and its
    /// label. Rows without feedback are left out.
    #[arg(long, value_name = "FILE")]
    feedback: Option<PathBuf>,
    /// The column with the prediction's id, in rows and feedback.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "prediction_id",
        requires = "feedback"
    )]
    id_column: String,
    /// Put rows that are wrong into this file, with the reasons, instead of stopping at the first.
    #[arg(long, value_name = "FILE")]
    quarantine: Option<PathBuf>,
}

type Json = serde_json::Map<String, serde_json::Value>;

fn parse_json(text: &str) -> Result<Json, String> {
    parse_object(text)
}

fn parse_delimiter(text: &str) -> Result<char, String> {
    let text = match text {
        "\\t" | "tab" => "\t",
        other => other,
    };
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Ok(char::from(*byte)),
        _ => Err("expected one ASCII character, such as ; or tab".to_owned()),
    }
}

impl DataOptions {
    pub(super) fn source(&self) -> DataSource {
        match &self.collection {
            Some(collection) => DataSource::MongoDb(MongoSource {
                database: self.database.clone(),
                collection: collection.clone(),
                query: self.query.clone().unwrap_or_default(),
                projection: self.projection.clone().unwrap_or_default(),
            }),
            None => DataSource::Files(FileSource {
                paths: self.data.clone(),
                delimiter: self.delimiter,
            }),
        }
    }

    /// Reads labelled rows and says on standard error which were left out.
    pub(super) fn dataset(
        &self,
        labels: &LabelOptions,
        schema: &FeatureSchema,
        reporter: Reporter,
    ) -> Result<Dataset, TrainerError> {
        let source = self.source();
        let mut quarantine = labels.quarantine.as_deref().map(Quarantine::new);
        let ingested = Ingest {
            schema,
            source: &source,
            time_column: None,
            labels: labels.labels(),
            invalid: match &mut quarantine {
                Some(quarantine) => InvalidRows::Count(Some(quarantine)),
                None => InvalidRows::Stop,
            },
            reporter,
        }
        .run()?;
        if let Some(quarantine) = quarantine {
            quarantine.commit()?;
        }
        if let Some(file) = &labels.quarantine
            && ingested.counts.n_invalid > 0
        {
            let (n, n_read) = (ingested.counts.n_invalid, ingested.counts.n_read);
            eprintln!(
                "note: {n} of {n_read} rows are wrong and stand in {}",
                file.display()
            );
        }
        labels.tell(ingested.counts);
        refuse_headers(&ingested, schema)?;
        Ok(ingested.into_dataset(schema)?)
    }
}

impl LabelOptions {
    pub(super) fn labels(&self) -> Labels {
        match &self.feedback {
            Some(path) => Labels::Feedback(FeedbackSource {
                path: path.clone(),
                id_column: self.id_column.clone(),
            }),
            None => Labels::Column,
        }
    }

    pub(super) fn quarantine(&self) -> Option<&PathBuf> {
        self.quarantine.as_ref()
    }

    fn tell(&self, counts: IngestCounts) {
        if self.feedback.is_some() {
            eprintln!(
                "note: {} rows have feedback, {} have none and are left out; {} labels fit no row",
                counts.n_kept, counts.n_without_feedback, counts.n_feedback_unused
            );
        }
    }
}

/// A file whose header is wrong is not a matter of a few rows.
fn refuse_headers(ingested: &Ingested, schema: &FeatureSchema) -> Result<(), IngestError> {
    for header in &ingested.headers {
        let file = header.name.clone();
        if let Some(error) = &header.error {
            return Err(IngestError::Header {
                file,
                schema: schema.name.clone(),
                error: error.clone(),
            });
        }
        if ingested.needs_label && !header.has_label {
            let column = schema.label.name.clone();
            return Err(IngestError::NoLabel { file, column });
        }
    }
    Ok(())
}
