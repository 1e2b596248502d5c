//! Whether rows look like those of a reference, column by column.
//!
//! Each column is tested by what it holds: many different numbers by Kolmogorov and Smirnov's two-sample test, a
//! few numbers or categories by Pearson's chi-squared test. The population stability index says how far
//! they are apart. Benjamini and Hochberg's step-up procedure (Controlling the false discovery rate, J.
//! R. Stat. Soc. B 57, 1995) corrects for the number of columns. Rows that repeat each other count
//! for less: see `design_effect.rs`.

mod benjamini_hochberg;
mod binned;
mod chi_squared;
mod column_test;
mod counts;
mod design_effect;
mod kolmogorov_smirnov;
mod options;
#[cfg(test)]
mod rates;
mod reference;
mod report;
mod special;
mod stability_index;
mod yaml;

pub use benjamini_hochberg::q_values;
pub use chi_squared::{ChiSquared, chi_squared};
pub use counts::{CountComparison, bin_labels, compare_counts};
pub use kolmogorov_smirnov::{KolmogorovSmirnov, kolmogorov_smirnov};
pub use options::{DriftOptions, DriftSeverity};
pub use reference::{DriftReference, LiveRows};
pub use report::{ColumnDrift, DriftReport, DriftTest, drift};
pub use special::{chi_squared_sf, f_sf, kolmogorov_sf};
pub use stability_index::stability_index;
pub use yaml::to_yaml;
