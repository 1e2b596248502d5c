//! Rows of the field that got a label: what a later model can learn from.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use picket_schema::record::{PredictionRecord, Record, RecordKind};
use picket_schema::{Class, Domain, Feature, FeatureSchema};
use serde::Serialize;

use super::error::RecordsError;
use super::labels::{LabelCounts, LabelTable};
use super::store::{ReadCounts, RecordQuery, RecordStore};
use crate::ingest::recorded_column;

/// Which conflicting labels to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflicts {
    /// The last word counts.
    #[default]
    Latest,
    /// Rows whose labels contradict each other are left out.
    Drop,
}

/// A row of the field with its label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledRow {
    /// The prediction's id.
    pub prediction: String,
    /// When it was made, in milliseconds since 1970.
    pub time_ms: u64,
    /// The pseudonym of its source, where sources are recorded: an erasure finds the row by it.
    pub source: Option<String>,
    /// The features as the schema's fields have them, of hashed ones the bucket; empty is missing. Shape: `(n_features,)`.
    pub fields: Vec<String>,
    /// The label's value.
    pub label: String,
}

/// How many labels became rows, and why others did not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JoinCounts {
    /// What labels there are.
    #[serde(flatten)]
    pub labels: LabelCounts,
    /// Labelled predictions that became rows.
    pub n_rows: u64,
    /// Labels whose prediction is not in the store, or outside the span.
    pub n_without_prediction: u64,
    /// Predictions recorded without their features: the edge has to be told `verdicts-with-features`.
    pub n_without_features: u64,
    /// Predictions of rows that are none of this schema.
    pub n_other_schema: u64,
    /// Labels of a class that the schema does not name.
    pub n_unknown_class: u64,
    /// Left out because their labels contradict each other.
    pub n_dropped_conflicts: u64,
}

/// Rows of the field that got a label, in the order of their predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledRows {
    /// The rows.
    pub rows: Vec<LabelledRow>,
    /// Why there are not more.
    pub counts: JoinCounts,
    /// What reading came upon.
    pub read: ReadCounts,
    /// Predictions whose labels contradict each other, with the label that counts.
    pub conflicts: BTreeMap<String, String>,
}

/// The columns that stand before the features.
pub(super) const ID_COLUMNS: [&str; 3] = ["prediction_id", "time_ms", "source"];

/// The value that means a class in the label's column.
fn label_value(class: &Class) -> &str {
    class.values.first().unwrap_or(&class.name)
}

/// A value as the field that it came from; `None` for what no field gives.
fn field_of(feature: &Feature, value: Option<f32>) -> Option<String> {
    let Some(value) = value else {
        return feature.missing_value().is_ok().then(String::new);
    };
    match &feature.domain {
        Domain::Categories(names) => {
            let code = Feature::category_code(names.len(), value)?;
            names.get(code).cloned()
        }
        // The text is not known, and its bucket is all that a model sees of it.
        Domain::Hashed(n_buckets) => {
            let bucket = Feature::category_code(*n_buckets as usize, value)?;
            Some(bucket.to_string())
        }
        Domain::Values(_) | Domain::Range(_) => {
            let text = value.to_string();
            let read = feature.parse_text(&text).ok()?;
            (read.to_bits() == value.to_bits()).then_some(text)
        }
    }
}

fn fields_of(schema: &FeatureSchema, values: &[Option<f32>]) -> Option<Vec<String>> {
    if values.len() != schema.n_features() {
        return None;
    }
    let fields = schema.features.iter().zip(values);
    fields
        .map(|(feature, value)| field_of(feature, *value))
        .collect()
}

struct Join<'j> {
    schema: &'j FeatureSchema,
    labels: &'j LabelTable,
    conflicts_rule: Conflicts,
    found: BTreeSet<String>,
    all: LabelledRows,
}

impl Join<'_> {
    fn add(&mut self, record: PredictionRecord) {
        let Some(label) = self.labels.get(&record.id) else {
            return;
        };
        self.found.insert(record.id.clone());
        let counts = &mut self.all.counts;
        if label.is_conflicting {
            self.all
                .conflicts
                .insert(record.id.clone(), label.class.clone());
            if self.conflicts_rule == Conflicts::Drop {
                counts.n_dropped_conflicts += 1;
                return;
            }
        }
        let Some(values) = &record.features else {
            counts.n_without_features += 1;
            return;
        };
        let (positive, negative) = (&self.schema.label.positive, &self.schema.label.negative);
        let class = [positive, negative]
            .into_iter()
            .find(|it| it.name == label.class);
        let Some(class) = class else {
            counts.n_unknown_class += 1;
            return;
        };
        let Some(fields) = fields_of(self.schema, values) else {
            counts.n_other_schema += 1;
            return;
        };
        counts.n_rows += 1;
        self.all.rows.push(LabelledRow {
            prediction: record.id,
            time_ms: record.time_ms,
            source: record.source,
            fields,
            label: label_value(class).to_owned(),
        });
    }
}

impl LabelledRows {
    /// Joins the labels of a store to the predictions of a span, by the predictions' ids.
    ///
    /// # Errors
    /// [`RecordsError::Store`].
    pub fn join(
        store: &dyn RecordStore,
        schema: &FeatureSchema,
        (from_ms, to_ms): (u64, u64),
        conflicts: Conflicts,
    ) -> Result<Self, RecordsError> {
        let (labels, _) = LabelTable::read(store, from_ms)?;
        let mut join = Join {
            schema,
            labels: &labels,
            conflicts_rule: conflicts,
            found: BTreeSet::new(),
            all: Self {
                rows: Vec::new(),
                counts: JoinCounts::default(),
                read: ReadCounts::default(),
                conflicts: BTreeMap::new(),
            },
        };
        let query = RecordQuery {
            kinds: vec![RecordKind::Prediction],
            from_ms,
            to_ms,
        };
        let read = store.read(&query, &mut |record| {
            if let Record::Prediction(prediction) = record {
                join.add(prediction);
            }
        })?;
        let n_found = join.found.len() as u64;
        let mut all = join.all;
        all.read = read;
        all.counts.labels = labels.counts();
        all.counts.n_without_prediction = all.counts.labels.n_predictions.saturating_sub(n_found);
        // Whatever the store and its order: the same records give the same file.
        all.rows
            .sort_by(|a, b| (a.time_ms, &a.prediction).cmp(&(b.time_ms, &b.prediction)));
        Ok(all)
    }

    /// Writes the rows as CSV: id, time and source, the features, the label.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_csv(&self, schema: &FeatureSchema, out: impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        let names: Vec<_> = schema.features.iter().map(recorded_column).collect();
        let header = ID_COLUMNS
            .into_iter()
            .chain(names.iter().map(AsRef::as_ref))
            .chain([schema.label.name.as_str()]);
        writer.write_record(header)?;
        for row in &self.rows {
            let time_ms = row.time_ms.to_string();
            let source = row.source.as_deref().unwrap_or_default();
            let ids = [row.prediction.as_str(), &time_ms, source];
            let fields = row.fields.iter().map(String::as_str);
            writer.write_record(ids.into_iter().chain(fields).chain([row.label.as_str()]))?;
        }
        writer.flush()
    }

    /// Writes the same columns as Parquet: numbers as f32, categories by name, missing values as null.
    ///
    /// # Errors
    /// What the writer says.
    #[cfg(feature = "parquet")]
    pub fn write_parquet(&self, schema: &FeatureSchema, out: impl Write + Send) -> io::Result<()> {
        super::parquet_rows::write(&self.rows, schema, out).map_err(io::Error::other)
    }
}
