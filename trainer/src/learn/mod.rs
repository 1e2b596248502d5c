//! Pure learning on numbers: matrices in, tree ensembles out. No files, no columns by name.
//!
//! Every learner bins its features, collapses equal rows and counts in whole numbers, so that the
//! same seed and data give the same model for every number of threads.

mod adaboost;
mod bagging;
mod bin_test;
mod binning;
mod boosting;
mod category_set;
mod cuts;
mod decision_tree;
mod ensemble;
mod error;
mod extra_trees;
mod fixed_point;
mod forest;
mod gini_split;
mod gini_tree;
mod label;
mod linfa_traits;
mod linfa_tree;
mod matrix;
mod out_of_bag;
mod parameter;
mod partition;
mod progress;
mod table;
mod tree_shape;

pub use adaboost::{AdaBoostParams, AdaBoostValidParams};
pub use bagging::{Bootstrap, Forest};
pub use boosting::{Boosted, BoostingParams, BoostingValidParams};
pub use category_set::CategorySet;
pub use decision_tree::{DecisionTreeParams, DecisionTreeValidParams};
pub use ensemble::{Condition, Importance, Link, Node, Operator, Test, Tree, TreeEnsemble};
pub use error::LearnError;
pub use extra_trees::{ExtraTreesParams, ExtraTreesValidParams};
pub use forest::{RandomForestParams, RandomForestValidParams};
pub use label::BinaryLabel;
pub use linfa_traits::PredictProbability;
pub use linfa_tree::LinfaTreeParams;
pub use matrix::{Column, MAX_CATEGORIES, MAX_COLUMNS, MAX_ROWS, Matrix};
pub use out_of_bag::OutOfBag;
pub use progress::Progress;
pub use tree_shape::FeatureSampling;
