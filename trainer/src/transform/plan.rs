//! What is wanted of a transform, before it has seen a row.

use std::borrow::Cow;
use std::collections::BTreeMap;

use picket_schema::artifact::{Column, NeighbourWeights, Step, Transform};
use picket_schema::limits;
use serde::{Deserialize, Serialize};

use super::encoder;
use super::error::TransformError;
use super::fitted::{FittedTransform, apply};
use super::imputer;
use super::scaler;
use crate::dataset::Dataset;

/// What stands for missing numbers. Missing categories become the most frequent one, except by
/// `Constant`, which leaves them missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Imputation {
    /// Nothing: the model gets missing values.
    #[default]
    None,
    /// The column's mean.
    Mean,
    /// The column's median; of an even number of values the mean of the middle two.
    Median,
    /// The column's most frequent value; of equally frequent ones the smallest.
    MostFrequent,
    /// This number.
    Constant(f64),
    /// The mean of the nearest training rows, as scikit-learn's `KNNImputer`.
    #[serde(rename_all = "kebab-case")]
    Knn {
        /// How many rows.
        #[serde(default = "five")]
        n_neighbours: u32,
        /// How much each of them says.
        #[serde(default, with = "weights_name")]
        weights: NeighbourWeights,
    },
}

/// What becomes of categories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Encoding {
    /// They stay categories, which every model of this project can read.
    #[default]
    None,
    /// One column for each: 1 where the row has it, else 0.
    OneHot,
    /// Their code as a number.
    Ordinal,
    /// The share of positive training rows of the category, drawn towards the share of all.
    Target {
        /// How many rows the share of all counts for.
        #[serde(default = "ten")]
        smoothing: f64,
    },
}

/// How numbers are scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// Not at all.
    #[default]
    None,
    /// To mean 0 and standard deviation 1.
    Standard,
    /// To median 0 and an interquartile range of 1.
    Robust,
    /// To 0..=1.
    MinMax,
}

/// What is done to rows before a model reads them. The default is nothing.
///
/// ```
/// use picket_trainer::transform::{Encoding, Imputation, Scaling, TransformPlan};
///
/// let plan = TransformPlan {
///     impute: Imputation::Median,
///     missing_indicators: true,
///     encode: Encoding::OneHot,
///     encode_ordinal: false,
///     scale: Scaling::Standard,
/// };
/// assert_eq!(plan.parameters()["impute"], "median");
/// assert!(TransformPlan::default().parameters().is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct TransformPlan {
    /// What stands for missing values.
    pub impute: Imputation,
    /// Whether each feature with missing training values gets a column that says where.
    pub missing_indicators: bool,
    /// What becomes of categories.
    pub encode: Encoding,
    /// Whether features with a list of numbers for their domain are encoded as categories are.
    pub encode_ordinal: bool,
    /// How the other numbers are scaled.
    pub scale: Scaling,
}

fn five() -> u32 {
    5
}

fn ten() -> f64 {
    10.0
}

/// `uniform` or `distance`.
mod weights_name {
    use picket_schema::artifact::NeighbourWeights;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Name {
        Uniform,
        Distance,
    }

    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands over a reference"
    )]
    pub(super) fn serialize<S: Serializer>(
        weights: &NeighbourWeights,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        weights.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<NeighbourWeights, D::Error> {
        Ok(match Name::deserialize(deserializer)? {
            Name::Uniform => NeighbourWeights::Uniform,
            Name::Distance => NeighbourWeights::Distance,
        })
    }
}

impl TransformPlan {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What differs from the default, by name, for the model card.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let impute = match self.impute {
            Imputation::None => None,
            Imputation::Mean => Some("mean".to_owned()),
            Imputation::Median => Some("median".to_owned()),
            Imputation::MostFrequent => Some("most frequent".to_owned()),
            Imputation::Constant(constant) => Some(format!("constant {constant}")),
            Imputation::Knn {
                n_neighbours,
                weights,
            } => {
                let weights = match weights {
                    NeighbourWeights::Uniform => "uniform",
                    NeighbourWeights::Distance => "distance",
                };
                Some(format!("{n_neighbours} neighbours, {weights} weights"))
            }
        };
        let encode = match self.encode {
            Encoding::None => None,
            Encoding::OneHot => Some("one-hot".to_owned()),
            Encoding::Ordinal => Some("ordinal".to_owned()),
            Encoding::Target { smoothing } => Some(format!("target, smoothing {smoothing}")),
        };
        let scale = match self.scale {
            Scaling::None => None,
            Scaling::Standard => Some("standard"),
            Scaling::Robust => Some("robust"),
            Scaling::MinMax => Some("min-max"),
        };
        let yes = |is_wanted: bool| is_wanted.then(|| "yes".to_owned());
        [
            ("impute", impute),
            ("missing_indicators", yes(self.missing_indicators)),
            ("encode", encode),
            ("encode_ordinal", yes(self.encode_ordinal)),
            ("scale", scale.map(str::to_owned)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }

    /// Learns the steps from the rows of `data`.
    ///
    /// # Errors
    /// A [`TransformError`] for a parameter out of range, and where the steps do not fit into an artifact.
    pub fn fit(&self, data: &Dataset, seed: u64) -> Result<FittedTransform, TransformError> {
        Ok(self.fit_apply(data, seed)?.0)
    }

    /// As [`TransformPlan::fit`]; also gives the rows that a model is to be fitted to. They differ from
    /// [`FittedTransform::apply`] where categories are encoded by the target: a row's code then comes from
    /// the other folds, in which no row has its features, so its own label is not in it. `seed` draws the folds.
    ///
    /// # Errors
    /// As [`TransformPlan::fit`].
    pub fn fit_apply<'d>(
        &self,
        data: &'d Dataset,
        seed: u64,
    ) -> Result<(FittedTransform, Cow<'d, Dataset>), TransformError> {
        self.check()?;
        let mut steps: Vec<Step<'static>> = Vec::new();
        let mut rows = Cow::Borrowed(data);
        let mut take = |rows: &mut Cow<'d, Dataset>, step: Step<'static>| {
            *rows = Cow::Owned(apply(&Transform(vec![step.clone()]), rows));
            steps.push(step);
        };
        let gaps = if self.missing_indicators {
            columns_with_gaps(data)
        } else {
            Vec::new()
        };
        // Where gaps are filled, what says where they were stands in front.
        let n_features = data.columns().len();
        let are_before = self.impute != Imputation::None && !gaps.is_empty();
        if are_before {
            let copies = (0..n_features as u32).map(Column::Copy);
            let columns = copies.chain(gaps.iter().copied().map(Column::IsMissing));
            take(&mut rows, Step::Columns(columns.collect()));
        }
        for step in imputer::fit(&self.impute, &rows, n_features)? {
            take(&mut rows, step);
        }
        let mut columns = Vec::new();
        for column_idx in 0..n_features {
            match encoder::levels(self, &rows, column_idx) {
                Some(levels) => {
                    columns.extend(encoder::fit(self.encode, &rows, column_idx, &levels));
                }
                None => columns.push(scaler::fit(self.scale, &rows, column_idx)),
            }
        }
        if are_before {
            columns.extend((n_features as u32..rows.columns().len() as u32).map(Column::Copy));
        } else {
            columns.extend(gaps.into_iter().map(Column::IsMissing));
        }
        if columns.len() > limits::MAX_COLUMNS {
            return Err(TransformError::Columns {
                found: columns.len(),
            });
        }
        let copies = (0..).map(Column::Copy).take(columns.len());
        if columns.len() != rows.columns().len() || !copies.eq(columns.iter().cloned()) {
            let target = match self.encode {
                Encoding::Target { smoothing } => Some((rows.clone(), smoothing)),
                _ => None,
            };
            take(&mut rows, Step::Columns(columns.clone()));
            if let Some((before, smoothing)) = target {
                let coded = encoder::out_of_fold(data, &before, &rows, &columns, smoothing, seed);
                rows = Cow::Owned(coded);
            }
        }
        let columns = rows.columns().clone();
        Ok((FittedTransform::new(Transform(steps), columns), rows))
    }

    fn check(&self) -> Result<(), TransformError> {
        match self.impute {
            Imputation::Knn { n_neighbours, .. }
                if n_neighbours == 0 || n_neighbours as usize > limits::MAX_NEIGHBOURS =>
            {
                return Err(TransformError::Neighbours {
                    found: n_neighbours,
                });
            }
            Imputation::Constant(found) if !(found as f32).is_finite() => {
                return Err(TransformError::Constant { found });
            }
            _ => {}
        }
        match self.encode {
            Encoding::Target { smoothing: found } if !(found >= 0.0 && found.is_finite()) => {
                Err(TransformError::Smoothing { found })
            }
            _ => Ok(()),
        }
    }
}

/// The columns with a missing value.
fn columns_with_gaps(data: &Dataset) -> Vec<u32> {
    let columns = data.columns().0.iter().enumerate();
    columns
        .filter(|(column_idx, column)| {
            let mut values = data.features().column(*column_idx).into_iter();
            values.any(|x| column.kind.is_missing(*x))
        })
        .map(|(column_idx, _)| column_idx as u32)
        .collect()
}
