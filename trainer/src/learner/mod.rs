//! The learners and their parameters.

#[cfg(test)]
mod golden_tests;
mod parts;
mod settings;

use linfa::ParamGuard;
use picket_schema::artifact::{Linear, ModelColumns, ModelTable};
use picket_schema::limits;

use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::export::tree_table;
use crate::importance;
use crate::learn::{
    AdaBoostParams, BoostingParams, DecisionTreeParams, ExtraTreesParams, Forest, LearnError,
    LinfaTreeParams, OutOfBag, Progress, RandomForestParams, TreeEnsemble,
};
use crate::logistic::{fit_logistic, linear_importances};

pub use parts::PartsError;
pub use settings::{
    AdaBoostSettings, BaggedSettings, BoostingSettings, LinfaTreeSettings, LogisticSettings,
    TreeSettings,
};

/// A learner with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Learner {
    /// A random forest.
    Forest(BaggedSettings),
    /// Extremely randomised trees.
    ExtraTrees(BaggedSettings),
    /// Boosted trees.
    Boosting(BoostingSettings),
    /// `AdaBoost` over small trees.
    AdaBoost(AdaBoostSettings),
    /// One tree.
    Tree(TreeSettings),
    /// One tree by linfa-trees, for comparison; without missing values or categories.
    LinfaTree(LinfaTreeSettings),
    /// Logistic regression.
    Logistic(LogisticSettings),
}

/// What a fit gives.
#[derive(Debug)]
pub struct Fitted {
    /// The model as it stands in an artifact.
    pub table: ModelTable<'static>,
    /// The model columns' shares in the model. Shape: `(n_columns,)` or empty.
    pub importances: Vec<f64>,
    /// For each training row the margin from the trees that did not see it, shape `(n_rows,)`;
    /// `None` of a learner in which every tree sees every row.
    pub out_of_bag: Option<Vec<Option<f64>>>,
}

impl Learner {
    /// How many trees a fit grows; 0 of a learner without trees.
    #[must_use]
    pub fn n_trees(&self) -> usize {
        match self {
            Self::Forest(bagged) | Self::ExtraTrees(bagged) => bagged.n_trees,
            Self::Boosting(boosting) => boosting.n_trees,
            Self::AdaBoost(adaboost) => adaboost.n_estimators,
            Self::Tree(_) | Self::LinfaTree(_) => 1,
            Self::Logistic(_) => 0,
        }
    }

    /// Whether margins are probabilities, of leaves that are shares of rows; else they are log-odds.
    #[must_use]
    pub fn margins_are_probabilities(&self) -> bool {
        matches!(
            self,
            Self::Forest(_) | Self::ExtraTrees(_) | Self::Tree(_) | Self::LinfaTree(_)
        )
    }

    /// What a reader of a model's card should know of the learner.
    #[must_use]
    pub fn caveat(&self) -> Option<&'static str> {
        matches!(self, Self::LinfaTree(_)).then_some(
            "linfa-trees 0.8.1 compares with < what it fitted with <=, and breaks ties by chance: two fits may differ.",
        )
    }

    /// Learns from all rows of `data`.
    ///
    /// # Errors
    /// Where a parameter is out of range, the rows are of one class, or the model does not fit
    /// into an artifact.
    pub fn fit(
        &self,
        data: &Dataset,
        seed: u64,
        progress: &dyn Progress,
    ) -> Result<Fitted, TrainerError> {
        self.learn(data, seed, OutOfBagScores::Wanted, progress)?
            .export(data.columns())
    }

    /// As [`Learner::fit`], up to a model in memory.
    pub(crate) fn learn(
        &self,
        data: &Dataset,
        seed: u64,
        out_of_bag: OutOfBagScores,
        progress: &dyn Progress,
    ) -> Result<Learned, TrainerError> {
        let matrix = data.matrix()?;
        let of_trees = |ensemble| Learned::Trees {
            ensemble,
            out_of_bag: None,
        };
        Ok(match self {
            Self::Forest(bagged) => {
                let forest = RandomForestParams::new()
                    .n_trees(bagged.n_trees)
                    .max_depth(Some(bagged.max_depth.min(limits::MAX_TREE_DEPTH)))
                    .min_weight_leaf(bagged.min_leaf)
                    .positive_weight(bagged.positive_weight)
                    .out_of_bag(out_of_bag == OutOfBagScores::Wanted)
                    .seed(seed)
                    .check()?
                    .fit_matrix(&matrix, progress)?;
                forest.into()
            }
            Self::ExtraTrees(bagged) => {
                let forest = ExtraTreesParams::new()
                    .n_trees(bagged.n_trees)
                    .max_depth(Some(bagged.max_depth.min(limits::MAX_TREE_DEPTH)))
                    .min_weight_leaf(bagged.min_leaf)
                    .positive_weight(bagged.positive_weight)
                    .seed(seed)
                    .check()?
                    .fit_matrix(&matrix, progress)?;
                forest.into()
            }
            Self::Boosting(boosting) => {
                let boosted = BoostingParams::new()
                    .n_trees(boosting.n_trees)
                    .max_depth(Some(boosting.max_depth.min(limits::MAX_TREE_DEPTH)))
                    .learning_rate(boosting.learning_rate)
                    .l2(boosting.l2)
                    .min_child_weight(boosting.min_child_weight)
                    .row_fraction(boosting.row_fraction)
                    .column_fraction(boosting.column_fraction)
                    .positive_weight(boosting.positive_weight)
                    .seed(seed)
                    .check()?
                    .fit_matrix(&matrix, None, progress)?;
                of_trees(boosted.ensemble)
            }
            Self::AdaBoost(adaboost) => {
                let params = AdaBoostParams::new()
                    .n_estimators(adaboost.n_estimators)
                    .learning_rate(adaboost.learning_rate)
                    .max_depth(adaboost.max_depth.min(limits::MAX_TREE_DEPTH))
                    .positive_weight(adaboost.positive_weight);
                of_trees(params.fit_matrix(&matrix, progress)?)
            }
            Self::Tree(tree) => {
                let ensemble = DecisionTreeParams::new()
                    .max_depth(Some(tree.max_depth.min(limits::MAX_TREE_DEPTH)))
                    .min_weight_leaf(tree.min_leaf)
                    .positive_weight(tree.positive_weight)
                    .seed(seed)
                    .check()?
                    .fit_matrix(&matrix)?;
                of_trees(ensemble)
            }
            Self::LinfaTree(tree) => {
                let ensemble = LinfaTreeParams::new()
                    .max_depth(Some(tree.max_depth.min(limits::MAX_TREE_DEPTH)))
                    .min_weight_leaf(tree.min_leaf as f32)
                    .fit_matrix(&matrix)
                    .map_err(|error| name_column(error, data))?;
                of_trees(ensemble)
            }
            Self::Logistic(LogisticSettings { l1, l2 }) => {
                let linear = fit_logistic(data, *l1, *l2)?;
                let importances = linear_importances(&linear, data);
                Learned::Linear {
                    model: linear,
                    importances,
                }
            }
        })
    }
}

/// Whether a learner that can is to score its own training rows by the trees that did not see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutOfBagScores {
    /// Yes, for calibration.
    Wanted,
    /// No.
    Unwanted,
}

/// A fitted model in memory.
#[derive(Debug)]
pub(crate) enum Learned {
    Trees {
        ensemble: TreeEnsemble,
        out_of_bag: Option<OutOfBag>,
    },
    Linear {
        model: Linear<'static>,
        importances: Vec<f64>,
    },
}

impl From<Forest> for Learned {
    fn from(forest: Forest) -> Self {
        Self::Trees {
            ensemble: forest.ensemble,
            out_of_bag: forest.out_of_bag,
        }
    }
}

impl Learned {
    /// The model as it stands in an artifact.
    ///
    /// # Errors
    /// Where it does not fit into one.
    pub(crate) fn export(self, columns: &ModelColumns) -> Result<Fitted, TrainerError> {
        let (ensemble, out_of_bag) = match self {
            Self::Linear { model, importances } => {
                return Ok(Fitted {
                    table: ModelTable::Linear(model),
                    importances,
                    out_of_bag: None,
                });
            }
            Self::Trees {
                ensemble,
                out_of_bag,
            } => (ensemble, out_of_bag),
        };
        let table = ModelTable::Trees(tree_table(&ensemble, columns)?);
        let gains = ensemble
            .importances()
            .iter()
            .map(|importance| importance.gain.max(0.0))
            .collect();
        Ok(Fitted {
            table,
            importances: importance::shares(gains),
            out_of_bag: out_of_bag.map(|scores| scores.probabilities().to_vec()),
        })
    }
}

/// linfa's tree has no notion of categories and missing values: says which feature has them.
fn name_column(error: LearnError, data: &Dataset) -> TrainerError {
    let (column, found) = match &error {
        LearnError::NotNumeric { column } => (*column, "a categorical feature"),
        LearnError::NotFinite { column, .. } => (*column, "missing values"),
        _ => return error.into(),
    };
    let feature_idx = data.columns().0[column].feature_idx;
    TrainerError::NotForLinfa {
        feature: data.schema().features[feature_idx].name.clone(),
        found,
    }
}
