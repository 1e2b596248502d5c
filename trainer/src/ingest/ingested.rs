//! From a source to a data set: every table in turn, every row once.

use std::collections::HashSet;

use picket_schema::{ColumnMap, FeatureSchema, HeaderError};
use serde::Serialize;

use super::data_source::{DataSource, FileSource};
use super::error::IngestError;
use super::feedback::{FeedbackLabels, FeedbackSource, column_idx};
use super::file_list::files;
use super::mongo_source::MongoSource;
use super::open::open_table;
use super::problem_tally::ProblemTally;
use super::quarantine::Quarantine;
use super::row_reader::RowReader;
use super::row_time::{self, time_of};
use super::table::Table;
use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::progress::Reporter;

/// What to do with a row that cannot be used.
#[derive(Debug, Default)]
pub enum InvalidRows<'q> {
    /// The first one ends the reading with its error.
    #[default]
    Stop,
    /// They are counted, and kept in the quarantine where one is given.
    Count(Option<&'q mut Quarantine>),
}

/// Where labels come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// The label's column, which must be there.
    #[default]
    Column,
    /// Feedback, joined by the id of the prediction. Rows without feedback are left out.
    Feedback(FeedbackSource),
    /// There are none; what the label's column holds is not looked at.
    None,
}

/// Rows to read and how.
#[derive(Debug)]
pub struct Ingest<'a> {
    /// What a row holds.
    pub schema: &'a FeatureSchema,
    /// Where the rows are.
    pub source: &'a DataSource,
    /// Where their labels are.
    pub labels: Labels,
    /// The column that says when a row was seen; with it the rows come in the order of their times.
    pub time_column: Option<&'a str>,
    /// What happens to rows that cannot be used.
    pub invalid: InvalidRows<'a>,
    /// Who is told how far it is.
    pub reporter: Reporter,
}

/// How many rows came from where and went where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IngestCounts {
    /// Tables read: files, or one collection.
    pub n_tables: u64,
    /// Rows read.
    pub n_read: u64,
    /// Rows that can be used.
    pub n_kept: u64,
    /// Rows with a field that is wrong.
    pub n_invalid: u64,
    /// Rows whose prediction nobody gave feedback on.
    pub n_without_feedback: u64,
    /// Feedback that fits no row that was kept.
    pub n_feedback_unused: u64,
}

/// What a table's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableHeader {
    /// The table.
    pub name: String,
    /// Its columns that the schema does not know.
    pub extra: Vec<String>,
    /// Whether it has the label's column.
    pub has_label: bool,
    /// What is wrong with it: no row of this table was read.
    pub error: Option<HeaderError>,
}

/// Rows that were read.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingested {
    /// The source, for messages.
    pub source: String,
    /// Whether every row had to have a label of its own.
    pub needs_label: bool,
    /// The features, row-major. Shape: `(n_rows, n_features)`.
    pub values: Vec<f32>,
    /// Whether each row is positive. Shape: `(n_rows,)`, or empty for [`Labels::None`].
    pub labels: Vec<bool>,
    /// How many rows came from where.
    pub counts: IngestCounts,
    /// What was wrong with the others.
    pub problems: ProblemTally,
    /// The headers of the tables.
    pub headers: Vec<TableHeader>,
}

impl Ingested {
    /// How many rows there are.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.counts.n_kept as usize
    }

    /// Puts the rows in this order.
    fn put_in_order(&mut self, order: &[usize], n_features: usize) {
        let row = |row_idx: &usize| &self.values[row_idx * n_features..(row_idx + 1) * n_features];
        self.values = order.iter().flat_map(row).copied().collect();
        if !self.labels.is_empty() {
            self.labels = order.iter().map(|row_idx| self.labels[*row_idx]).collect();
        }
    }

    /// The rows as a data set.
    ///
    /// # Errors
    /// As [`Dataset::new`].
    pub fn into_dataset(self, schema: &FeatureSchema) -> Result<Dataset, IngestError> {
        Dataset::new(schema.clone(), self.values, self.labels, &self.source)
    }
}

impl<'a> Ingest<'a> {
    /// Labelled rows, of which the first that is wrong ends the reading.
    #[must_use]
    pub fn new(schema: &'a FeatureSchema, source: &'a DataSource) -> Self {
        Self {
            schema,
            source,
            labels: Labels::Column,
            time_column: None,
            invalid: InvalidRows::Stop,
            reporter: Reporter::Silent,
        }
    }

    /// Reads the rows. Memory beyond the result does not grow with their number.
    ///
    /// # Errors
    /// [`TrainerError::Ingest`] where the source cannot be read, and with
    /// [`InvalidRows::Stop`] for the first row or header that is wrong; [`TrainerError::Write`]
    /// where the quarantine cannot be written.
    pub fn run(mut self) -> Result<Ingested, TrainerError> {
        let feedback = match &self.labels {
            Labels::Feedback(source) => Some((
                FeedbackLabels::read(source, &self.schema.label)?,
                source.id_column.clone(),
            )),
            Labels::Column | Labels::None => None,
        };
        let mut all = Ingested {
            source: self.source.to_string(),
            needs_label: self.labels == Labels::Column,
            values: Vec::new(),
            labels: Vec::new(),
            counts: IngestCounts::default(),
            problems: ProblemTally::default(),
            headers: Vec::new(),
        };
        let (mut used, mut times) = (HashSet::new(), Vec::new());
        match self.source {
            DataSource::Files(FileSource { paths, delimiter }) => {
                for file in files(paths)? {
                    let (table, total) = open_table(&file, *delimiter)?;
                    self.read_table(
                        table,
                        total,
                        feedback.as_ref(),
                        &mut all,
                        (&mut used, &mut times),
                    )?;
                }
            }
            DataSource::MongoDb(source) => {
                let table = open_collection(source, self.schema)?;
                self.read_table(
                    table,
                    0,
                    feedback.as_ref(),
                    &mut all,
                    (&mut used, &mut times),
                )?;
            }
        }
        if let Some((labels, _)) = &feedback {
            all.counts.n_feedback_unused = (labels.len() as u64).saturating_sub(used.len() as u64);
        }
        if self.time_column.is_some() {
            all.put_in_order(&row_time::order_by(&times), self.schema.n_features());
        }
        Ok(all)
    }

    fn read_table(
        &mut self,
        table: Box<dyn Table>,
        total: u64,
        feedback: Option<&(FeedbackLabels, String)>,
        all: &mut Ingested,
        (used, times): (&mut HashSet<String>, &mut Vec<f64>),
    ) -> Result<(), TrainerError> {
        all.counts.n_tables += 1;
        let mut header = TableHeader {
            name: table.name().to_owned(),
            extra: Vec::new(),
            has_label: column_idx(table.columns(), &self.schema.label.name).is_some(),
            error: None,
        };
        let columns = table.columns().to_vec();
        let mut reader = match RowReader::of(table, self.schema) {
            Ok(reader) => reader,
            Err(IngestError::Header { error, .. }) if !self.stops() => {
                header.extra = unknown(self.schema, &columns);
                header.error = Some(error);
                all.headers.push(header);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let needs_label = self.labels == Labels::Column;
        let map: &ColumnMap = reader.columns();
        header.extra = map.extra.iter().map(|at| columns[*at].clone()).collect();
        let lacks_label = needs_label && !header.has_label;
        all.headers.push(header);
        if lacks_label && !self.stops() {
            return Ok(());
        }

        let id_idx =
            match feedback {
                Some((_, id_column)) => Some(column_idx(&columns, id_column).ok_or_else(|| {
                    IngestError::NoIdColumn {
                        file: reader.table().name().to_owned(),
                        column: id_column.clone(),
                    }
                })?),
                None => None,
            };
        let time_idx = match self.time_column {
            Some(column) => {
                let missing = || IngestError::NoTimeColumn {
                    file: reader.table().name().to_owned(),
                    column: column.to_owned(),
                };
                Some(column_idx(&columns, column).ok_or_else(missing)?)
            }
            None => None,
        };
        let stage = self.reporter.stage("read rows", total);
        let (mut row, mut problems) = (Vec::with_capacity(self.schema.n_features()), Vec::new());
        let stops = self.stops();
        while reader.read_telling(&mut row, &mut |problem| {
            problems.push(problem);
            !stops
        })? {
            all.counts.n_read += 1;
            let mut label = None;
            if needs_label && !has_field_count(&problems) && (problems.is_empty() || !stops) {
                match reader.label() {
                    Ok(found) => label = Some(found),
                    Err(error) => problems.push(error),
                }
            }
            let mut time = None;
            if let Some(time_idx) = time_idx
                && !has_field_count(&problems)
            {
                time = time_of(reader.table().cell(time_idx));
                if time.is_none() {
                    problems.push(reader.no_time(time_idx, row_time::EXPECTED));
                }
            }
            if !problems.is_empty() {
                self.refuse(&reader, &mut problems, all)?;
                continue;
            }
            if let (Some((labels, _)), Some(id_idx)) = (feedback, id_idx) {
                let id = reader.table().cell(id_idx).text();
                label = labels.get(&id);
                if label.is_none() {
                    all.counts.n_without_feedback += 1;
                    continue;
                }
                if !used.contains(id.trim()) {
                    used.insert(id.trim().to_owned());
                }
            }
            all.labels.extend(label);
            times.extend(time);
            all.values.extend_from_slice(&row);
            all.counts.n_kept += 1;
            stage.reach(if total == 0 {
                all.counts.n_read
            } else {
                reader.table().n_bytes_read()
            });
        }
        Ok(())
    }

    fn stops(&self) -> bool {
        matches!(self.invalid, InvalidRows::Stop)
    }

    fn refuse(
        &mut self,
        reader: &RowReader<'_, Box<dyn Table>>,
        problems: &mut Vec<IngestError>,
        all: &mut Ingested,
    ) -> Result<(), TrainerError> {
        all.counts.n_invalid += 1;
        match &mut self.invalid {
            InvalidRows::Stop => return Err(problems.remove(0).into()),
            InvalidRows::Count(quarantine) => {
                for problem in problems.iter() {
                    all.problems.add(problem);
                }
                if let Some(quarantine) = quarantine {
                    quarantine.take(reader.table(), problems)?;
                }
            }
        }
        problems.clear();
        Ok(())
    }
}

fn has_field_count(problems: &[IngestError]) -> bool {
    matches!(problems.first(), Some(IngestError::FieldCount { .. }))
}

/// The columns that the schema does not name.
fn unknown(schema: &FeatureSchema, columns: &[String]) -> Vec<String> {
    let names = columns
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim());
    names
        .filter(|name| schema.feature_idx(name).is_none() && *name != schema.label.name)
        .map(str::to_owned)
        .collect()
}

#[cfg(feature = "mongodb")]
fn open_collection(
    source: &MongoSource,
    schema: &FeatureSchema,
) -> Result<Box<dyn Table>, IngestError> {
    Ok(Box::new(super::mongo::MongoTable::open(source, schema)?))
}

#[cfg(not(feature = "mongodb"))]
fn open_collection(
    source: &MongoSource,
    _schema: &FeatureSchema,
) -> Result<Box<dyn Table>, IngestError> {
    Err(IngestError::NotBuilt {
        file: source.to_string(),
        feature: "mongodb",
    })
}
