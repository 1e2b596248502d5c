//! The learner's options on the command line.

use clap::{Args, ValueEnum};

use crate::error::TrainerError;
use crate::learner::{
    BaggedSettings, BoostingSettings, Learner, LinfaTreeSettings, LogisticSettings, TreeSettings,
};

/// A kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ModelKind {
    /// Boosted trees.
    Boosting,
    /// A random forest.
    Forest,
    /// Extremely randomised trees.
    ExtraTrees,
    /// A single tree.
    Tree,
    /// Logistic regression.
    Logistic,
}

/// Whose code fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Implementation {
    /// This project's.
    Picket,
    /// The linfa-trees crate's, for comparison; only for `--model tree`.
    Linfa,
}

/// Options of the learners. What a model has no use for is refused.
#[derive(Debug, Args)]
pub(super) struct LearnerOptions {
    /// The kind of model.
    #[arg(long, value_enum, default_value = "boosting")]
    pub(super) model: ModelKind,
    /// Whose code fits the model.
    #[arg(long, value_enum, default_value = "picket")]
    pub(super) learner: Implementation,
    /// How many trees [default: 300].
    #[arg(long, value_name = "N")]
    pub(super) trees: Option<usize>,
    /// The depth at which trees stop [default: 8 for boosting, else 255].
    #[arg(long, value_name = "N")]
    pub(super) depth: Option<usize>,
    /// The least number of rows in a leaf (forest, extra-trees, tree) [default: 1].
    #[arg(long, value_name = "N")]
    pub(super) min_leaf: Option<f64>,
    /// What each tree's leaves are multiplied by (boosting) [default: 0.06].
    #[arg(long, value_name = "X")]
    pub(super) learning_rate: Option<f64>,
    /// The L1 penalty (logistic) [default: 0].
    #[arg(long, value_name = "X")]
    pub(super) l1: Option<f64>,
    /// The L2 penalty (boosting, logistic) [default: 1].
    #[arg(long, value_name = "X")]
    pub(super) l2: Option<f64>,
    /// The least sum of hessians in a leaf (boosting) [default: 0.3].
    #[arg(long, value_name = "X")]
    pub(super) min_child_weight: Option<f64>,
    /// The share of the distinct rows that each tree learns from (boosting) [default: 1].
    #[arg(long, value_name = "SHARE")]
    pub(super) row_fraction: Option<f64>,
    /// The share of the features that each tree may ask for (boosting) [default: 0.4, at least 8 features].
    #[arg(long, value_name = "SHARE")]
    pub(super) column_fraction: Option<f64>,
    /// What the weight of rows of the positive class is multiplied by (not logistic) [default: 1].
    #[arg(long, value_name = "X")]
    pub(super) positive_weight: Option<f64>,
}

impl LearnerOptions {
    /// The learner that the options describe.
    ///
    /// # Errors
    /// [`TrainerError::Usage`] for an option that the model has no use for.
    pub(super) fn learner(&self) -> Result<Learner, TrainerError> {
        self.refuse_useless()?;
        let bagged = || {
            let default = BaggedSettings::default();
            BaggedSettings {
                n_trees: self.trees.unwrap_or(default.n_trees),
                max_depth: self.depth.unwrap_or(default.max_depth),
                min_leaf: self.min_leaf.unwrap_or(default.min_leaf),
                positive_weight: self.positive_weight.unwrap_or(default.positive_weight),
            }
        };
        Ok(match self.model {
            ModelKind::Forest => Learner::Forest(bagged()),
            ModelKind::ExtraTrees => Learner::ExtraTrees(bagged()),
            ModelKind::Boosting => {
                let default = BoostingSettings::default();
                Learner::Boosting(BoostingSettings {
                    n_trees: self.trees.unwrap_or(default.n_trees),
                    max_depth: self.depth.unwrap_or(default.max_depth),
                    learning_rate: self.learning_rate.unwrap_or(default.learning_rate),
                    l2: self.l2.unwrap_or(default.l2),
                    min_child_weight: self.min_child_weight.unwrap_or(default.min_child_weight),
                    row_fraction: self.row_fraction.unwrap_or(default.row_fraction),
                    column_fraction: self.column_fraction.or(default.column_fraction),
                    positive_weight: self.positive_weight.unwrap_or(default.positive_weight),
                })
            }
            ModelKind::Tree if self.learner == Implementation::Linfa => {
                let default = LinfaTreeSettings::default();
                Learner::LinfaTree(LinfaTreeSettings {
                    max_depth: self.depth.unwrap_or(default.max_depth),
                    min_leaf: self.min_leaf.unwrap_or(default.min_leaf),
                })
            }
            ModelKind::Tree => {
                let default = TreeSettings::default();
                Learner::Tree(TreeSettings {
                    max_depth: self.depth.unwrap_or(default.max_depth),
                    min_leaf: self.min_leaf.unwrap_or(default.min_leaf),
                    positive_weight: self.positive_weight.unwrap_or(default.positive_weight),
                })
            }
            ModelKind::Logistic => Learner::Logistic(LogisticSettings {
                l1: self.l1.unwrap_or(0.0),
                l2: self.l2.unwrap_or(LogisticSettings::default().l2),
            }),
        })
    }

    fn refuse_useless(&self) -> Result<(), TrainerError> {
        use ModelKind::{Boosting, ExtraTrees, Forest, Logistic, Tree};
        let options: [(&str, bool, &[ModelKind]); 10] = [
            (
                "--trees",
                self.trees.is_some(),
                &[Boosting, Forest, ExtraTrees],
            ),
            (
                "--depth",
                self.depth.is_some(),
                &[Boosting, Forest, ExtraTrees, Tree],
            ),
            (
                "--min-leaf",
                self.min_leaf.is_some(),
                &[Forest, ExtraTrees, Tree],
            ),
            ("--learning-rate", self.learning_rate.is_some(), &[Boosting]),
            ("--l1", self.l1.is_some(), &[Logistic]),
            ("--l2", self.l2.is_some(), &[Boosting, Logistic]),
            (
                "--min-child-weight",
                self.min_child_weight.is_some(),
                &[Boosting],
            ),
            ("--row-fraction", self.row_fraction.is_some(), &[Boosting]),
            (
                "--column-fraction",
                self.column_fraction.is_some(),
                &[Boosting],
            ),
            (
                "--positive-weight",
                self.positive_weight.is_some(),
                &[Boosting, Forest, ExtraTrees, Tree],
            ),
        ];
        let name = |kind: ModelKind| {
            kind.to_possible_value()
                .map_or_else(String::new, |value| value.get_name().to_owned())
        };
        for (option, is_given, kinds) in options {
            if is_given && !kinds.contains(&self.model) {
                let names: Vec<String> = kinds.iter().copied().map(name).collect();
                let expected = format!(
                    "found --model {}; expected {}",
                    name(self.model),
                    names.join(" or ")
                );
                return Err(TrainerError::Usage {
                    option: option.to_owned(),
                    expected,
                });
            }
        }
        if self.learner == Implementation::Linfa {
            let wrong = |expected: String| {
                Err(TrainerError::Usage {
                    option: "--learner linfa".to_owned(),
                    expected,
                })
            };
            if self.model != Tree {
                return wrong(format!("found --model {}; expected tree", name(self.model)));
            }
            if self.positive_weight.is_some() {
                return wrong(
                    "found --positive-weight; expected none, for linfa ignores it".into(),
                );
            }
        }
        Ok(())
    }
}
