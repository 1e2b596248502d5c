//! Options for what comes after the margin: calibration, threshold, uncertain band.

use clap::{Args, ValueEnum};

use crate::calibration::CalibrationMethod;
use crate::decide::{CostMethod, Costs, RateCheck, ThresholdRule};

/// How margins become scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CalibrationOption {
    /// A sigmoid.
    Platt,
    /// A function that does not fall.
    Isotonic,
    /// The margin for what the learner means by it.
    None,
    /// Platt or isotonic, by the Brier score on rows that the calibration did not see.
    Auto,
}

impl CalibrationOption {
    pub(super) fn method(self) -> CalibrationMethod {
        match self {
            Self::Platt => CalibrationMethod::Platt,
            Self::Isotonic => CalibrationMethod::Isotonic,
            Self::None => CalibrationMethod::None,
            Self::Auto => CalibrationMethod::Auto,
        }
    }
}

/// How the threshold follows from costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CostThresholdOption {
    /// cost-fp / (cost-fp + cost-fn): right for calibrated scores.
    ClosedForm,
    /// The lowest cost on the rows.
    Lowest,
}

/// Options for the threshold.
#[derive(Debug, Args)]
pub(super) struct ThresholdOptions {
    /// From which score on a row is taken for positive: a number from 0 to 1, or by rows that the scoring
    /// model did not see: `f1` for the highest F1, `fbeta:2` for the highest F-beta with beta 2.
    #[arg(long, value_name = "SCORE", value_parser = parse_threshold)]
    threshold: Option<ThresholdRule>,
    /// What a negative row taken for positive costs; with --cost-fn, the threshold follows from both.
    #[arg(
        long,
        value_name = "COST",
        requires = "cost_fn",
        conflicts_with = "threshold"
    )]
    cost_fp: Option<f64>,
    /// What a positive row taken for negative costs.
    #[arg(long, value_name = "COST", requires = "cost_fp")]
    cost_fn: Option<f64>,
    /// How the threshold follows from costs [default: closed-form, without a calibration lowest].
    #[arg(long, value_enum, requires = "cost_fp")]
    cost_threshold: Option<CostThresholdOption>,
    /// The lowest threshold with at most this false-positive rate on rows that the scoring model did not see.
    #[arg(long, value_name = "RATE", conflicts_with_all = ["threshold", "cost_fp"])]
    max_fpr: Option<f64>,
    /// Hold --max-fpr by the upper end of the one-sided exact 95 % interval over distinct rows.
    #[arg(long, requires = "max_fpr")]
    fpr_bound: bool,
}

impl ThresholdOptions {
    /// The rule, if one was asked for.
    pub(super) fn rule(&self, calibration: Option<CalibrationMethod>) -> Option<ThresholdRule> {
        if let Some((false_positive, false_negative)) = self.cost_fp.zip(self.cost_fn) {
            let method = match self.cost_threshold {
                Some(CostThresholdOption::Lowest) => CostMethod::Lowest,
                None if calibration == Some(CalibrationMethod::None) => CostMethod::Lowest,
                Some(CostThresholdOption::ClosedForm) | None => CostMethod::ClosedForm,
            };
            let costs = Costs {
                false_positive,
                false_negative,
            };
            return Some(ThresholdRule::Cost(costs, method));
        }
        let check = if self.fpr_bound {
            RateCheck::UpperBound
        } else {
            RateCheck::Share
        };
        self.max_fpr
            .map(|rate| ThresholdRule::MaxFalsePositiveRate(rate, check))
            .or(self.threshold)
    }
}

fn parse_threshold(text: &str) -> Result<ThresholdRule, String> {
    if text == "f1" {
        return Ok(ThresholdRule::FBeta(1.0));
    }
    if let Some(beta) = text.strip_prefix("fbeta:") {
        return match beta.parse::<f64>() {
            Ok(beta) if beta > 0.0 && beta.is_finite() => Ok(ThresholdRule::FBeta(beta)),
            _ => Err("expected a number above 0 after fbeta:".to_owned()),
        };
    }
    match text.parse::<f64>() {
        Ok(threshold) if (0.0..=1.0).contains(&threshold) => Ok(ThresholdRule::Fixed(threshold)),
        _ => Err("expected a number from 0 to 1, f1, or fbeta: and a number".to_owned()),
    }
}

/// Reads the share of wrong verdicts that a band is drawn for.
pub(super) fn parse_alpha(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(alpha) if alpha > 0.0 && alpha < 1.0 => Ok(alpha),
        _ => Err("expected a number above 0 and below 1".to_owned()),
    }
}
