//! What can be set about each learner. Names and defaults are those of the command line, of model cards
//! and of pipeline files.

use picket_schema::artifact::NeighbourWeights;
use picket_schema::limits;
use serde::{Deserialize, Serialize};

/// Parameters of the learners that average many trees.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
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
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
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
    /// After how many trees that do not lower the loss of rows kept back no more are grown; `None` grows all.
    pub patience: Option<usize>,
    /// What the weight of positive rows is multiplied by.
    pub positive_weight: f64,
}

/// Parameters of `AdaBoost`; the defaults are scikit-learn's but for the number of trees.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaBoostSettings {
    /// The most trees.
    pub n_estimators: usize,
    /// What each tree's vote is multiplied by.
    pub learning_rate: f64,
    /// The depth at which trees stop.
    pub max_depth: usize,
    /// What the weight of positive rows is multiplied by.
    pub positive_weight: f64,
}

/// Parameters of a single tree.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TreeSettings {
    /// The depth at which the tree stops.
    pub max_depth: usize,
    /// The least number of training rows in a leaf.
    pub min_leaf: f64,
    /// What the weight of positive rows is multiplied by.
    pub positive_weight: f64,
}

/// Parameters of linfa's tree.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinfaTreeSettings {
    /// The depth at which the tree stops.
    pub max_depth: usize,
    /// The least number of training rows in a leaf.
    pub min_leaf: f64,
}

/// Parameters of nearest neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnnSettings {
    /// How many training rows are asked.
    pub n_neighbours: usize,
    /// How much each of them says: `uniform` or `distance`.
    #[serde(with = "weights_name")]
    pub weights: NeighbourWeights,
    /// Whether numbers are measured in their columns' standard deviations.
    pub standardise: bool,
}

/// The schema's crate writes names, but reads artifacts only.
mod weights_name {
    use picket_schema::artifact::NeighbourWeights;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(
        weights: &NeighbourWeights,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        weights.serialize(serializer)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(
        deserializer: D,
    ) -> Result<NeighbourWeights, D::Error> {
        const NAMES: [&str; 2] = ["uniform", "distance"];
        match String::deserialize(deserializer)?.as_str() {
            "uniform" => Ok(NeighbourWeights::Uniform),
            "distance" => Ok(NeighbourWeights::Distance),
            other => Err(de::Error::unknown_variant(other, &NAMES)),
        }
    }
}

/// Parameters of a linear support vector machine.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SvmLinearSettings {
    /// What a misplaced row costs.
    pub c: f64,
    /// What the cost of positive rows is multiplied by.
    pub positive_weight: f64,
}

/// Parameters of a support vector machine with radial basis functions.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SvmRbfSettings {
    /// What a misplaced row costs.
    pub c: f64,
    /// What squared distances are multiplied by; `None` is one over the number of columns, which are
    /// standardised.
    pub gamma: Option<f64>,
    /// What the cost of positive rows is multiplied by.
    pub positive_weight: f64,
}

/// Parameters of logistic regression.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticSettings {
    /// The penalty on the magnitudes of the weights, beside the summed loss. With one, weights become 0.
    pub l1: f64,
    /// The penalty on half the squares of the weights, beside the summed loss.
    pub l2: f64,
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

/// As [`BoostingParams`](crate::learn::BoostingParams), where it is said how they were chosen.
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
            patience: None,
            positive_weight: 1.0,
        }
    }
}

impl Default for AdaBoostSettings {
    fn default() -> Self {
        Self {
            n_estimators: 200,
            learning_rate: 1.0,
            max_depth: 1,
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

impl Default for KnnSettings {
    fn default() -> Self {
        Self {
            n_neighbours: 5,
            weights: NeighbourWeights::Uniform,
            standardise: true,
        }
    }
}

impl Default for SvmLinearSettings {
    fn default() -> Self {
        Self {
            c: 1.0,
            positive_weight: 1.0,
        }
    }
}

impl Default for SvmRbfSettings {
    fn default() -> Self {
        Self {
            c: 1.0,
            gamma: None,
            positive_weight: 1.0,
        }
    }
}

impl Default for LogisticSettings {
    fn default() -> Self {
        Self { l1: 0.0, l2: 1.0 }
    }
}
