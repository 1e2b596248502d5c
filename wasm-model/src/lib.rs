//! The scorer: reads an artifact in place and scores rows, with the same bits on every host.
//!
//! Pure: no I/O, clock, randomness or threads. A row walks through it in one direction:
//! bytes → [`Model`] → [`Scorer`] → margin → score → verdict.

#[cfg(feature = "browser")]
mod browser;
mod calibrated;
#[cfg(feature = "component")]
mod component;
mod condition_masks;
mod explain;
mod fast;
mod gauss_legendre;
mod linear;
mod model;
pub mod naive;
mod owned;
mod row;
mod scorer;
mod sigmoid;
mod tree_factors;
mod tree_numbers;
mod tree_paths;
mod tree_shap;

pub use calibrated::calibrated;
pub use explain::{Explainer, Explanation, ExplanationUnit};
pub use model::{Model, Scored};
pub use owned::OwnedModel;
pub use row::RowError;
pub use scorer::Scorer;
pub use sigmoid::sigmoid;
