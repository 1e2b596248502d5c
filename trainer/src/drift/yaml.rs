//! `drift_report.yaml`: one key a column with `p_value` and `drift_status`, as readers of such
//! reports expect, and more beside them.

use std::fmt::Write;

use serde::Serialize;

use super::report::{ColumnDrift, DriftReport};

/// The key with what is about all columns.
const SUMMARY: &str = "_summary";

/// The key of the scores.
const SCORE: &str = "_score";

/// Writes the report as YAML 1.1.
///
/// Every column is a key with `p_value` (a float) and `drift_status` (a truth value), then
/// `test`, `statistic`, `q_value`, `psi`, `severity`, `n_reference`, `n_live` and `design_effect`.
/// What is about all columns stands under `_summary`, the scores under `_score`; each gets more
/// underscores where a column has that name.
#[must_use]
pub fn to_yaml(report: &DriftReport) -> String {
    let mut yaml = String::new();
    for column in &report.columns {
        write_column(&mut yaml, &column.column, column);
    }
    if let Some(scores) = &report.scores {
        write_column(&mut yaml, &free_key(report, SCORE), scores);
    }
    let DriftReport {
        drift_status,
        n_drifted,
        n_reference,
        n_live,
        ..
    } = report;
    let (key, alpha) = (quoted(&free_key(report, SUMMARY)), float(report.alpha));
    let _ = writeln!(
        yaml,
        "{key}:\n  drift_status: {drift_status}\n  n_drifted: {n_drifted}\n  alpha: {alpha}\n  n_reference: {n_reference}\n  n_live: {n_live}"
    );
    yaml
}

fn write_column(yaml: &mut String, key: &str, column: &ColumnDrift) {
    let (key, p_value, status) = (quoted(key), float(column.p_value), column.drift_status);
    let (statistic, q_value) = (float(column.statistic), float(column.q_value));
    let (psi, effect) = (float(column.psi), float(column.design_effect));
    let (test, severity) = (word(&column.test), word(&column.severity));
    let (n_reference, n_live) = (column.n_reference, column.n_live);
    // Writing to a string cannot fail.
    let _ = writeln!(
        yaml,
        "{key}:\n  p_value: {p_value}\n  drift_status: {status}\n  test: {test}\n  statistic: {statistic}\n  q_value: {q_value}\n  psi: {psi}\n  severity: {severity}\n  n_reference: {n_reference}\n  n_live: {n_live}\n  design_effect: {effect}"
    );
}

/// The key, or the first with more underscores that is no column.
fn free_key(report: &DriftReport, key: &str) -> String {
    let mut key = key.to_owned();
    while report.columns.iter().any(|column| column.column == key) {
        key.insert(0, '_');
    }
    key
}

/// A unit variant's name, quoted: a bare `none` would be fine, but `null` or `no` would not.
fn word(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A number that YAML 1.1 takes for a float: with a point, and with a sign in the exponent.
fn float(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            ".nan".to_owned()
        } else if number > 0.0 {
            ".inf".to_owned()
        } else {
            "-.inf".to_owned()
        };
    }
    let plain = number.to_string();
    if plain.len() <= 20 {
        let has_point = plain.contains('.');
        return if has_point { plain } else { plain + ".0" };
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

/// A double-quoted text. What a reader might refuse or change is escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            ' '..='~' => quoted.push(letter),
            _ => {
                let code = u32::from(letter);
                let _ = match code {
                    0..=0xff => write!(quoted, "\\x{code:02x}"),
                    0x100..=0xffff => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_floats_for_every_reader() {
        for (number, text) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (0.25, "0.25"),
            (1e-30, "1.0e-30"),
            (1.5e-300, "1.5e-300"),
            (f64::NAN, ".nan"),
        ] {
            assert_eq!(float(number), text);
        }
        let long = float(1.234_567_890_123_456_7e-12);
        assert!(
            long.starts_with("1.23456789") && long.ends_with("e-12"),
            "{long}"
        );
    }

    #[test]
    fn keys_are_quoted() {
        assert_eq!(quoted("having_IP_Address"), "\"having_IP_Address\"");
        assert_eq!(quoted("a: \"b\"\\\n"), "\"a: \\\"b\\\"\\\\\\x0a\"");
        assert_eq!(quoted("é€😀\u{85}"), "\"\\xe9\\u20ac\\U0001f600\\x85\"");
    }
}
