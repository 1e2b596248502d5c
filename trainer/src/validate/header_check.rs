//! Columns that are missing, renamed, there twice, or unknown.

use std::collections::BTreeMap;

use picket_schema::{FeatureSchema, HeaderError};

use super::finding::{Finding, Severity};
use crate::ingest::TableHeader;

/// From this similarity on (Jaro and Winkler, 0 to 1) a name is suggested for another.
const SIMILAR: f64 = 0.85;

/// What the headers say. `needs_label` is whether rows must be labelled.
pub(super) fn check(
    headers: &[TableHeader],
    schema: &FeatureSchema,
    needs_label: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Many files of one kind have one header: it is told once.
    let mut missing: BTreeMap<(String, Option<String>), Vec<&str>> = BTreeMap::new();
    let mut doubled: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut extra: BTreeMap<&str, u64> = BTreeMap::new();
    for header in headers {
        match &header.error {
            Some(HeaderError::MissingColumns { columns }) => {
                for column in columns {
                    missing
                        .entry(column.clone())
                        .or_default()
                        .push(&header.name);
                }
            }
            Some(HeaderError::DuplicateColumn { column }) => {
                doubled.entry(column).or_default().push(&header.name);
            }
            _ => {}
        }
        if needs_label && !header.has_label {
            let label = &schema.label.name;
            let similar = similar(label, &header.extra);
            let key = (label.clone(), similar);
            missing.entry(key).or_default().push(&header.name);
        }
        for column in &header.extra {
            *extra.entry(column).or_default() += 1;
        }
    }
    for ((column, similar), files) in missing {
        let (rule, advice) = match &similar {
            Some(similar) => (
                "renamed_column",
                format!("{similar:?} looks like it: rename it in the data or in the schema"),
            ),
            None => (
                "missing_column",
                "add it to the data or take it out of the schema".to_owned(),
            ),
        };
        findings.push(of_files(
            rule,
            &column,
            &files,
            &format!("lacks the column; {advice}"),
        ));
    }
    for (column, files) in doubled {
        let text = "has the column twice; take one out or rename it";
        findings.push(of_files("duplicate_column", column, &files, text));
    }
    for (column, count) in extra {
        let finding = Finding::new(
            Severity::Info,
            "extra_column",
            count,
            "the schema does not know this column, and it is not used",
        );
        findings.push(finding.of_column(column));
    }
    findings
}

fn of_files(rule: &'static str, column: &str, files: &[&str], text: &str) -> Finding {
    let count = files.len() as u64;
    let message = format!("{} {text}; no row of it was read", files[0]);
    let mut finding = Finding::new(Severity::Error, rule, count, message).of_column(column);
    finding.examples = files.iter().take(5).map(|&file| file.to_owned()).collect();
    finding
}

fn similar(name: &str, columns: &[String]) -> Option<String> {
    let name = name.to_ascii_lowercase();
    columns
        .iter()
        .map(|column| {
            (
                strsim::jaro_winkler(&name, &column.to_ascii_lowercase()),
                column,
            )
        })
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, column)| column.clone())
}
