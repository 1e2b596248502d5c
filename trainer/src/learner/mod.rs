//! The learners and their parameters.

mod blend;
mod boosted;
mod fit;
#[cfg(test)]
mod golden_tests;
mod parts;
mod settings;

use blend::Blending;

pub use blend::{StackingSettings, VotingSettings};
pub use fit::Fitted;
pub(crate) use fit::{Learned, OutOfBagScores};
pub use parts::PartsError;
pub use settings::{
    AdaBoostSettings, BaggedSettings, BoostingSettings, KnnSettings, LinfaTreeSettings,
    LogisticSettings, SvmLinearSettings, SvmRbfSettings, TreeSettings,
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
    /// Nearest neighbours.
    Knn(KnnSettings),
    /// The mean of several learners' log-odds.
    Voting(VotingSettings),
    /// Several learners, weighed by a regression on their log-odds.
    Stacking(StackingSettings),
    /// A linear support vector machine.
    SvmLinear(SvmLinearSettings),
    /// A support vector machine with radial basis functions.
    SvmRbf(SvmRbfSettings),
}

impl Learner {
    /// How many trees a fit grows; 0 of a learner without trees. Of voting and stacking, how many steps of progress
    /// a fit makes.
    #[must_use]
    pub fn n_trees(&self) -> usize {
        match self {
            Self::Forest(bagged) | Self::ExtraTrees(bagged) => bagged.n_trees,
            Self::Boosting(boosting) => boosting.n_trees,
            Self::AdaBoost(adaboost) => adaboost.n_estimators,
            Self::Tree(_) | Self::LinfaTree(_) => 1,
            Self::Voting(voting) => Blending::from(voting).n_steps(),
            Self::Stacking(stacking) => Blending::from(stacking).n_steps(),
            Self::Logistic(_) | Self::Knn(_) | Self::SvmLinear(_) | Self::SvmRbf(_) => 0,
        }
    }

    /// Whether margins are probabilities, of leaves that are shares of rows; else they are log-odds.
    #[must_use]
    pub fn margins_are_probabilities(&self) -> bool {
        matches!(
            self,
            Self::Forest(_)
                | Self::ExtraTrees(_)
                | Self::Tree(_)
                | Self::LinfaTree(_)
                | Self::Knn(_)
        )
    }

    /// Where [`Fitted::out_of_bag`] comes from, for the model card.
    #[must_use]
    pub fn unseen_by(&self) -> &'static str {
        match self {
            Self::Voting(_) | Self::Stacking(_) => {
                "the members' out-of-fold margins, grouped folds"
            }
            _ => "out-of-bag margins",
        }
    }

    /// What a reader of a model's card should know of the learner.
    #[must_use]
    pub fn caveat(&self) -> Option<&'static str> {
        matches!(self, Self::LinfaTree(_)).then_some(
            "linfa-trees 0.8.1 compares with < what it fitted with <=, and breaks ties by chance: two fits may differ.",
        )
    }
}
