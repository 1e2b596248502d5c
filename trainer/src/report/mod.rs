//! The report: one HTML file that says what was trained, how good it is, why, and where it comes
//! from.
//!
//! [`Report`] is plain values; a part that nobody filled has no section. [`Report::of_model`] fills
//! what can be said of any artifact and labelled rows. [`Report::to_html`] writes the page: no
//! script, nothing from a network, every text escaped, for light and dark screens and for paper.

mod chart;
mod contents;
mod curves;
mod data_sections;
mod explanations;
mod model_sections;
mod number;
mod of_model;
mod page;
mod plots;
mod profile;

pub use contents::{
    Candidate, Candidates, Case, ClassCount, ColumnDrift, ColumnProfile, Confusion, Contribution,
    Decision, Drift, Example, Figure, Finding, Importance, Outcome, Performance, Profile,
    ReliabilityBin, Report, Severity, Summary, Table, ThresholdCost,
};
pub use curves::performance;
pub(crate) use of_model::lineage;
