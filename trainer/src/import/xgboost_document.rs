//! The part of XGBoost's JSON that a model of trees needs.

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
pub(crate) struct Document<'a> {
    #[serde(borrow)]
    pub(crate) learner: Learner<'a>,
    #[serde(default)]
    pub(crate) version: Vec<u32>,
}

#[derive(Deserialize)]
pub(crate) struct Learner<'a> {
    #[serde(default)]
    pub(crate) attributes: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) feature_names: Vec<String>,
    #[serde(borrow)]
    pub(crate) gradient_booster: Booster<'a>,
    #[serde(rename = "learner_model_param")]
    pub(crate) parameters: ModelParameters,
    pub(crate) objective: Objective,
}

#[derive(Deserialize)]
pub(crate) struct ModelParameters {
    pub(crate) base_score: String,
    #[serde(default)]
    pub(crate) num_class: Option<String>,
    pub(crate) num_feature: String,
    #[serde(default)]
    pub(crate) num_target: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Objective {
    pub(crate) name: String,
}

/// gbtree has its model here, dart one level further down.
#[derive(Deserialize)]
pub(crate) struct Booster<'a> {
    pub(crate) name: String,
    #[serde(borrow, default)]
    pub(crate) model: Option<TreeModel<'a>>,
    #[serde(borrow, default)]
    pub(crate) gbtree: Option<Inner<'a>>,
    #[serde(borrow, default)]
    pub(crate) weight_drop: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
pub(crate) struct Inner<'a> {
    #[serde(borrow)]
    pub(crate) model: TreeModel<'a>,
}

#[derive(Deserialize)]
pub(crate) struct TreeModel<'a> {
    #[serde(borrow)]
    pub(crate) trees: Vec<Tree<'a>>,
    #[serde(default)]
    pub(crate) cats: Option<Categories>,
}

/// The categories of the training frame, since 3.1.
#[derive(Deserialize)]
pub(crate) struct Categories {
    #[serde(default)]
    pub(crate) enc: Vec<Encoding>,
}

/// Strings as bytes end to end with offsets, or numbers.
#[derive(Deserialize)]
pub(crate) struct Encoding {
    #[serde(default)]
    pub(crate) offsets: Option<Vec<usize>>,
    #[serde(default)]
    pub(crate) values: Vec<serde_json::Number>,
}

#[derive(Deserialize)]
pub(crate) struct Tree<'a> {
    pub(crate) left_children: Vec<i64>,
    pub(crate) right_children: Vec<i64>,
    pub(crate) split_indices: Vec<i64>,
    #[serde(borrow)]
    pub(crate) split_conditions: Vec<&'a RawValue>,
    pub(crate) default_left: Vec<Flag>,
    #[serde(default)]
    pub(crate) split_type: Vec<u8>,
    #[serde(default)]
    pub(crate) categories: Vec<i64>,
    #[serde(default)]
    pub(crate) categories_nodes: Vec<i64>,
    #[serde(default)]
    pub(crate) categories_segments: Vec<i64>,
    #[serde(default)]
    pub(crate) categories_sizes: Vec<i64>,
    #[serde(borrow, default)]
    pub(crate) sum_hessian: Vec<&'a RawValue>,
    #[serde(rename = "tree_param")]
    pub(crate) parameters: TreeParameters,
}

#[derive(Deserialize)]
pub(crate) struct TreeParameters {
    #[serde(default)]
    pub(crate) size_leaf_vector: Option<String>,
}

/// 1.x writes true and false, later versions 1 and 0.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
pub(crate) enum Flag {
    Bool(bool),
    Number(u8),
}

impl Flag {
    pub(crate) fn is_set(self) -> bool {
        match self {
            Self::Bool(set) => set,
            Self::Number(number) => number != 0,
        }
    }
}
