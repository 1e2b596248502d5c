//! Boosting as its settings say it, early stopping included.

use linfa::ParamGuard;
use picket_schema::limits;

use super::BoostingSettings;
use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::learn::{BoostingParams, Progress, TreeEnsemble};
use crate::row_groups::RowGroups;
use crate::split::grouped_folds;

/// One of this many parts of the rows is kept back to see when to stop.
const PARTS: usize = 10;

/// Fits boosted trees to all rows of `data`.
///
/// With patience a tenth of the rows is kept back first, copies of a row on one side, and trees are added until the
/// loss on it has not fallen for so many trees. The number of trees with the lowest loss is then grown from all rows.
///
/// # Errors
/// Where a parameter is out of range, or the rows to learn from are of one class.
pub(super) fn fit(
    settings: &BoostingSettings,
    data: &Dataset,
    seed: u64,
    progress: &dyn Progress,
) -> Result<TreeEnsemble, TrainerError> {
    let n_trees = match settings.patience {
        Some(patience) => best_n_trees(settings, patience, data, seed)?,
        None => settings.n_trees,
    };
    let params = params(settings, seed).n_trees(n_trees).check()?;
    Ok(params.fit_matrix(&data.matrix()?, None, progress)?.ensemble)
}

/// How many trees had the lowest loss on the part that is kept back.
fn best_n_trees(
    settings: &BoostingSettings,
    patience: usize,
    data: &Dataset,
    seed: u64,
) -> Result<usize, TrainerError> {
    let part_of_row = grouped_folds(data, &RowGroups::of(data), PARTS, seed);
    let (kept_back, learned): (Vec<usize>, Vec<usize>) =
        (0..data.n_rows()).partition(|row_idx| part_of_row[*row_idx] == 0);
    let (kept_back, learned) = (data.select(&kept_back), data.select(&learned));
    let params = params(settings, seed).patience(Some(patience)).check()?;
    let boosted = params.fit_matrix(&learned.matrix()?, Some(&kept_back.matrix()?), &())?;
    Ok(boosted.ensemble.trees().len())
}

fn params(settings: &BoostingSettings, seed: u64) -> BoostingParams {
    BoostingParams::new()
        .n_trees(settings.n_trees)
        .max_depth(Some(settings.max_depth.min(limits::MAX_TREE_DEPTH)))
        .learning_rate(settings.learning_rate)
        .l2(settings.l2)
        .min_child_weight(settings.min_child_weight)
        .row_fraction(settings.row_fraction)
        .column_fraction(settings.column_fraction)
        .positive_weight(settings.positive_weight)
        .seed(seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::labelled_sample;

    fn n_trees(n_trees: usize, patience: Option<usize>, seed: u64) -> usize {
        let data = labelled_sample(600, 3);
        let settings = BoostingSettings {
            n_trees,
            patience,
            learning_rate: 0.3,
            ..BoostingSettings::default()
        };
        let ensemble = fit(&settings, &data, seed, &()).expect("a fit");
        ensemble.trees().len()
    }

    #[test]
    fn patience_ends_it_early() {
        let stopped = n_trees(400, Some(5), 1);
        assert!((1..200).contains(&stopped), "{stopped} trees");
        assert_eq!(n_trees(400, Some(5), 1), stopped);
        assert_eq!(n_trees(40, None, 1), 40);
        // The number is that of the lowest loss, so the patience is not in it.
        assert!(n_trees(stopped, Some(400), 1) <= stopped);
    }

    #[test]
    fn no_patience_is_an_error() {
        let data = labelled_sample(200, 3);
        let settings = BoostingSettings {
            patience: Some(0),
            ..BoostingSettings::default()
        };
        let error = fit(&settings, &data, 1, &()).expect_err("patience of 0");
        assert!(error.to_string().contains("patience"), "{error}");
    }
}
