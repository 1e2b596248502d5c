//! The rows that were recorded of a subject, and whether a model keeps one that equals one of them.

use std::collections::BTreeSet;

use picket_schema::artifact::{
    Kernel, ModelColumns, ModelTable, NeighbourImputer, PackedRows, Step, Transform,
};
use picket_schema::record::{Record, RecordKind};
use picket_schema::{Artifact, FeatureSchema};
use picket_wasm_model::{RowTransform, TransformScratch};

use crate::error::TrainerError;
use crate::records::{RecordQuery, RecordStore};

/// The bits of a value, where equal values have equal bits: one zero and one missing value.
fn bits(value: f32) -> u32 {
    if value.is_nan() {
        f32::NAN.to_bits()
    } else {
        // Minus zero becomes zero.
        (value + 0.0).to_bits()
    }
}

/// The distinct rows that were recorded of a subject, as the schema's features.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectRows(BTreeSet<Vec<u32>>);

impl SubjectRows {
    /// Reads the predictions of subjects, by their pseudonyms, that were made before a time and recorded with their
    /// features. It has to be done before they are erased.
    ///
    /// # Errors
    /// What the store says.
    pub fn read(
        store: &dyn RecordStore,
        subjects: &BTreeSet<String>,
        before_ms: u64,
    ) -> Result<Self, TrainerError> {
        let mut rows = Self::default();
        let query = RecordQuery {
            kinds: vec![RecordKind::Prediction],
            from_ms: 0,
            to_ms: before_ms,
        };
        store.read(&query, &mut |record| {
            let Record::Prediction(record) = record else {
                return;
            };
            let is_theirs = record
                .source
                .as_ref()
                .is_some_and(|it| subjects.contains(it));
            if let (true, Some(features)) = (is_theirs, record.features) {
                let values: Vec<f32> = features
                    .iter()
                    .map(|value| value.unwrap_or(f32::NAN))
                    .collect();
                rows.insert(&values);
            }
        })?;
        Ok(rows)
    }

    /// Adds a row of features; missing is NaN.
    pub fn insert(&mut self, features: &[f32]) {
        self.0
            .insert(features.iter().map(|value| bits(*value)).collect());
    }

    /// How many distinct rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was recorded that could be compared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows after some steps of a model's transform, for a model of the same number of features.
    fn transformed(&self, schema: &FeatureSchema, steps: &Transform<'_>) -> Vec<Vec<f32>> {
        let n_features = schema.n_features();
        let prepared = RowTransform::new(steps, schema.into());
        let mut scratch = TransformScratch::default();
        let of_length = self.0.iter().filter(|row| row.len() == n_features);
        let valid = of_length.map(|row| row.iter().map(|it| f32::from_bits(*it)).collect());
        // A code past a schema's categories belongs to another schema.
        let is_of_schema = |row: &Vec<f32>| {
            let mut features = schema.features.iter().zip(row);
            features.all(|(feature, value)| {
                let n_categories = feature.n_categories();
                n_categories == 0 || value.is_nan() || *value < n_categories as f32
            })
        };
        let rows = valid.filter(is_of_schema).map(|row: Vec<f32>| {
            let mut out = Vec::new();
            prepared.append(steps, &row, &mut scratch, &mut out);
            out
        });
        rows.collect()
    }

    /// How many rows that a model keeps equal one of these, after the model's own transform. Where values repeat, as
    /// categories do, an equal row may be somebody else's: it says that the subject *may* stand there.
    #[must_use]
    pub fn n_equal(&self, artifact: &Artifact<'_>) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let Transform(steps) = &artifact.transform;
        let mut n_equal = 0;
        for (idx, step) in steps.iter().enumerate() {
            if let Step::Neighbours(imputer) = step {
                let before = Transform(steps[..idx].to_vec());
                let rows = self.transformed(&artifact.schema, &before);
                n_equal += n_equal_in_imputer(imputer, &rows);
            }
        }
        let rows = self.transformed(&artifact.schema, &artifact.transform);
        let prepared = RowTransform::new(&artifact.transform, (&artifact.schema).into());
        for (_, table) in artifact.model.members() {
            n_equal += match table {
                ModelTable::Neighbours(table) => count(&table.rows, &rows, <[f32]>::to_vec),
                ModelTable::Kernel(table) => n_equal_in_kernel(table, prepared.columns(), &rows),
                ModelTable::Trees(_) | ModelTable::Linear(_) | ModelTable::Blend(_) => 0,
            };
        }
        n_equal
    }
}

/// How many of the stored rows equal one of `rows`, in the form that `form` gives both.
fn count(stored: &PackedRows<'_>, rows: &[Vec<f32>], form: impl Fn(&[f32]) -> Vec<f32>) -> u64 {
    let key = |row: &[f32]| form(row).into_iter().map(bits).collect::<Vec<u32>>();
    let wanted: BTreeSet<Vec<u32>> = rows.iter().map(|row| key(row)).collect();
    if wanted.is_empty() {
        return 0;
    }
    let mut values = vec![0.0; stored.n_columns()];
    let mut n_equal = 0;
    let decoder = stored.decoder();
    decoder.for_each_row(stored, &mut values, |_, row| {
        n_equal += u64::from(wanted.contains(&key(row)));
    });
    n_equal
}

/// A machine reads a missing number as its fill, whichever of the two was stored.
fn n_equal_in_kernel(table: &Kernel<'_>, columns: &ModelColumns, rows: &[Vec<f32>]) -> u64 {
    let fills: Vec<f32> = table.iter_fills().collect();
    count(&table.rows, rows, |row| {
        let columns = columns.0.iter().zip(&fills).zip(row);
        let filled = columns.map(|((column, fill), value)| {
            let is_number = matches!(column.kind, picket_schema::artifact::ColumnKind::Numeric);
            if is_number && value.is_nan() {
                *fill
            } else {
                *value
            }
        });
        filled.collect()
    })
}

/// An imputer keeps some columns of each row.
fn n_equal_in_imputer(imputer: &NeighbourImputer<'_>, rows: &[Vec<f32>]) -> u64 {
    let columns: Vec<usize> = imputer.iter_columns().collect();
    let kept: Vec<Vec<f32>> = rows
        .iter()
        .map(|row| columns.iter().map(|column| row[*column]).collect())
        .collect();
    count(&imputer.rows, &kept, <[f32]>::to_vec)
}
