//! How each learner is fitted.

use linfa::ParamGuard;
use picket_schema::artifact::{ModelColumns, ModelTable};
use picket_schema::limits;

use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::export::tree_table;
use crate::importance;
use crate::knn::fit_neighbours;
use crate::learn::{
    AdaBoostParams, DecisionTreeParams, ExtraTreesParams, Forest, LearnError, LinfaTreeParams,
    Matrix, OutOfBag, Progress, RandomForestParams, TreeEnsemble,
};
use crate::logistic::{fit_logistic, linear_importances};
use crate::svm::{fit_linear, fit_rbf};

use super::blend::Blending;
use super::{Learner, LogisticSettings, boosted};

/// What a fit gives.
#[derive(Debug)]
pub struct Fitted {
    /// The model as it stands in an artifact.
    pub table: ModelTable<'static>,
    /// The model columns' shares in the model. Shape: `(n_columns,)` or empty.
    pub importances: Vec<f64>,
    /// For each training row the margin by what did not see it, shape `(n_rows,)`: of a forest the trees, of voting
    /// and stacking the members fitted to other folds. `None` of a learner that has no such margins.
    pub out_of_bag: Option<Vec<Option<f64>>>,
}

impl Learner {
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
            Self::Boosting(boosting) => of_trees(boosted::fit(boosting, data, seed, progress)?),
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
            Self::Voting(voting) => Blending::from(voting).fit(data, seed, progress)?,
            Self::Stacking(stacking) => Blending::from(stacking).fit(data, seed, progress)?,
            other => other.learn_table(data, &matrix)?,
        })
    }

    /// As [`Learner::learn`], for learners whose model is no trees.
    fn learn_table(&self, data: &Dataset, matrix: &Matrix<'_>) -> Result<Learned, TrainerError> {
        let (table, importances) = match self {
            Self::Logistic(LogisticSettings { l1, l2 }) => {
                let linear = fit_logistic(data, *l1, *l2)?;
                let importances = linear_importances(&linear, data);
                (ModelTable::Linear(linear), importances)
            }
            Self::SvmLinear(svm) => {
                matrix.require_both_classes()?;
                let linear = fit_linear(data, svm.c, svm.positive_weight)?;
                let importances = linear_importances(&linear, data);
                (ModelTable::Linear(linear), importances)
            }
            Self::SvmRbf(svm) => {
                matrix.require_both_classes()?;
                let kernel = fit_rbf(data, svm.c, svm.gamma, svm.positive_weight)?;
                (ModelTable::Kernel(kernel), Vec::new())
            }
            Self::Knn(knn) => {
                let neighbours =
                    fit_neighbours(data, knn.n_neighbours, knn.weights, knn.standardise)?;
                (ModelTable::Neighbours(neighbours), Vec::new())
            }
            trees => unreachable!("{} is fitted before", trees.name()),
        };
        Ok(Learned::Table {
            table,
            importances,
            unseen: None,
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
    Table {
        table: ModelTable<'static>,
        importances: Vec<f64>,
        unseen: Option<Vec<Option<f64>>>,
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
            Self::Table {
                table,
                importances,
                unseen,
            } => {
                return Ok(Fitted {
                    table,
                    importances,
                    out_of_bag: unseen,
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
