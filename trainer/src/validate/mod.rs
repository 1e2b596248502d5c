//! Looks at rows before anything is learned from them: what is wrong, how bad it is, what to do.
//!
//! Rows that cannot be used were set aside by [`ingest`](crate::ingest); their problems become
//! findings here, beside those of the rows that can be used. A gate decides by severity whether
//! to go on.

mod column_values;
mod config;
mod dataset_check;
mod finding;
mod header_check;
mod profile;
mod report;

pub use config::ValidationConfig;
pub use finding::{FailOn, Finding, Severity};
pub use profile::{ColumnProfile, DataProfile, ProfileValues, Quantile, ValueBin, ValueCount};
pub use report::{Validated, ValidationReport, validate};
