//! The `transform`: what is done to a row before the model reads it.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ArtifactError;
use super::model_columns::{ColumnKind, ModelColumn, ModelColumns};
use super::neighbour_imputer::NeighbourImputer;
use super::reader::Reader;
use crate::limits;
use crate::shown_number::ShownNumber;

/// The steps, in order; none where the model reads the schema's row as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Transform<'a>(pub Vec<Step<'a>>);

/// One step: a row of f32 becomes a row of f32.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step<'a> {
    /// Constants for missing values, f32, one a column; NaN leaves a column as it is. Shape: `(n_columns,)`.
    Fill(#[serde(with = "serde_bytes")] Cow<'a, [u8]>),
    /// Missing values become the mean of the nearest training rows.
    Neighbours(NeighbourImputer<'a>),
    /// A new list of columns, each made from one column.
    Columns(Vec<Column<'a>>),
}

/// How a column is made from one column of the row before.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Column<'a> {
    /// That column as it is.
    Copy(u32),
    /// `(x - centre) / scale` in f64, rounded to f32.
    Scale {
        /// The numeric column.
        column: u32,
        /// Subtracted from the value.
        centre: f64,
        /// What remains is divided by it; positive.
        scale: f64,
    },
    /// A number for each category or level, and one for everything else.
    Lookup {
        /// The column.
        column: u32,
        /// The levels of a numeric column, f32, ascending; empty for a categorical one. Shape: `(n_levels,)`.
        #[serde(with = "serde_bytes")]
        levels: Cow<'a, [u8]>,
        /// The number for each code or level as f32, then that for missing and unknown values; NaN is
        /// missing. Shape: `(n_levels + 1,)`.
        #[serde(with = "serde_bytes")]
        values: Cow<'a, [u8]>,
    },
    /// 1 where the value is this one, else 0.
    OneHot {
        /// The column.
        column: u32,
        /// The category's code, or a numeric column's value.
        value: f32,
    },
    /// 1 where the value is missing, else 0.
    IsMissing(u32),
}

/// The f32 at a position of a table; `None` past the end.
#[must_use]
fn float_at(table: &[u8], index: usize) -> Option<f32> {
    table
        .as_chunks()
        .0
        .get(index)
        .map(|bytes| f32::from_le_bytes(*bytes))
}

/// Whether a number is finite, or the one NaN of the format.
fn is_plain(x: f32) -> bool {
    x.is_finite() || x.to_bits() == f32::NAN.to_bits()
}

impl<'a> Column<'a> {
    fn read(reader: &mut Reader<'a>) -> Self {
        match reader.choice() {
            "copy" => Self::Copy(reader.u32()),
            "scale" => {
                reader.map(3);
                Self::Scale {
                    column: reader.key("column").u32(),
                    centre: reader.key("centre").f64(),
                    scale: reader.key("scale").f64(),
                }
            }
            "lookup" => {
                reader.map(3);
                Self::Lookup {
                    column: reader.key("column").u32(),
                    levels: reader.key("levels").table(),
                    values: reader.key("values").table(),
                }
            }
            "one_hot" => {
                reader.map(2);
                Self::OneHot {
                    column: reader.key("column").u32(),
                    value: reader.key("value").f32(),
                }
            }
            "is_missing" => Self::IsMissing(reader.u32()),
            other => {
                reader.unknown(other, "copy, scale, lookup, one_hot or is_missing");
                Self::Copy(0)
            }
        }
    }
}

impl Column<'_> {
    /// The column of the row before that it is made from.
    #[must_use]
    pub fn source(&self) -> usize {
        match self {
            Self::Copy(column)
            | Self::IsMissing(column)
            | Self::Scale { column, .. }
            | Self::Lookup { column, .. }
            | Self::OneHot { column, .. } => *column as usize,
        }
    }

    /// The value made from `x`, a value of the column that it is made from, which is of this kind.
    #[must_use]
    pub fn value(&self, x: f32, kind: ColumnKind) -> f32 {
        match self {
            Self::Copy(_) => x,
            Self::Scale { centre, scale, .. } => ((f64::from(x) - centre) / scale) as f32,
            Self::Lookup { levels, values, .. } => {
                let position = match kind {
                    ColumnKind::Categorical { n_categories } => {
                        crate::Feature::category_code(n_categories, x)
                    }
                    ColumnKind::Numeric => levels
                        .as_chunks()
                        .0
                        .binary_search_by(|level| {
                            f32::from_le_bytes(*level)
                                .partial_cmp(&x)
                                .unwrap_or(core::cmp::Ordering::Less)
                        })
                        .ok(),
                };
                let last = (values.len() / 4).saturating_sub(1);
                float_at(values, position.unwrap_or(last)).unwrap_or(f32::NAN)
            }
            Self::OneHot { value, .. } => f32::from(u8::from(x == *value)),
            Self::IsMissing(_) => f32::from(u8::from(kind.is_missing(x))),
        }
    }

    /// What this column is, `before` being what the row before holds.
    fn column(&self, before: &ModelColumns) -> ModelColumn {
        let source = before.0.get(self.source()).copied();
        let source = source.unwrap_or(ModelColumn {
            kind: ColumnKind::Numeric,
            feature_idx: 0,
        });
        match self {
            Self::Copy(_) => source,
            _ => ModelColumn {
                kind: ColumnKind::Numeric,
                ..source
            },
        }
    }

    fn validate(&self, index: usize, before: &ModelColumns) -> Result<(), ArtifactError> {
        let found = self.source();
        let wrong = |expected: String| ArtifactError::FeatureIndex {
            place: "column",
            index,
            found,
            expected,
        };
        let kind = before
            .kind(found)
            .ok_or_else(|| wrong(format!("less than {}", before.len())))?;
        match self {
            Self::Copy(_) | Self::IsMissing(_) => Ok(()),
            Self::Scale { centre, scale, .. } => {
                if kind != ColumnKind::Numeric {
                    return Err(wrong("a numeric column".into()));
                }
                let max = limits::MAX_COLUMN_SCALE;
                let check = |name: &str, x: f64, min: f64| {
                    ArtifactError::check_range(
                        format_args!("{name} of column {index}"),
                        x,
                        min,
                        max,
                    )
                };
                check("centre", *centre, -max)?;
                check("scale", *scale, limits::MIN_COLUMN_SCALE)
            }
            Self::Lookup { levels, values, .. } => {
                let n_levels = match kind {
                    ColumnKind::Categorical { n_categories } => {
                        check_floats("levels", levels, 0)?;
                        n_categories
                    }
                    ColumnKind::Numeric => levels.len() / 4,
                };
                ArtifactError::check_count("levels", n_levels, 1, limits::MAX_LEVELS)?;
                check_floats("levels", levels, levels.len() / 4)?;
                check_floats("values", values, n_levels + 1)?;
                let mut last = f32::NEG_INFINITY;
                for (index, level) in floats(levels).enumerate() {
                    if !(level > last && level < f32::INFINITY) {
                        return Err(ArtifactError::LevelOrder { index });
                    }
                    last = level;
                }
                match floats(values).find(|value| !is_plain(*value)) {
                    None => Ok(()),
                    Some(value) => Err(not_plain(format!("values of column {index}"), value)),
                }
            }
            Self::OneHot { value, .. } => {
                if !value.is_finite() {
                    return Err(not_plain(format!("value of column {index}"), *value));
                }
                if kind != ColumnKind::Numeric && kind.is_missing(*value) {
                    // Shown this way, for exact printing would take 20 KB of WebAssembly.
                    let value = ShownNumber(f64::from(*value));
                    return Err(wrong(format!("a column with the category {value}")));
                }
                Ok(())
            }
        }
    }
}

/// The numbers of a table.
fn floats(table: &[u8]) -> impl Iterator<Item = f32> + '_ {
    let words = table.as_chunks().0.iter();
    words.map(|bytes| f32::from_le_bytes(*bytes))
}

fn not_plain(field: String, found: f32) -> ArtifactError {
    let found = f64::from(found);
    ArtifactError::NotFinite { field, found }
}

fn check_floats(table: &'static str, bytes: &[u8], expected: usize) -> Result<(), ArtifactError> {
    if bytes.len() == 4 * expected {
        return Ok(());
    }
    Err(ArtifactError::TableLength {
        table,
        found: bytes.len(),
        expected: format!("{} ({expected} numbers)", 4 * expected),
    })
}

impl<'a> Step<'a> {
    fn read(reader: &mut Reader<'a>) -> Self {
        match reader.choice() {
            "fill" => Self::Fill(reader.table()),
            "neighbours" => Self::Neighbours(NeighbourImputer::read(reader)),
            "columns" => Self::Columns(reader.array(Column::read)),
            other => {
                reader.unknown(other, "fill, neighbours or columns");
                Self::Columns(Vec::new())
            }
        }
    }
}

impl Step<'_> {
    /// The constant that a `fill` has for a column; `None` where it leaves the column as it is.
    #[must_use]
    pub fn fill_value(&self, column_idx: usize) -> Option<f32> {
        match self {
            Self::Fill(values) => float_at(values, column_idx).filter(|value| !value.is_nan()),
            Self::Neighbours(_) | Self::Columns(_) => None,
        }
    }

    /// The row's columns after this step, `before` being those before.
    #[must_use]
    pub fn columns(&self, before: &ModelColumns) -> ModelColumns {
        match self {
            Self::Fill(_) | Self::Neighbours(_) => before.clone(),
            Self::Columns(columns) => {
                ModelColumns(columns.iter().map(|column| column.column(before)).collect())
            }
        }
    }

    fn validate(&self, before: &ModelColumns) -> Result<(), ArtifactError> {
        match self {
            Self::Fill(values) => {
                check_floats("fill", values, before.len())?;
                for (index, (value, column)) in floats(values).zip(&before.0).enumerate() {
                    // NaN is no category's code, and leaves the column as it is.
                    let is_code = value.is_nan() || !column.kind.is_missing(value);
                    if !is_plain(value) || !is_code {
                        let expected = "a finite number, the code of a category or NaN".into();
                        return Err(ArtifactError::OutOfRange {
                            field: format!("the fill of column {index}"),
                            found: f64::from(value),
                            expected,
                        });
                    }
                }
                Ok(())
            }
            Self::Neighbours(imputer) => imputer.validate(before),
            Self::Columns(columns) => {
                ArtifactError::check_count("columns", columns.len(), 1, limits::MAX_COLUMNS)?;
                let mut columns = columns.iter().enumerate();
                columns.try_for_each(|(index, column)| column.validate(index, before))
            }
        }
    }
}

impl<'a> Transform<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        Self(reader.array(Step::read))
    }
}

impl Transform<'_> {
    /// The columns after all steps, `schema` being those before: what the model reads.
    #[must_use]
    pub fn columns(&self, schema: ModelColumns) -> ModelColumns {
        let steps = self.0.iter();
        steps.fold(schema, |columns, step| step.columns(&columns))
    }

    /// The columns after all steps, where these are right.
    pub(super) fn validate(&self, schema: ModelColumns) -> Result<ModelColumns, ArtifactError> {
        ArtifactError::check_count("transform steps", self.0.len(), 0, limits::MAX_STEPS)?;
        self.0.iter().try_fold(schema, |columns, step| {
            step.validate(&columns)?;
            Ok(step.columns(&columns))
        })
    }
}
