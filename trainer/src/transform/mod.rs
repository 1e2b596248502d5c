//! Preprocessing that is learned from the training rows and travels in the artifact: imputation,
//! missing indicators, encoding of categories, scaling.
//!
//! A [`TransformPlan`] says what is wanted. Fitted to rows it becomes a [`FittedTransform`]: the steps as they
//! stand in the artifact, applied here by the scorer's own code, so that a model learns from the very
//! numbers that it will read at the edge.

mod encoder;
mod error;
mod fitted;
mod imputer;
mod plan;
mod scaler;

pub use error::TransformError;
pub use fitted::FittedTransform;
pub use plan::{Encoding, Imputation, Scaling, TransformPlan};
