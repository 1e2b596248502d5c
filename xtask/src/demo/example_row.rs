//! A request that the server accepts, from the first row of the data.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The bodies of `POST /predict` for the first rows of the data, at most `n_rows`, feature by feature by name.
pub(crate) fn request_bodies(schema: &Path, data: &Path, n_rows: usize) -> Result<Vec<String>> {
    let schema_text =
        std::fs::read_to_string(schema).with_context(|| format!("reading {}", schema.display()))?;
    let file = std::fs::File::open(data).with_context(|| format!("reading {}", data.display()))?;
    let mut lines = BufReader::new(file).lines();
    let mut next = || {
        lines
            .next()
            .transpose()
            .with_context(|| format!("reading {}", data.display()))
    };
    let no_row = || format!("{} has no row", data.display());
    let header = next()?.with_context(no_row)?;
    let features = features(&schema_text);
    let mut bodies = vec![body(&features, &header, &next()?.with_context(no_row)?)?];
    while bodies.len() < n_rows
        && let Some(row) = next()?
    {
        bodies.push(body(&features, &header, &row)?);
    }
    Ok(bodies)
}

#[derive(Debug, PartialEq, Eq)]
struct Feature {
    name: String,
    /// Its values are names, not numbers.
    categorical: bool,
}

/// The features of a schema file. A line reader, not a TOML reader: all it needs are two keys of
/// one kind of table, and it only serves to print an example.
fn features(schema: &str) -> Vec<Feature> {
    let mut features: Vec<Feature> = Vec::new();
    let mut in_feature = false;
    for line in schema.lines().map(str::trim) {
        if line.starts_with('[') {
            in_feature = line.starts_with("[[features]]");
        } else if let Some((key, value)) = line.split_once('=').filter(|_| in_feature) {
            match key.trim() {
                "name" => features.push(Feature {
                    name: value.trim().trim_matches('"').to_owned(),
                    categorical: false,
                }),
                "domain" => {
                    if let Some(feature) = features.last_mut() {
                        feature.categorical = value.contains("categories");
                    }
                }
                _ => {}
            }
        }
    }
    features
}

fn body(features: &[Feature], header: &str, row: &str) -> Result<String> {
    if features.is_empty() {
        bail!("the schema has no [[features]]");
    }
    let header = cells(header.trim_start_matches('\u{feff}'));
    let row = cells(row);
    let mut values = Map::new();
    for feature in features {
        let column_idx = header
            .iter()
            .position(|name| *name == feature.name)
            .with_context(|| format!("the data has no column {}", feature.name))?;
        let cell = row
            .get(column_idx)
            .with_context(|| format!("the first row has no value for {}", feature.name))?;
        values.insert(feature.name.clone(), value(cell, feature.categorical));
    }
    Ok(serde_json::json!({ "features": values }).to_string())
}

fn value(cell: &str, categorical: bool) -> Value {
    if cell.is_empty() {
        return Value::Null;
    }
    if !categorical && let Ok(number) = cell.parse::<serde_json::Number>() {
        return Value::Number(number);
    }
    Value::String(cell.to_owned())
}

/// The cells of one CSV line; a doubled quote inside quotes is a quote.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.trim_end_matches('\r').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                push(&mut cells, '"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => push(&mut cells, c),
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

fn push(cells: &mut [String], c: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"
name = "traffic"
[label]
name = "attack"
[[features]]
name = "duration"
domain = { range = [0, 10] }
[[features]]
name = "service"
domain = { categories = ["http", "7"] }
"#;

    #[test]
    fn label_and_extra_columns_stay_out() {
        let body = body(
            &features(SCHEMA),
            "\u{feff}\"attack\",\"service\",\"duration\",\"extra\"\r",
            "normal,7,2.50,x\r",
        );
        assert_eq!(
            body.expect("a body"),
            r#"{"features":{"duration":2.5,"service":"7"}}"#
        );
    }

    #[test]
    fn a_missing_column_is_named() {
        let error = body(&features(SCHEMA), "duration", "1").expect_err("no service");
        assert!(error.to_string().contains("service"), "{error}");
    }

    #[test]
    fn quotes_and_empty_cells() {
        assert_eq!(cells(r#"a,"b,""c""",,d"#), ["a", r#"b,"c""#, "", "d"]);
        assert_eq!(value("", false), Value::Null);
    }
}
