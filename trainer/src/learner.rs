//! The learners and their parameters.

use std::collections::BTreeMap;

use linfa::ParamGuard;
use picket_schema::artifact::{Linear, ModelTable};
use picket_schema::{FeatureSchema, limits};

use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::export::tree_table;
use crate::importance;
use crate::learn::{
    BoostingParams, DecisionTreeParams, ExtraTreesParams, Forest, LearnError, LinfaTreeParams,
    OutOfBag, Progress, RandomForestParams, TreeEnsemble,
};
use crate::logistic::{fit_logistic, linear_importances};

/// Parameters of the learners that average many trees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BaggedSettings {
    /// How many trees vote.
    pub n_trees: usize,
    /// The depth at which trees stop.
    pub max_depth: usize,
    /// The least number of training rows in a leaf.
    pub min_leaf: f64,
    /// What the weight of positive rows is multiplied by.
    pub positive_weight: f64,
}

/// Parameters of boosting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoostingSettings {
    /// How many trees are added.
    pub n_trees: usize,
    /// The depth at which trees stop.
    pub max_depth: usize,
    /// What each leaf is multiplied by.
    pub learning_rate: f64,
    /// The L2 penalty on leaves.
    pub l2: f64,
    /// The least sum of hessians in a leaf.
    pub min_child_weight: f64,
    /// The share of the distinct rows that each tree learns from.
    pub row_fraction: f64,
    /// The share of the features that each tree may ask for; `None` lets the learner choose by
    /// their number.
    pub column_fraction: Option<f64>,
    /// What the weight of positive rows is multiplied by.
    pub positive_weight: f64,
}

/// Parameters of a single tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TreeSettings {
    /// The depth at which the tree stops.
    pub max_depth: usize,
    /// The least number of training rows in a leaf.
    pub min_leaf: f64,
    /// What the weight of positive rows is multiplied by.
    pub positive_weight: f64,
}

/// Parameters of linfa's tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinfaTreeSettings {
    /// The depth at which the tree stops.
    pub max_depth: usize,
    /// The least number of training rows in a leaf.
    pub min_leaf: f64,
}

impl Default for BaggedSettings {
    fn default() -> Self {
        Self {
            n_trees: 300,
            max_depth: limits::MAX_TREE_DEPTH,
            min_leaf: 1.0,
            positive_weight: 1.0,
        }
    }
}

/// As [`BoostingParams`], where it is said how they were chosen.
impl Default for BoostingSettings {
    fn default() -> Self {
        Self {
            n_trees: 300,
            max_depth: 8,
            learning_rate: 0.06,
            l2: 1.0,
            min_child_weight: 0.3,
            row_fraction: 1.0,
            column_fraction: None,
            positive_weight: 1.0,
        }
    }
}

impl Default for TreeSettings {
    fn default() -> Self {
        Self {
            max_depth: limits::MAX_TREE_DEPTH,
            min_leaf: 1.0,
            positive_weight: 1.0,
        }
    }
}

impl Default for LinfaTreeSettings {
    fn default() -> Self {
        Self {
            max_depth: limits::MAX_TREE_DEPTH,
            min_leaf: 1.0,
        }
    }
}

/// A learner with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Learner {
    /// A random forest.
    Forest(BaggedSettings),
    /// Extremely randomised trees.
    ExtraTrees(BaggedSettings),
    /// Boosted trees.
    Boosting(BoostingSettings),
    /// One tree.
    Tree(TreeSettings),
    /// One tree by linfa-trees, for comparison; without missing values or categories.
    LinfaTree(LinfaTreeSettings),
    /// Logistic regression with this L2 penalty.
    Logistic {
        /// The penalty.
        l2: f64,
    },
}

/// What a fit gives.
#[derive(Debug)]
pub struct Fitted {
    /// The model as it stands in an artifact.
    pub table: ModelTable<'static>,
    /// The features' shares in the model. Shape: `(n_features,)` or empty.
    pub importances: Vec<f64>,
    /// For each training row the margin from the trees that did not see it, shape `(n_rows,)`;
    /// `None` of a learner in which every tree sees every row.
    pub out_of_bag: Option<Vec<Option<f64>>>,
}

impl Learner {
    /// The learner's name, as in `trainer train --model NAME`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Forest(_) => "forest",
            Self::ExtraTrees(_) => "extra-trees",
            Self::Boosting(_) => "boosting",
            Self::Tree(_) => "tree",
            Self::LinfaTree(_) => "linfa-tree",
            Self::Logistic { .. } => "logistic",
        }
    }

    /// How many trees a fit grows; 0 of a learner without trees.
    #[must_use]
    pub fn n_trees(&self) -> usize {
        match self {
            Self::Forest(bagged) | Self::ExtraTrees(bagged) => bagged.n_trees,
            Self::Boosting(boosting) => boosting.n_trees,
            Self::Tree(_) | Self::LinfaTree(_) => 1,
            Self::Logistic { .. } => 0,
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

    /// The parameters by name, for the model card.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let pairs: Vec<(&str, String)> = match self {
            Self::Forest(bagged) | Self::ExtraTrees(bagged) => vec![
                ("n_trees", bagged.n_trees.to_string()),
                ("max_depth", bagged.max_depth.to_string()),
                ("min_leaf", bagged.min_leaf.to_string()),
                ("positive_weight", bagged.positive_weight.to_string()),
            ],
            Self::Boosting(boosting) => vec![
                ("n_trees", boosting.n_trees.to_string()),
                ("max_depth", boosting.max_depth.to_string()),
                ("learning_rate", boosting.learning_rate.to_string()),
                ("l2", boosting.l2.to_string()),
                ("min_child_weight", boosting.min_child_weight.to_string()),
                ("row_fraction", boosting.row_fraction.to_string()),
                (
                    "column_fraction",
                    boosting.column_fraction.map_or_else(
                        || "by the number of features".to_owned(),
                        |share| share.to_string(),
                    ),
                ),
                ("positive_weight", boosting.positive_weight.to_string()),
            ],
            Self::Tree(tree) => vec![
                ("max_depth", tree.max_depth.to_string()),
                ("min_leaf", tree.min_leaf.to_string()),
                ("positive_weight", tree.positive_weight.to_string()),
            ],
            Self::LinfaTree(tree) => vec![
                ("max_depth", tree.max_depth.to_string()),
                ("min_leaf", tree.min_leaf.to_string()),
            ],
            Self::Logistic { l2 } => vec![("l2", l2.to_string())],
        };
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
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
            .export(data.schema())
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
            Self::Logistic { l2 } => {
                let linear = fit_logistic(data, *l2)?;
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
    pub(crate) fn export(self, schema: &FeatureSchema) -> Result<Fitted, TrainerError> {
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
        let table = ModelTable::Trees(tree_table(&ensemble, schema)?);
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
    TrainerError::NotForLinfa {
        feature: data.schema().features[column].name.clone(),
        found,
    }
}
