//! The pipeline's file: every stage's settings, each with a default.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::calibration::CalibrationMethod;
use crate::decide::{CostMethod, Costs, RateCheck, ThresholdRule};
use crate::error::TrainerError;
use crate::evaluation::Gate;
use crate::ingest::{DataSource, FeedbackSource};
use crate::pipeline::standard_space::standard_space;
use crate::search::{ParameterSpace, SearchMetric, SearchOptions, Strategy};
use crate::split::SplitKind;
use crate::transform::TransformPlan;
use crate::validate::ValidationConfig;

/// A pipeline. Unknown keys are errors: a slip of the pen must not train another model in silence.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PipelineConfig {
    /// The pipeline's name; models, experiment and releases bear it. Empty for the schema's.
    pub name: String,
    /// Where the rows are.
    pub data: Option<DataSource>,
    /// Labels that came later, joined to the rows by the prediction's id; without it rows have their own.
    pub feedback: Option<FeedbackSource>,
    /// The feature schema, a TOML file.
    pub schema: Option<PathBuf>,
    /// Where runs are kept.
    pub artifacts: PathBuf,
    /// The seed of every random choice.
    pub seed: u64,
    /// What rows must be like.
    pub validate: ValidationConfig,
    /// What rows are compared with.
    pub drift: DriftSection,
    /// How rows are told apart.
    pub split: SplitSection,
    /// What rows go through before a learner, unless a candidate says otherwise.
    pub transform: TransformPlan,
    /// What is tried.
    pub search: SearchSection,
    /// How margins become scores.
    pub calibrate: CalibrateSection,
    /// How scores become verdicts.
    pub decide: DecideSection,
    /// What is measured and demanded.
    pub evaluate: EvaluateSection,
    /// What the model must be better than.
    pub accept: AcceptSection,
    /// Where the run is told of.
    pub track: TrackSection,
    /// Where the model goes.
    pub publish: PublishSection,
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            data: None,
            feedback: None,
            schema: None,
            artifacts: PathBuf::from("artifacts"),
            seed: 0,
            validate: ValidationConfig::default(),
            drift: DriftSection::default(),
            split: SplitSection::default(),
            transform: TransformPlan::default(),
            search: SearchSection::default(),
            calibrate: CalibrateSection::default(),
            decide: DecideSection::default(),
            evaluate: EvaluateSection::default(),
            accept: AcceptSection::default(),
            track: TrackSection::default(),
            publish: PublishSection::default(),
        }
    }
}

impl PipelineConfig {
    /// Reads a pipeline's file. Paths in it are relative to the working directory, as on the command line.
    ///
    /// # Errors
    /// [`TrainerError::Read`] and [`TrainerError::Pipeline`] with what is wrong, and where.
    pub fn read(place: &Path) -> Result<Self, TrainerError> {
        let file = place.display().to_string();
        let text = std::fs::read_to_string(place).map_err(|source| TrainerError::Read {
            file: file.clone(),
            source,
        })?;
        Self::parse(&text, &file)
    }

    /// Reads a pipeline from text. `file` names it in messages.
    ///
    /// # Errors
    /// [`TrainerError::Pipeline`] with what is wrong, and where.
    pub fn parse(text: &str, file: &str) -> Result<Self, TrainerError> {
        toml::from_str(text).map_err(|error| TrainerError::Pipeline {
            file: file.to_owned(),
            reason: error.to_string(),
        })
    }
}

/// `[drift]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct DriftSection {
    /// Rows to compare with; without it the champion's training rows, where there is a champion.
    pub reference: Option<DataSource>,
    /// Whether drift ends the run.
    pub fail: bool,
    /// A column whose corrected p-value is below this has drifted.
    pub alpha: Option<f64>,
}

/// `[calibrate]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct CalibrateSection {
    /// How margins become scores.
    pub method: MethodName,
}

/// The name of a [`CalibrationMethod`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MethodName {
    /// A sigmoid.
    #[default]
    Platt,
    /// A function that does not fall.
    Isotonic,
    /// The margin as the learner means it.
    None,
    /// Platt or isotonic, by the Brier score.
    Auto,
}

impl From<MethodName> for CalibrationMethod {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Platt => Self::Platt,
            MethodName::Isotonic => Self::Isotonic,
            MethodName::None => Self::None,
            MethodName::Auto => Self::Auto,
        }
    }
}

/// `[decide]`: one of threshold, f-beta, costs and max-fpr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct DecideSection {
    /// A fixed threshold.
    pub threshold: Option<f64>,
    /// The highest F-beta, with this beta.
    pub f_beta: Option<f64>,
    /// What a negative row taken for positive costs.
    pub cost_fp: Option<f64>,
    /// What a positive row taken for negative costs.
    pub cost_fn: Option<f64>,
    /// The highest false-positive rate.
    pub max_fpr: Option<f64>,
    /// Hold it by the upper end of its interval.
    pub fpr_bound: bool,
    /// Draw a band of uncertain scores around the threshold: the share of each class that may get the
    /// other's verdict.
    pub uncertain: Option<f64>,
}

impl DecideSection {
    /// What wrong verdicts cost, where both costs are given.
    #[must_use]
    pub fn costs(&self) -> Option<Costs> {
        let (false_positive, false_negative) = self.cost_fp.zip(self.cost_fn)?;
        Some(Costs {
            false_positive,
            false_negative,
        })
    }

    /// The rule.
    ///
    /// # Errors
    /// [`TrainerError::Pipeline`] where more than one rule is given.
    pub fn rule(&self, file: &str) -> Result<ThresholdRule, TrainerError> {
        let wrong = |reason: &str| TrainerError::Pipeline {
            file: file.to_owned(),
            reason: format!("[decide]: {reason}"),
        };
        if self.cost_fp.is_some() != self.cost_fn.is_some() {
            return Err(wrong("found one of cost-fp and cost-fn; expected both"));
        }
        let check = if self.fpr_bound {
            RateCheck::UpperBound
        } else {
            RateCheck::Share
        };
        let mut rules = [
            self.threshold.map(ThresholdRule::Fixed),
            self.f_beta.map(ThresholdRule::FBeta),
            self.costs()
                .map(|costs| ThresholdRule::Cost(costs, CostMethod::ClosedForm)),
            self.max_fpr
                .map(|rate| ThresholdRule::MaxFalsePositiveRate(rate, check)),
        ]
        .into_iter()
        .flatten();
        let rule = rules.next().unwrap_or(ThresholdRule::Fixed(0.5));
        if rules.next().is_some() {
            return Err(wrong(
                "found more than one rule; expected one of threshold, f-beta, cost-fp with cost-fn, and max-fpr",
            ));
        }
        Ok(rule)
    }
}

/// `[evaluate]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct EvaluateSection {
    /// The features whose values are measured apart.
    pub slices: Vec<String>,
    /// Whether the other split is measured too, to show how much is memory.
    pub both_splits: bool,
    /// The lowest F1 on test rows.
    pub min_f1: f64,
    /// The largest distance between F1 on training and on test rows.
    pub max_gap: f64,
}

impl Default for EvaluateSection {
    fn default() -> Self {
        let gate = Gate::default();
        Self {
            slices: Vec::new(),
            both_splits: true,
            min_f1: gate.min_f1,
            max_gap: gate.max_gap,
        }
    }
}

impl EvaluateSection {
    /// What the model must achieve.
    #[must_use]
    pub fn gate(&self) -> Gate {
        Gate {
            min_f1: self.min_f1,
            max_gap: self.max_gap,
        }
    }
}

/// `[accept]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct AcceptSection {
    /// The champion's file; without it the champion of the place that is published to, where there is one.
    pub champion: Option<PathBuf>,
    /// By how much F1 must be better.
    pub min_gain: f64,
}

/// `[track]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TrackSection {
    /// The tracking server; without it `MLFLOW_TRACKING_URI`, and without that nothing is sent.
    pub uri: Option<String>,
    /// The experiment; without it the pipeline's name.
    pub experiment: Option<String>,
    /// The registered model; without it the pipeline's name.
    pub model: Option<String>,
}

/// `[publish]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PublishSection {
    /// A directory or `s3://bucket/prefix`; without it nothing is published.
    pub to: Option<String>,
    /// Whether an accepted model becomes the champion at once.
    pub promote: bool,
    /// Files of signing keys: they sign the release and its promotion.
    pub sign_with: Vec<PathBuf>,
    /// Says that the release is meant to be unsigned: no edge that follows releases takes it. Without this and without
    /// keys nothing is run. Where releases are signed already, an unsigned one is not promoted all the same.
    pub allow_unsigned: bool,
    /// How many days a signed release is valid; 90 where it is not said.
    pub valid_days: Option<std::num::NonZeroU16>,
}

/// `[split]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SplitSection {
    /// Which rows stay together, or `time`: the last rows are measured on.
    pub kind: SplitKind,
    /// For `time`: the column that says when a row was seen. Without it the order of the rows counts.
    pub time_column: Option<String>,
}

/// `[search]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SearchSection {
    /// How candidates are found and thinned out.
    pub strategy: StrategyName,
    /// What candidates are compared by.
    pub metric: SearchMetric,
    /// How many folds.
    pub folds: usize,
    /// How many draws a random search makes.
    pub draws: usize,
    /// What the candidates are divided by in a round of halving.
    pub factor: usize,
    /// After so many seconds no new task is started.
    pub time_budget_s: Option<f64>,
    /// Tasks that run together take about so many megabytes.
    pub memory_budget_mb: Option<u64>,
    /// Whether a blend of the best candidates is tried too.
    pub blend: bool,
    /// The candidates; empty for the standard ones.
    pub candidates: ParameterSpace,
}

impl SearchSection {
    /// What is tried.
    #[must_use]
    pub fn space(&self) -> ParameterSpace {
        if self.candidates.entries.is_empty() {
            standard_space()
        } else {
            self.candidates.clone()
        }
    }
}

/// The name of a [`Strategy`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyName {
    /// Every combination.
    #[default]
    Grid,
    /// So many draws.
    Random,
    /// Successive halving.
    Halving,
}

impl Default for SearchSection {
    fn default() -> Self {
        Self {
            strategy: StrategyName::Grid,
            metric: SearchMetric::LogLoss,
            folds: 5,
            draws: 30,
            factor: 3,
            time_budget_s: None,
            memory_budget_mb: None,
            blend: true,
            candidates: ParameterSpace::default(),
        }
    }
}

impl PipelineConfig {
    /// The options of the search.
    #[must_use]
    pub fn search_options(&self) -> SearchOptions {
        let search = &self.search;
        let seconds = search
            .time_budget_s
            .filter(|seconds| (0.0..1e9).contains(seconds));
        SearchOptions {
            transform: self.transform,
            blend: search.blend,
            metric: search.metric,
            strategy: match search.strategy {
                StrategyName::Grid => Strategy::Grid,
                StrategyName::Random => Strategy::Random(search.draws),
                StrategyName::Halving => Strategy::Halving {
                    factor: search.factor,
                },
            },
            split: self.split.kind,
            n_folds: search.folds,
            seed: self.seed,
            time_budget: seconds.map(Duration::from_secs_f64),
            memory_budget: search
                .memory_budget_mb
                .map(|mb| mb.saturating_mul(1_000_000)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of docs/pipeline.md.
    fn example() -> &'static str {
        let page = include_str!("../../../docs/pipeline.md");
        let start = page.find("```toml\n").unwrap() + "```toml\n".len();
        let length = page[start..].find("```").unwrap();
        &page[start..start + length]
    }

    #[test]
    fn the_documented_example_is_a_pipeline() {
        let config = PipelineConfig::parse(example(), "docs/pipeline.md").unwrap();
        assert_eq!(config.search.metric, SearchMetric::LogLoss);
        assert_eq!(config.decide.uncertain, Some(0.05));
        let costs = config.decide.rule("docs/pipeline.md").unwrap();
        assert!(matches!(costs, ThresholdRule::Cost(..)));
        let candidates = config.search.space().grid(&config.transform).unwrap();
        assert_eq!(candidates.len(), 5);
        assert_ne!(candidates[0].transform, candidates[4].transform);
        // What a run keeps of its settings is read back as it was.
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(
            serde_json::from_str::<PipelineConfig>(&text).unwrap(),
            config
        );
    }

    #[test]
    fn an_empty_file_is_all_defaults_and_slips_are_named() {
        let config = PipelineConfig::parse("", "empty").unwrap();
        assert_eq!(config, PipelineConfig::default());
        for (text, word) in [
            ("sede = 3", "sede"),
            ("[search]\nmetric = \"auc\"", "roc-auc"),
            ("[split]\nkind = \"grouped\"\nshare = 0.5", "share"),
            ("[publish]\npromote = \"yes\"", "boolean"),
        ] {
            let error = PipelineConfig::parse(text, "p.toml")
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(word) && error.starts_with("p.toml"),
                "{error}"
            );
        }
        let one = PipelineConfig::parse("[decide]\ncost-fp = 1.0", "p.toml").unwrap();
        assert!(one.decide.rule("p.toml").is_err());
    }
}
