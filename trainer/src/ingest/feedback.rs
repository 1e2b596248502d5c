//! Labels that came later than their rows, joined by the id of the prediction.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use picket_schema::Label;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::cell::Cell;
use super::csv_table::CsvTable;
use super::error::IngestError;
use super::open::{Input, open_input, read_capped};
use super::table::Table;

/// The column that names a prediction, in rows and in feedback.
const ID_COLUMN: &str = "prediction_id";

/// The label's column in feedback, where it is not named as in the schema.
const LABEL_COLUMN: &str = "label";

/// How large a feedback file may be, in bytes: it is kept in memory as a map.
const MAX_FEEDBACK_BYTES: u64 = 1 << 30;

/// A file of feedback: which label the prediction of which id should have had.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FeedbackSource {
    /// One JSON object a line, or CSV; both may be gzip. Fields: the id, and `label` or the
    /// label's name in the schema.
    pub path: PathBuf,
    /// The column with the prediction's id, in the feedback and in the rows.
    #[serde(default = "id_column")]
    pub id_column: String,
}

fn id_column() -> String {
    ID_COLUMN.to_owned()
}

impl FeedbackSource {
    /// Feedback joined by `prediction_id`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            id_column: id_column(),
        }
    }
}

/// Labels by the id of their prediction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedbackLabels {
    labels: HashMap<String, bool>,
    n_corrected: u64,
}

impl FeedbackLabels {
    /// Reads a feedback file. Of two labels for one id the later counts.
    ///
    /// # Errors
    /// [`IngestError::Feedback`] with the first line that is wrong; [`IngestError::Read`] and
    /// [`IngestError::NoIdColumn`] where the file cannot be used at all.
    pub fn read(source: &FeedbackSource, label: &Label) -> Result<Self, IngestError> {
        let Input {
            source: mut bytes_of,
            name,
            delimiter,
            ..
        } = open_input(&source.path)?;
        let bytes = read_capped(&mut bytes_of, MAX_FEEDBACK_BYTES, &name)?;
        let mut all = Self::default();
        let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if start == Some(&b'{') {
            all.read_json_lines(&bytes, &name, &source.id_column, label)?;
        } else {
            let table = CsvTable::new(&bytes[..], &name, delimiter)?;
            all.read_table(table, &source.id_column, label)?;
        }
        Ok(all)
    }

    /// The label of a prediction.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<bool> {
        self.labels.get(id.trim()).copied()
    }

    /// How many predictions have a label.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// How many labels were replaced by a later, different one.
    #[must_use]
    pub fn n_corrected(&self) -> u64 {
        self.n_corrected
    }

    fn insert(&mut self, id: &str, is_positive: bool) {
        let before = self.labels.insert(id.trim().to_owned(), is_positive);
        self.n_corrected += u64::from(before.is_some_and(|before| before != is_positive));
    }

    fn read_json_lines(
        &mut self,
        bytes: &[u8],
        file: &str,
        id_column: &str,
        label: &Label,
    ) -> Result<(), IngestError> {
        for (line_idx, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let wrong = |reason: String| IngestError::Feedback {
                file: file.to_owned(),
                line: line_idx as u64 + 1,
                reason,
            };
            let object: Map<String, Value> = serde_json::from_slice(line)
                .map_err(|error| wrong(format!("expected a JSON object: {error}")))?;
            let id = object
                .get(id_column)
                .map(cell_of)
                .filter(|cell| !matches!(cell, Cell::Missing | Cell::NotText))
                .ok_or_else(|| {
                    wrong(format!(
                        "found no {id_column:?}; expected a prediction's id"
                    ))
                })?;
            let value = object
                .get(&label.name)
                .or_else(|| object.get(LABEL_COLUMN))
                .map_or(Cell::Missing, cell_of);
            let is_positive = value
                .is_positive(label)
                .map_err(|error| wrong(error.to_string()))?;
            self.insert(&id.text(), is_positive);
        }
        Ok(())
    }

    fn read_table(
        &mut self,
        mut table: impl Table,
        id_column: &str,
        label: &Label,
    ) -> Result<(), IngestError> {
        let file = table.name().to_owned();
        let find = |name: &str| column_idx(table.columns(), name);
        let id_idx = find(id_column).ok_or_else(|| IngestError::NoIdColumn {
            file: file.clone(),
            column: id_column.to_owned(),
        })?;
        let label_idx = find(&label.name)
            .or_else(|| find(LABEL_COLUMN))
            .ok_or_else(|| IngestError::NoLabel {
                file: file.clone(),
                column: label.name.clone(),
            })?;
        let n_columns = table.columns().len();
        while table.advance()? {
            let wrong = |reason: String| IngestError::Feedback {
                file: file.clone(),
                line: table.place().line.unwrap_or_default(),
                reason,
            };
            let found = table.n_cells();
            if found != n_columns {
                return Err(wrong(format!("found {found} fields; expected {n_columns}")));
            }
            let is_positive = table
                .cell(label_idx)
                .is_positive(label)
                .map_err(|error| wrong(error.to_string()))?;
            let id = table.cell(id_idx).text().into_owned();
            if id.trim().is_empty() {
                return Err(wrong(format!(
                    "found no {id_column:?}; expected a prediction's id"
                )));
            }
            self.insert(&id, is_positive);
        }
        Ok(())
    }
}

/// Where a column stands, spelled as in a header.
pub(crate) fn column_idx(columns: &[String], name: &str) -> Option<usize> {
    columns
        .iter()
        .position(|column| column.trim_start_matches('\u{feff}').trim() == name)
}

fn cell_of(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Missing,
        Value::Bool(truth) => Cell::Bool(*truth),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Cell::Integer(whole),
            (None, Some(number)) => Cell::Number(number),
            (None, None) => Cell::NotText,
        },
        Value::String(text) => Cell::Text(text),
        Value::Array(_) | Value::Object(_) => Cell::NotText,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(name: &str, text: &str) -> Result<FeedbackLabels, IngestError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let label = crate::phishing_schema().unwrap().label;
        FeedbackLabels::read(&FeedbackSource::new(&path), &label)
    }

    #[test]
    fn both_forms_give_the_same_labels_and_the_last_word_counts() {
        let lines = labels(
            "f.ndjson",
            "{\"prediction_id\": \"a\", \"label\": 1}\n\n{\"prediction_id\": 7, \"Result\": \"-1\"}\n{\"prediction_id\": \"a\", \"label\": -1.0}\n",
        )
        .unwrap();
        assert_eq!((lines.len(), lines.n_corrected()), (2, 1));
        assert_eq!((lines.get("a"), lines.get("7")), (Some(true), Some(true)));
        assert_eq!(lines.get("b"), None);
        let csv = labels("f.csv", "label,prediction_id\n1,a\n-1,7\n-1,a\n").unwrap();
        assert_eq!(csv, lines);
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, words) in [
            (
                "{\"prediction_id\": \"a\", \"label\": 1}\n{\"label\": 1}",
                "line 2: found no",
            ),
            ("{\"prediction_id\": \"a\"}", "line 1: Result"),
            ("{\"prediction_id\": \"a\", \"label\": 5}", "found \"5\""),
            ("{not json", "line 1: expected a JSON object"),
            ("id,label\na,1\n", "lacks the column \"prediction_id\""),
            ("prediction_id,label\na,1\nb,9\n", "line 3"),
            ("prediction_id,label\na,1,2\n", "found 3 fields"),
        ] {
            let error = labels("f", text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
