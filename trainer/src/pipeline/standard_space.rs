//! The candidates of a pipeline that names none.

use serde_json::json;

use crate::search::ParameterSpace;

/// A few settings of every kind of model that is worth its time on tables of threats. The first value of each list is the
/// learner's default.
///
/// # Panics
/// Never: the text below is a parameter space, and a test reads it.
#[must_use]
pub fn standard_space() -> ParameterSpace {
    let space = json!([
        {"model": "logistic", "l2": [1.0, 0.1]},
        {"model": "tree", "max_depth": [8, 12], "min_leaf": 5},
        {"model": "adaboost"},
        {"model": "knn", "n_neighbours": [5, 15], "weights": ["distance", "uniform"]},
        {"model": "forest", "n_trees": 300, "min_leaf": [1, 2]},
        {"model": "extra-trees", "n_trees": 300, "min_leaf": [1, 2]},
        {"model": "boosting", "n_trees": 300, "max_depth": [8, 12, 5], "learning_rate": [0.06, 0.03]},
    ]);
    serde_json::from_value(space).expect("the standard space is a parameter space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_space_makes_candidates() {
        let candidates = standard_space()
            .grid(&crate::transform::TransformPlan::default())
            .unwrap();
        assert!(candidates.len() >= 10);
    }
}
