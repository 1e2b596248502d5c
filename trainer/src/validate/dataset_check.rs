//! What is wrong with rows that can all be read.

use picket_schema::Kind;

use super::column_values::ColumnValues;
use super::config::ValidationConfig;
use super::finding::{Finding, Severity};
use crate::dataset::Dataset;
use crate::row_groups::RowGroups;

/// Rows that repeat others, and rows that contradict others, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Repetition {
    /// Distinct rows.
    pub(super) distinct: usize,
    /// Distinct rows that have both labels.
    pub(super) conflicting: usize,
    /// Rows of those.
    pub(super) conflicting_rows: usize,
    /// Rows that no model can get right.
    pub(super) lost: usize,
}

impl Repetition {
    pub(super) fn of(data: &Dataset) -> Self {
        let groups = RowGroups::of(data);
        let mut found = Self {
            distinct: groups.n_groups(),
            ..Self::default()
        };
        for rows in groups.rows() {
            let n_positive = rows.iter().filter(|row| data.labels()[**row]).count();
            let lost = n_positive.min(rows.len() - n_positive);
            if lost > 0 {
                found.conflicting += 1;
                found.conflicting_rows += rows.len();
                found.lost += lost;
            }
        }
        found
    }
}

/// What is wrong with the rows as a whole.
pub(super) fn check_rows(
    data: &Dataset,
    repetition: &Repetition,
    config: &ValidationConfig,
) -> Vec<Finding> {
    let n_rows = data.n_rows();
    let mut findings = Vec::new();
    let n_repeated = n_rows - repetition.distinct;
    if n_repeated > 0 {
        let share = n_repeated as f64 / n_rows as f64;
        let severity = if share > config.max_duplicate_share {
            Severity::Warning
        } else {
            Severity::Info
        };
        findings.push(Finding::new(
            severity,
            "duplicates",
            n_repeated as u64,
            format!(
                "{n_repeated} of {n_rows} rows ({:.1} %) repeat the features of another, {} are distinct; keep equal rows on one side of a split (--split grouped)",
                100.0 * share,
                repetition.distinct
            ),
        ));
    }
    if repetition.lost > 0 {
        let floor = repetition.lost as f64 / n_rows as f64;
        let severity = if floor > config.max_error_floor {
            Severity::Error
        } else {
            Severity::Warning
        };
        findings.push(Finding::new(
            severity,
            "conflicting_labels",
            repetition.conflicting_rows as u64,
            format!(
                "{} distinct rows ({} rows) have both labels; no model can have fewer than {:.2} % errors on these rows; look for wrong labels or for a feature that is not there",
                repetition.conflicting,
                repetition.conflicting_rows,
                100.0 * floor
            ),
        ));
    }
    let n_positive = data.labels().iter().filter(|label| **label).count();
    let n_rarer = n_positive.min(n_rows - n_positive);
    let share = n_rarer as f64 / n_rows as f64;
    if share < config.min_class_share {
        let label = &data.schema().label;
        let rarer = if n_rarer == n_positive {
            &label.positive
        } else {
            &label.negative
        };
        findings.push(
            Finding::new(
                Severity::Warning,
                "class_balance",
                n_rarer as u64,
                format!(
                    "only {n_rarer} of {n_rows} rows ({:.2} %) are of the class {:?}; look at PR-AUC instead of accuracy and choose the threshold by cost",
                    100.0 * share,
                    rarer.name
                ),
            )
            .of_column(&label.name),
        );
    }
    findings
}

/// What is wrong with one column.
pub(super) fn check_column(
    data: &Dataset,
    feature_idx: usize,
    values: &ColumnValues,
    best_auc: f64,
    config: &ValidationConfig,
) -> Vec<Finding> {
    let (feature, n_rows) = (&data.schema().features[feature_idx], data.n_rows() as u64);
    let mut findings = Vec::new();
    let mut add = |severity, rule, count, message: String| {
        findings.push(Finding::new(severity, rule, count, message).of_column(&feature.name));
    };
    let n_missing = values.missing.n;
    let missing_share = n_missing as f64 / n_rows as f64;
    if n_missing == n_rows {
        let text = "every value is missing; take the column out of the schema".to_owned();
        add(Severity::Error, "missing_values", n_missing, text);
        return findings;
    }
    if n_missing > 0 {
        let severity = if missing_share > config.max_missing_share {
            Severity::Warning
        } else {
            Severity::Info
        };
        let text = format!(
            "{n_missing} of {n_rows} values ({:.1} %) are missing; the model learns what that means, or an imputer fills them",
            100.0 * missing_share
        );
        add(severity, "missing_values", n_missing, text);
    }
    if values.n_distinct() == 1 {
        let what = match feature.kind() {
            Kind::Categorical => feature.categories()[values.distinct[0].0 as usize].clone(),
            Kind::Numeric | Kind::Ordinal => values.distinct[0].0.to_string(),
        };
        let text = format!("every row has the value {what}; it tells nothing apart");
        add(Severity::Warning, "constant_column", n_rows, text);
        return findings;
    }
    if values.equals_label() {
        let text = "the column is the label in other words; take it out of the schema".to_owned();
        add(Severity::Error, "equals_label", n_rows, text);
    } else if best_auc >= config.warn_auc {
        let severity = if best_auc >= config.leak_auc {
            Severity::Error
        } else {
            Severity::Warning
        };
        let text = format!(
            "the column alone tells the classes apart with a ROC-AUC of {best_auc:.4}; make sure that it is known before the label is, or take it out of the schema"
        );
        add(severity, "leaking_column", n_rows, text);
    }
    findings
}
