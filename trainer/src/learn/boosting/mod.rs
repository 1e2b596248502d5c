//! Second-order gradient boosting with the logistic loss (Friedman 2001; Chen and Guestrin,
//! `XGBoost`, KDD 2016), on histograms of whole numbers.

mod binned_tree;
mod bundles;
mod fit;
mod gain;
mod gradient;
mod grower;
mod histogram;
mod params;
mod validation;

pub use fit::Boosted;
pub use params::{BoostingParams, BoostingValidParams};
