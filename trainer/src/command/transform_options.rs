//! The options of a transform on the command line.

use clap::{Args, ValueEnum};
use picket_schema::artifact::NeighbourWeights;

use crate::error::TrainerError;
use crate::transform::{Encoding, Imputation, Scaling, TransformPlan};

/// What stands for missing values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ImputeOption {
    /// Nothing: the model gets missing values.
    None,
    /// The mean of the training rows.
    Mean,
    /// Their median.
    Median,
    /// Their most frequent value.
    MostFrequent,
    /// The number of `--fill`.
    Constant,
    /// The mean of the nearest training rows.
    Knn,
}

/// How much each neighbour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum WeightsOption {
    /// All the same.
    Uniform,
    /// By the inverse of their distance.
    Distance,
}

/// What becomes of categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum EncodeOption {
    /// They stay categories, which every model can read.
    None,
    /// One column for each.
    OneHot,
    /// Their code as a number.
    Ordinal,
    /// The share of positive training rows.
    Target,
}

/// How numbers are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ScaleOption {
    /// Not at all.
    None,
    /// To mean 0 and standard deviation 1.
    Standard,
    /// To median 0 and an interquartile range of 1.
    Robust,
    /// To 0..=1.
    MinMax,
}

/// What is done to rows before a model reads them. It travels in the model's file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Transform")]
pub(super) struct TransformOptions {
    /// What stands for missing values.
    #[arg(long, value_enum, default_value = "none")]
    impute: ImputeOption,
    /// The number for missing values (constant).
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    fill: Option<f64>,
    /// How many training rows a missing value is the mean of (knn) [default: 5].
    #[arg(id = "impute_neighbours", long = "impute-neighbours", value_name = "N")]
    neighbours: Option<u32>,
    /// How much each of them says (knn) [default: uniform].
    #[arg(
        id = "impute_weights",
        long = "impute-weights",
        value_enum,
        value_name = "WEIGHTS"
    )]
    weights: Option<WeightsOption>,
    /// Add a column for each feature with missing values that says where they are.
    #[arg(long)]
    missing_indicators: bool,
    /// What becomes of categories.
    #[arg(long, value_enum, default_value = "none")]
    encode: EncodeOption,
    /// Encode features with a list of numbers for their domain too.
    #[arg(long)]
    encode_ordinal: bool,
    /// How many rows the share of all counts for in a category's (target) [default: 10].
    #[arg(long, value_name = "X")]
    smoothing: Option<f64>,
    /// How numbers are scaled.
    #[arg(long, value_enum, default_value = "none")]
    scale: ScaleOption,
}

impl TransformOptions {
    /// The plan that the options describe.
    ///
    /// # Errors
    /// [`TrainerError::Usage`] for an option without use.
    pub(super) fn plan(&self) -> Result<TransformPlan, TrainerError> {
        let (impute, encode) = (self.impute, self.encode);
        for (option, is_given, is_useful, expected) in [
            (
                "--fill",
                self.fill.is_some(),
                impute == ImputeOption::Constant,
                "--impute constant",
            ),
            (
                "--impute-neighbours",
                self.neighbours.is_some(),
                impute == ImputeOption::Knn,
                "--impute knn",
            ),
            (
                "--impute-weights",
                self.weights.is_some(),
                impute == ImputeOption::Knn,
                "--impute knn",
            ),
            (
                "--smoothing",
                self.smoothing.is_some(),
                encode == EncodeOption::Target,
                "--encode target",
            ),
            (
                "--encode-ordinal",
                self.encode_ordinal,
                encode != EncodeOption::None,
                "--encode one-hot, ordinal or target",
            ),
        ] {
            if is_given && !is_useful {
                return Err(TrainerError::Usage {
                    option: option.to_owned(),
                    expected: format!("of no use here; expected {expected}"),
                });
            }
        }
        let impute = match impute {
            ImputeOption::None => Imputation::None,
            ImputeOption::Mean => Imputation::Mean,
            ImputeOption::Median => Imputation::Median,
            ImputeOption::MostFrequent => Imputation::MostFrequent,
            ImputeOption::Constant => Imputation::Constant(self.fill.unwrap_or(0.0)),
            ImputeOption::Knn => Imputation::Knn {
                n_neighbours: self.neighbours.unwrap_or(5),
                weights: match self.weights {
                    Some(WeightsOption::Distance) => NeighbourWeights::Distance,
                    Some(WeightsOption::Uniform) | None => NeighbourWeights::Uniform,
                },
            },
        };
        let encode = match encode {
            EncodeOption::None => Encoding::None,
            EncodeOption::OneHot => Encoding::OneHot,
            EncodeOption::Ordinal => Encoding::Ordinal,
            EncodeOption::Target => Encoding::Target {
                smoothing: self.smoothing.unwrap_or(10.0),
            },
        };
        let scale = match self.scale {
            ScaleOption::None => Scaling::None,
            ScaleOption::Standard => Scaling::Standard,
            ScaleOption::Robust => Scaling::Robust,
            ScaleOption::MinMax => Scaling::MinMax,
        };
        Ok(TransformPlan {
            impute,
            missing_indicators: self.missing_indicators,
            encode,
            encode_ordinal: self.encode_ordinal,
            scale,
        })
    }
}
