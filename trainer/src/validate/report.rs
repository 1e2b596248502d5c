//! All findings, and whether to go on.

use picket_schema::FeatureSchema;
use rayon::prelude::*;
use serde::Serialize;

use super::column_values::ColumnValues;
use super::config::ValidationConfig;
use super::dataset_check::{Repetition, check_column, check_rows};
use super::finding::{Finding, Severity};
use super::header_check;
use super::profile::{ColumnProfile, DataProfile};
use crate::dataset::Dataset;
use crate::ingest::{IngestCounts, IngestError, Ingested, Problem, ProblemKind};

/// What validation found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidationReport {
    /// The source of the rows.
    pub source: String,
    /// The schema's name.
    pub schema: String,
    /// Whether to go on.
    pub passed: bool,
    /// How many rows came from where.
    pub counts: IngestCounts,
    /// How many errors there are.
    pub n_errors: u64,
    /// How many warnings.
    pub n_warnings: u64,
    /// The worst first, then by column.
    pub findings: Vec<Finding>,
    /// The thresholds.
    pub config: ValidationConfig,
}

/// The report and what it is about.
#[derive(Clone, Debug)]
pub struct Validated {
    /// What was found.
    pub report: ValidationReport,
    /// What the columns look like; `None` where no data set can be made.
    pub profile: Option<DataProfile>,
    /// The rows that can be used; `None` where there are none or all are of one class.
    pub data: Option<Dataset>,
}

/// Looks at rows that were read leniently (with [`InvalidRows::Count`](crate::ingest::InvalidRows)).
#[must_use]
pub fn validate(
    ingested: Ingested,
    schema: &FeatureSchema,
    config: &ValidationConfig,
) -> Validated {
    let (counts, source) = (ingested.counts, ingested.source.clone());
    let mut findings = header_check::check(&ingested.headers, schema, ingested.needs_label);
    let n_read = counts.n_read;
    let problems = ingested.problems.problems();
    findings.extend(
        problems
            .into_iter()
            .map(|problem| finding_of(problem, n_read, config)),
    );
    if counts.n_without_feedback + counts.n_feedback_unused > 0 {
        let text = format!(
            "{} of {n_read} rows have feedback, {} have none and are left out; {} labels fit no row",
            counts.n_kept, counts.n_without_feedback, counts.n_feedback_unused
        );
        let rows = counts.n_without_feedback;
        findings.push(Finding::new(Severity::Info, "feedback", rows, text));
    }
    let data = match ingested.into_dataset(schema) {
        Ok(data) => Some(data),
        Err(error) => {
            let rule = match error {
                IngestError::SingleClass { .. } => "single_class",
                _ => "no_rows",
            };
            let text = format!("{error}; nothing can be learned from these rows");
            findings.push(Finding::new(Severity::Error, rule, counts.n_kept, text));
            None
        }
    };
    let profile = data.as_ref().map(|data| {
        let repetition = Repetition::of(data);
        findings.extend(check_rows(data, &repetition, config));
        let features: Vec<usize> = (0..schema.n_features()).collect();
        let columns: Vec<(ColumnProfile, Vec<Finding>)> = features
            .into_par_iter()
            .map(|feature_idx| {
                let values = ColumnValues::of(data, feature_idx);
                let best_auc = values.best_auc();
                let feature = &schema.features[feature_idx];
                (
                    ColumnProfile::of(feature, &values, best_auc),
                    check_column(data, feature_idx, &values, best_auc, config),
                )
            })
            .collect();
        let mut profiles = Vec::with_capacity(columns.len());
        for (profile, found) in columns {
            profiles.push(profile);
            findings.extend(found);
        }
        DataProfile {
            n_rows: data.n_rows() as u64,
            n_distinct_rows: repetition.distinct as u64,
            n_positive: data.labels().iter().filter(|label| **label).count() as u64,
            columns: profiles,
        }
    });
    // Stable: findings of one severity stay in the order of the checks and of the columns.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let count = |severity| {
        let same = findings
            .iter()
            .filter(|finding| finding.severity == severity);
        same.count() as u64
    };
    let report = ValidationReport {
        source,
        schema: schema.name.clone(),
        passed: !findings
            .iter()
            .any(|finding| config.fail_on.stops(finding.severity)),
        counts,
        n_errors: count(Severity::Error),
        n_warnings: count(Severity::Warning),
        findings,
        config: *config,
    };
    Validated {
        report,
        profile,
        data,
    }
}

fn finding_of(problem: Problem, n_read: u64, config: &ValidationConfig) -> Finding {
    let Problem {
        column,
        kind,
        count,
        examples,
    } = problem;
    let share = count as f64 / n_read.max(1) as f64;
    let severity = if share > config.max_invalid_share {
        Severity::Error
    } else {
        Severity::Warning
    };
    let (rule, what, advice) = match kind {
        ProblemKind::MissingValue => (
            "required_value_missing",
            "lack a value that the schema requires",
            "accept missing values in the schema (missing = \"accept\") or fill them",
        ),
        ProblemKind::WrongType => (
            "wrong_type",
            "have text where a number is expected",
            "mend the rows or make the feature categorical",
        ),
        ProblemKind::OutOfDomain => (
            "out_of_domain",
            "have a value that the schema does not allow",
            "mend the rows or widen the domain in the schema",
        ),
        ProblemKind::UnknownClass => (
            "unknown_class",
            "have a label that belongs to neither class",
            "mend the rows or list the value under a class of the schema",
        ),
        ProblemKind::NotText => (
            "not_text",
            "have bytes that are not UTF-8 or a value that is no field",
            "write the file as UTF-8, with plain values",
        ),
        ProblemKind::FieldCount => (
            "field_count",
            "have too many or too few fields",
            "look for unquoted delimiters or cut lines",
        ),
    };
    let text = format!(
        "{count} of {n_read} rows ({:.2} %) {what}, and are not used; {advice}",
        100.0 * share
    );
    let mut finding = Finding::new(severity, rule, count, text).of_column(&column);
    finding.examples = examples;
    finding
}
