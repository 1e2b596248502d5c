//! The learners behind linfa's traits, and the one trait linfa lacks.
//!
//! A linfa data set knows no kinds of columns: all its features count as numeric. A
//! [`Matrix`] knows them.

use linfa::DatasetBase;
use linfa::dataset::AsSingleTargets;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, ArrayBase, Data, Ix2};

use super::boosting::BoostingValidParams;
use super::decision_tree::DecisionTreeValidParams;
use super::ensemble::TreeEnsemble;
use super::error::LearnError;
use super::extra_trees::ExtraTreesValidParams;
use super::forest::RandomForestValidParams;
use super::label::BinaryLabel;
use super::linfa_tree::LinfaTreeParams;
use super::matrix::Matrix;

/// Predicts not only the class but how likely it is.
pub trait PredictProbability<R> {
    /// The probability of the positive class, `(n_rows)`, of each of the records,
    /// `(n_rows, n_features)`.
    ///
    /// # Panics
    /// When the records have another number of features than the training data.
    fn predict_probability(&self, records: &R) -> Array1<f64>;
}

impl<D: Data<Elem = f32>> PredictProbability<ArrayBase<D, Ix2>> for TreeEnsemble {
    fn predict_probability(&self, records: &ArrayBase<D, Ix2>) -> Array1<f64> {
        self.probabilities(records.view())
    }
}

/// Predicts the positive class from a probability of one half.
impl<D, L> PredictInplace<ArrayBase<D, Ix2>, Array1<L>> for TreeEnsemble
where
    D: Data<Elem = f32>,
    L: BinaryLabel,
{
    /// # Panics
    /// When there is not one target for each row, or the rows have another number of features
    /// than the training data.
    fn predict_inplace<'a>(&'a self, records: &'a ArrayBase<D, Ix2>, targets: &mut Array1<L>) {
        assert_eq!(records.nrows(), targets.len(), "targets for the rows");
        let probabilities = self.probabilities(records.view());
        for (target, probability) in targets.iter_mut().zip(probabilities) {
            *target = L::of_class(probability >= 0.5);
        }
    }

    fn default_target(&self, records: &ArrayBase<D, Ix2>) -> Array1<L> {
        Array1::from_elem(records.nrows(), L::of_class(false))
    }
}

/// The data set as a matrix of numeric columns.
pub(crate) fn matrix_of<D, T, L>(
    dataset: &DatasetBase<ArrayBase<D, Ix2>, T>,
) -> Result<Matrix<'_>, LearnError>
where
    D: Data<Elem = f32>,
    T: AsSingleTargets<Elem = L>,
    L: BinaryLabel,
{
    let targets = dataset.targets.as_single_targets();
    let labels = targets
        .iter()
        .enumerate()
        .map(|(row, label)| label.is_positive(row));
    let matrix = Matrix::new(
        dataset.records.view(),
        labels.collect::<Result<Vec<_>, _>>()?,
    )?;
    match dataset.weights() {
        Some(weights) => matrix.with_weights(weights),
        None => Ok(matrix),
    }
}

macro_rules! impl_fit {
    ($params:ty, |$checked:ident, $matrix:ident| $fit:expr) => {
        impl<D, T, L> Fit<ArrayBase<D, Ix2>, T, LearnError> for $params
        where
            D: Data<Elem = f32>,
            T: AsSingleTargets<Elem = L>,
            L: BinaryLabel,
        {
            type Object = TreeEnsemble;

            fn fit(
                &self,
                dataset: &DatasetBase<ArrayBase<D, Ix2>, T>,
            ) -> Result<TreeEnsemble, LearnError> {
                let ($checked, $matrix) = (self, matrix_of(dataset)?);
                $fit
            }
        }
    };
}

impl_fit!(DecisionTreeValidParams, |params, matrix| params
    .fit_matrix(&matrix));
impl_fit!(RandomForestValidParams, |params, matrix| Ok(params
    .fit_matrix(&matrix, &())?
    .ensemble));
impl_fit!(ExtraTreesValidParams, |params, matrix| Ok(params
    .fit_matrix(&matrix, &())?
    .ensemble));
impl_fit!(BoostingValidParams, |params, matrix| {
    Ok(params.fit_matrix(&matrix, None, &())?.ensemble)
});
impl_fit!(LinfaTreeParams, |params, matrix| params.fit_matrix(&matrix));
