//! The `linear` model: a weighted sum of standardised numbers and of categories.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ArtifactError;
use super::model_columns::{ColumnKind, ModelColumns};
use super::reader::Reader;
use crate::limits;

/// What one feature adds to the margin.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Term<'a> {
    /// A standardised number times a weight.
    Numeric {
        /// The model column's position: without a transform, the feature's in the schema.
        feature: u32,
        /// What stands for a missing value.
        fill: f32,
        /// Subtracted from the value.
        mean: f64,
        /// The value is divided by it; positive.
        scale: f64,
        /// What the standardised value is multiplied by.
        weight: f64,
        /// Added where the value is missing.
        missing_weight: f64,
        /// The term's mean over the training rows.
        background: f64,
    },
    /// A weight for each category.
    OneHot {
        /// The model column's position: without a transform, the feature's in the schema.
        feature: u32,
        /// The weights as f64, one a category. Shape: `(n_categories,)`.
        #[serde(with = "serde_bytes")]
        weights: Cow<'a, [u8]>,
        /// Added where the value is missing or unknown.
        missing_weight: f64,
        /// The term's mean over the training rows.
        background: f64,
    },
}

impl<'a> Term<'a> {
    fn read(reader: &mut Reader<'a>) -> Self {
        match reader.choice() {
            "numeric" => {
                reader.map(7);
                Self::Numeric {
                    feature: reader.key("feature").u32(),
                    fill: reader.key("fill").f32(),
                    mean: reader.key("mean").f64(),
                    scale: reader.key("scale").f64(),
                    weight: reader.key("weight").f64(),
                    missing_weight: reader.key("missing_weight").f64(),
                    background: reader.key("background").f64(),
                }
            }
            "one_hot" => {
                reader.map(4);
                Self::OneHot {
                    feature: reader.key("feature").u32(),
                    weights: reader.key("weights").table(),
                    missing_weight: reader.key("missing_weight").f64(),
                    background: reader.key("background").f64(),
                }
            }
            other => {
                reader.unknown(other, "numeric or one_hot");
                Self::OneHot {
                    feature: 0,
                    weights: Cow::default(),
                    missing_weight: 0.0,
                    background: 0.0,
                }
            }
        }
    }

    /// The model column the term reads.
    #[must_use]
    pub fn feature_idx(&self) -> usize {
        match self {
            Self::Numeric { feature, .. } | Self::OneHot { feature, .. } => *feature as usize,
        }
    }

    /// The weight of category `code`; `None` past the end, and for a numeric term.
    #[must_use]
    pub fn category_weight(&self, code: usize) -> Option<f64> {
        match self {
            Self::Numeric { .. } => None,
            Self::OneHot { weights, .. } => weights
                .as_chunks()
                .0
                .get(code)
                .map(|bytes| f64::from_le_bytes(*bytes)),
        }
    }
}

/// The `linear` model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Linear<'a> {
    /// What the margin starts from.
    pub bias: f64,
    /// The terms, in the order they are added.
    pub terms: Vec<Term<'a>>,
}

impl<'a> Linear<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        reader.map(2);
        Self {
            bias: reader.key("bias").f64(),
            terms: reader.key("terms").array(Term::read),
        }
    }

    pub(super) fn validate(&self, columns: &ModelColumns) -> Result<(), ArtifactError> {
        let max = limits::MAX_COEFFICIENT;
        ArtifactError::check_range(format_args!("bias"), self.bias, -max, max)?;
        ArtifactError::check_count("terms", self.terms.len(), 0, limits::MAX_COLUMNS)?;
        for (index, term) in self.terms.iter().enumerate() {
            let check = |name: &str, x: f64, min: f64| {
                ArtifactError::check_range(format_args!("{name} of term {index}"), x, min, max)
            };
            let found = term.feature_idx();
            let wrong = |expected: String| ArtifactError::FeatureIndex {
                place: "term",
                index,
                found,
                expected,
            };
            let kind = columns
                .kind(found)
                .ok_or_else(|| wrong(format!("less than {}", columns.len())))?;
            match term {
                Term::Numeric {
                    fill,
                    mean,
                    scale,
                    weight,
                    missing_weight,
                    background,
                    ..
                } => {
                    if kind != ColumnKind::Numeric {
                        return Err(wrong("a numeric column".into()));
                    }
                    let fill = f64::from(*fill);
                    ArtifactError::check_range(
                        format_args!("fill of term {index}"),
                        fill,
                        f64::from(f32::MIN),
                        f64::from(f32::MAX),
                    )?;
                    check("mean", *mean, -max)?;
                    check("scale", *scale, max.recip())?;
                    check("weight", *weight, -max)?;
                    check("missing_weight", *missing_weight, -max)?;
                    check("background", *background, -max)?;
                }
                Term::OneHot {
                    weights,
                    missing_weight,
                    background,
                    ..
                } => {
                    let ColumnKind::Categorical { n_categories } = kind else {
                        return Err(wrong("a categorical column".into()));
                    };
                    let expected = n_categories * 8;
                    if weights.len() != expected {
                        return Err(ArtifactError::TableLength {
                            table: "weights",
                            found: weights.len(),
                            expected: format!("{expected} (one f64 a category)"),
                        });
                    }
                    for weight in weights.as_chunks().0 {
                        check("weights", f64::from_le_bytes(*weight), -max)?;
                    }
                    check("missing_weight", *missing_weight, -max)?;
                    check("background", *background, -max)?;
                }
            }
        }
        Ok(())
    }
}
