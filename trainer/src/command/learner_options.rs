//! The learner's options on the command line.

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::error::TrainerError;
use crate::learner::Learner;

/// A kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ModelKind {
    /// Boosted trees.
    Boosting,
    /// A random forest.
    Forest,
    /// Extremely randomised trees.
    ExtraTrees,
    /// `AdaBoost` over small trees.
    Adaboost,
    /// A single tree.
    Tree,
    /// Logistic regression.
    Logistic,
    /// Nearest neighbours.
    Knn,
    /// A linear support vector machine.
    SvmLinear,
    /// A support vector machine with radial basis functions.
    SvmRbf,
    /// The mean of several models' log-odds.
    Voting,
    /// Several models, weighed by a regression on their log-odds.
    Stacking,
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
    /// How many trees [default: 300, of adaboost at most 200].
    #[arg(long, value_name = "N")]
    pub(super) trees: Option<usize>,
    /// The depth at which trees stop [default: 8 for boosting, 1 for adaboost, else 255].
    #[arg(long, value_name = "N")]
    pub(super) depth: Option<usize>,
    /// The least number of rows in a leaf (forest, extra-trees, tree) [default: 1].
    #[arg(long, value_name = "N")]
    pub(super) min_leaf: Option<f64>,
    /// What each tree's leaves are multiplied by (boosting, adaboost) [default: 0.06, 1].
    #[arg(long, value_name = "X")]
    pub(super) learning_rate: Option<f64>,
    /// The L1 penalty (logistic) [default: 0].
    #[arg(long, value_name = "X")]
    pub(super) l1: Option<f64>,
    /// The L2 penalty (boosting, logistic, stacking) [default: 1].
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
    /// Stop after this many trees that do not lower the loss of a tenth of the rows, then learn from all rows
    /// (boosting) [default: never].
    #[arg(long, value_name = "N")]
    pub(super) patience: Option<usize>,
    /// What the weight of rows of the positive class is multiplied by (trees, svm-linear, svm-rbf) [default: 1].
    #[arg(long, value_name = "X")]
    pub(super) positive_weight: Option<f64>,
    /// How many training rows are asked (knn) [default: 5].
    #[arg(long = "nearest", value_name = "N")]
    pub(super) neighbours: Option<usize>,
    /// How much each of them says, `uniform` or `distance` (knn) [default: uniform].
    #[arg(long, value_name = "NAME")]
    pub(super) weights: Option<String>,
    /// What a misplaced row costs (svm-linear, svm-rbf) [default: 1].
    #[arg(long, value_name = "X")]
    pub(super) c: Option<f64>,
    /// What squared distances are multiplied by (svm-rbf) [default: 1 / columns].
    #[arg(long, value_name = "X")]
    pub(super) gamma: Option<f64>,
    /// The models that are put together, each with its defaults (voting, stacking) [default:
    /// boosting,extra-trees,forest].
    #[arg(long, value_name = "MODELS", value_delimiter = ',')]
    pub(super) members: Option<Vec<String>>,
}

impl LearnerOptions {
    /// The learner that the options describe.
    ///
    /// # Errors
    /// [`TrainerError::Usage`] for an option that the model has no use for.
    pub(super) fn learner(&self) -> Result<Learner, TrainerError> {
        self.refuse_useless()?;
        let kind = match (self.model, self.learner) {
            (ModelKind::Tree, Implementation::Linfa) => "linfa-tree".to_owned(),
            (model, _) => name(model),
        };
        let trees = match self.model {
            ModelKind::Adaboost => "n_estimators",
            _ => "n_trees",
        };
        let given = [
            (trees, self.trees.map(Value::from)),
            ("max_depth", self.depth.map(Value::from)),
            ("min_leaf", self.min_leaf.map(Value::from)),
            ("learning_rate", self.learning_rate.map(Value::from)),
            ("l1", self.l1.map(Value::from)),
            ("l2", self.l2.map(Value::from)),
            ("min_child_weight", self.min_child_weight.map(Value::from)),
            ("row_fraction", self.row_fraction.map(Value::from)),
            ("column_fraction", self.column_fraction.map(Value::from)),
            ("patience", self.patience.map(Value::from)),
            ("positive_weight", self.positive_weight.map(Value::from)),
            ("n_neighbours", self.neighbours.map(Value::from)),
            ("weights", self.weights.clone().map(Value::from)),
            ("c", self.c.map(Value::from)),
            ("gamma", self.gamma.map(Value::from)),
            ("members", self.members.clone().map(Value::from)),
        ];
        let given = given.into_iter();
        let parameters = given.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(Learner::from_parts(&kind, &parameters.collect())?)
    }

    fn refuse_useless(&self) -> Result<(), TrainerError> {
        use ModelKind::{
            Adaboost, Boosting, ExtraTrees, Forest, Knn, Logistic, Stacking, SvmLinear, SvmRbf,
            Tree, Voting,
        };
        let options: [(&str, bool, &[ModelKind]); 16] = [
            (
                "--trees",
                self.trees.is_some(),
                &[Boosting, Forest, ExtraTrees, Adaboost],
            ),
            (
                "--depth",
                self.depth.is_some(),
                &[Boosting, Forest, ExtraTrees, Tree, Adaboost],
            ),
            (
                "--min-leaf",
                self.min_leaf.is_some(),
                &[Forest, ExtraTrees, Tree],
            ),
            (
                "--learning-rate",
                self.learning_rate.is_some(),
                &[Boosting, Adaboost],
            ),
            ("--l1", self.l1.is_some(), &[Logistic]),
            ("--l2", self.l2.is_some(), &[Boosting, Logistic, Stacking]),
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
            ("--patience", self.patience.is_some(), &[Boosting]),
            (
                "--positive-weight",
                self.positive_weight.is_some(),
                &[
                    Boosting, Forest, ExtraTrees, Tree, Adaboost, SvmLinear, SvmRbf,
                ],
            ),
            ("--nearest", self.neighbours.is_some(), &[Knn]),
            ("--weights", self.weights.is_some(), &[Knn]),
            ("--c", self.c.is_some(), &[SvmLinear, SvmRbf]),
            ("--gamma", self.gamma.is_some(), &[SvmRbf]),
            ("--members", self.members.is_some(), &[Voting, Stacking]),
        ];
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

/// The name on the command line.
fn name(kind: ModelKind) -> String {
    kind.to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_owned())
}
