//! Labelled rows, checked against a schema.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use ndarray::{Array2, Axis};
use picket_schema::artifact::{ColumnKind, ModelColumns};
use picket_schema::{DataDigest, FeatureSchema};
use sha2::{Digest, Sha256};

use crate::ingest::{IngestError, RowReader};
use crate::learn::{Column, LearnError, Matrix};

/// Labelled rows of a schema, or these rows after a transform.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    schema: FeatureSchema,
    /// What the columns hold: the schema's features, or what a transform made of them.
    columns: ModelColumns,
    features: Array2<f32>,
    labels: Vec<bool>,
}

impl Dataset {
    /// Takes rows that are numbers already. `values` are row-major, of shape `(n_rows, n_features)`;
    /// NaN is missing. `labels` has shape `(n_rows,)`; `true` is the positive class. `source` names
    /// the rows in error messages.
    ///
    /// # Errors
    /// [`IngestError::Shape`] where values and labels do not fit each other,
    /// [`IngestError::NoRows`] without rows, [`IngestError::SingleClass`] with one class only.
    pub fn new(
        schema: FeatureSchema,
        mut values: Vec<f32>,
        labels: Vec<bool>,
        source: &str,
    ) -> Result<Self, IngestError> {
        let file = || source.to_owned();
        if labels.is_empty() {
            return Err(IngestError::NoRows { file: file() });
        }
        if labels.iter().all(|label| *label == labels[0]) {
            let label = &schema.label;
            let class = if labels[0] {
                &label.positive
            } else {
                &label.negative
            };
            return Err(IngestError::SingleClass {
                file: file(),
                column: label.name.clone(),
                found: class.name.clone(),
                expected: label.in_words(),
            });
        }
        // Equal rows must have equal bits: one NaN, one zero.
        for value in &mut values {
            if value.is_nan() {
                *value = f32::NAN;
            } else if *value == 0.0 {
                *value = 0.0;
            }
        }
        let shape = (labels.len(), schema.n_features());
        let (found, expected) = (values.len(), shape.0 * shape.1);
        let features = Array2::from_shape_vec(shape, values).map_err(|_| IngestError::Shape {
            file: file(),
            found,
            expected,
        })?;
        Ok(Self {
            columns: ModelColumns::from(&schema),
            schema,
            features,
            labels,
        })
    }

    /// The same rows after a transform. `values` are row-major, of shape `(n_rows, n_columns)`.
    ///
    /// # Panics
    /// Where the values are not as many rows of these columns.
    pub(crate) fn with_columns(&self, columns: ModelColumns, values: Vec<f32>) -> Self {
        let shape = (self.n_rows(), columns.len());
        let features = Array2::from_shape_vec(shape, values);
        Self {
            schema: self.schema.clone(),
            columns,
            features: features.expect("a transform gives a row for each row"),
            labels: self.labels.clone(),
        }
    }

    /// Reads labelled rows from CSV text. `file` names the source in error messages.
    ///
    /// # Errors
    /// The first [`IngestError`] found.
    pub fn read_csv(
        schema: &FeatureSchema,
        source: impl Read,
        file: &str,
    ) -> Result<Self, IngestError> {
        let mut reader = RowReader::new(source, file, schema)?;
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        let mut row = Vec::with_capacity(schema.n_features());
        while reader.read(&mut row)? {
            labels.push(reader.label()?);
            values.extend_from_slice(&row);
        }
        Self::new(schema.clone(), values, labels, file)
    }

    /// Reads labelled rows from a CSV file.
    ///
    /// # Errors
    /// The first [`IngestError`] found.
    pub fn open_csv(schema: &FeatureSchema, path: &Path) -> Result<Self, IngestError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|source| IngestError::Read {
            file: name.clone(),
            source,
        })?;
        Self::read_csv(schema, BufReader::new(file), &name)
    }

    /// What a row holds.
    #[must_use]
    pub fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    /// What the columns hold: without a transform, the schema's features.
    #[must_use]
    pub fn columns(&self) -> &ModelColumns {
        &self.columns
    }

    /// The features, or the columns that a transform made of them. Shape: `(n_rows, n_columns)`.
    #[must_use]
    pub fn features(&self) -> &Array2<f32> {
        &self.features
    }

    /// Whether each row is of the positive class. Shape: `(n_rows,)`.
    #[must_use]
    pub fn labels(&self) -> &[bool] {
        &self.labels
    }

    /// How many rows there are.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.labels.len()
    }

    /// One row. Shape: `(n_columns,)`.
    ///
    /// # Panics
    /// When `row_idx` is out of range.
    #[must_use]
    pub fn row(&self, row_idx: usize) -> &[f32] {
        let n_columns = self.columns.len();
        let values = self
            .features
            .as_slice()
            .expect("the matrix is made row-major");
        &values[row_idx * n_columns..(row_idx + 1) * n_columns]
    }

    /// The digest of the schema, the rows and the labels, in their order. How the file was written
    /// makes no difference: the order of its columns, its line ends, its quotes.
    #[must_use]
    pub fn digest(&self) -> DataDigest {
        let mut digest = Sha256::new();
        digest.update(self.schema.digest().0);
        digest.update((self.n_rows() as u64).to_le_bytes());
        // Row by row: a copy of the whole table would be the largest thing in memory.
        let mut bytes = Vec::with_capacity(4 * self.columns.len());
        for row_idx in 0..self.n_rows() {
            bytes.clear();
            let row = self.row(row_idx).iter();
            bytes.extend(row.flat_map(|value| value.to_bits().to_le_bytes()));
            digest.update(&bytes);
        }
        for labels in self.labels.chunks(4096) {
            bytes.clear();
            bytes.extend(labels.iter().map(|label| u8::from(*label)));
            digest.update(&bytes);
        }
        DataDigest(digest.finalize().into())
    }

    /// Some of the rows, in the order given. A part may be of one class.
    ///
    /// # Panics
    /// When an index is out of range.
    #[must_use]
    pub fn select(&self, row_idxs: &[usize]) -> Self {
        Self {
            schema: self.schema.clone(),
            columns: self.columns.clone(),
            features: self.features.select(Axis(0), row_idxs),
            labels: row_idxs
                .iter()
                .map(|row_idx| self.labels[*row_idx])
                .collect(),
        }
    }

    /// The rows as learners take them.
    ///
    /// # Errors
    /// A [`LearnError`] where there are more rows than learners can count.
    pub fn matrix(&self) -> Result<Matrix<'_>, LearnError> {
        let columns: Vec<Column> = self
            .columns
            .0
            .iter()
            .map(|column| match column.kind {
                ColumnKind::Categorical { n_categories } => Column::Categorical {
                    n_categories: n_categories as u32,
                },
                ColumnKind::Numeric => Column::Numeric,
            })
            .collect();
        Matrix::new(self.features.view(), self.labels.as_slice())?.with_columns(columns)
    }
}
