//! The JavaScript binding: one class, `Model`, and the rows of a CSV file.
//!
//! Numbers cross as typed arrays, words as JSON text: a page reads both without further code.

// The macro writes `unsafe` glue and needs `pub` items; nothing in here is written unsafe by hand.
#![allow(unsafe_code, unreachable_pub, reason = "wasm-bindgen's exports")]

mod csv_rows;
mod decimal;
mod description;
mod json_text;
mod records;

use picket_schema::{FieldError, Verdict};
use wasm_bindgen::prelude::wasm_bindgen;

use json_text::JsonText;

use crate::{Explainer, ExplanationUnit, OwnedModel, Scored, Scorer};

#[wasm_bindgen]
extern "C" {
    /// JavaScript's own `Error`.
    #[wasm_bindgen(js_name = Error)]
    pub type Problem;

    #[wasm_bindgen(constructor, js_class = "Error")]
    fn new(message: &str) -> Problem;

    #[wasm_bindgen(method, setter, structural)]
    fn set_field(this: &Problem, field: &str);

    #[wasm_bindgen(method, setter, structural)]
    fn set_found(this: &Problem, found: Option<String>);

    #[wasm_bindgen(method, setter, structural)]
    fn set_expected(this: &Problem, expected: &str);
}

#[wasm_bindgen]
extern "C" {
    /// The number that a text is, to the nearest; rounded as Rust does.
    #[wasm_bindgen(js_name = Number)]
    fn nearest_number(text: &str) -> f64;

    /// The shortest text of a number that reads back as the same.
    #[wasm_bindgen(js_name = String)]
    fn number_text(x: f64) -> String;
}

impl Problem {
    fn because(cause: &dyn core::fmt::Display) -> Self {
        Self::new(&cause.to_string())
    }

    fn of_field(cause: &FieldError) -> Self {
        let problem = Self::because(cause);
        problem.set_field(cause.field());
        problem.set_found(cause.found().map(str::to_owned));
        problem.set_expected(cause.expected());
        problem
    }
}

/// A verdict as a number: 0 negative, 1 positive, 2 uncertain.
fn verdict_code(verdict: Verdict) -> f64 {
    match verdict {
        Verdict::Negative => 0.0,
        Verdict::Positive => 1.0,
        Verdict::Uncertain => 2.0,
    }
}

fn triple(scored: Scored) -> [f64; 3] {
    [
        scored.margin.0,
        scored.score.0,
        verdict_code(scored.verdict),
    ]
}

/// A model, ready to score.
#[wasm_bindgen(js_name = Model)]
#[derive(Debug)]
pub struct BrowserModel(OwnedModel);

#[wasm_bindgen(js_class = Model)]
impl BrowserModel {
    /// Reads and validates an artifact; throws an `Error` that says why bytes are not one.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: Vec<u8>) -> Result<Self, Problem> {
        OwnedModel::load(bytes)
            .map(Self)
            .map_err(|error| Problem::because(&error))
    }

    /// Schema, card, decision, calibration and digests as JSON text.
    pub fn describe(&self) -> String {
        description::json(&self.0, number_text)
    }

    /// The row value of a field's text. Throws an `Error` with `field`, `found` and `expected`.
    #[wasm_bindgen(js_name = encodeField)]
    pub fn encode_field(&self, feature_idx: usize, text: &str) -> Result<f32, Problem> {
        let features = &self.0.model().schema().features;
        let feature = features.get(feature_idx).ok_or_else(|| {
            let n_features = features.len();
            Problem::new(&format!(
                "feature {feature_idx}; the model has {n_features}"
            ))
        })?;
        feature
            .parse_text_by(text, |text| decimal::parse(text, nearest_number))
            .map_err(|error| Problem::of_field(&error))
    }

    /// Scores rows. Shape of `rows`: `(n_rows, n_features)`; of the answer: `(n_rows, 3)`, each
    /// row margin, score and verdict (0 negative, 1 positive, 2 uncertain).
    pub fn score(&self, rows: &[f32]) -> Result<Vec<f64>, Problem> {
        let scored = Scorer::new(self.0.model())
            .score_batch(rows)
            .map_err(|error| Problem::because(&error))?;
        Ok(scored.into_iter().flat_map(triple).collect())
    }

    /// Explains one row. Shape of the answer: `(2, 1 + n_features)`: base and contributions in
    /// the description's `explanation_unit`, then the same before calibration, where they add up to the margin.
    pub fn explain(&self, row: &[f32]) -> Result<Vec<f64>, Problem> {
        let model = self.0.model();
        let explanation = Explainer::new(model)
            .explain(row)
            .map_err(|error| Problem::because(&error))?;
        let unit = ExplanationUnit::of(model.calibration());
        let (base, contributions) = explanation.in_unit(unit);
        let mut numbers = Vec::with_capacity(2 * (1 + row.len()));
        numbers.push(base);
        numbers.extend(contributions);
        numbers.push(explanation.base);
        numbers.extend(explanation.contributions);
        Ok(numbers)
    }

    /// Reads a CSV file with a header. Throws where the header does not fit the schema; a row
    /// that does not is among the answer's errors.
    #[wasm_bindgen(js_name = encodeCsv)]
    pub fn encode_csv(&self, bytes: &[u8]) -> Result<BrowserCsvRows, Problem> {
        csv_rows::CsvRows::read(self.0.model().schema(), bytes, nearest_number)
            .map(BrowserCsvRows)
            .map_err(|error| Problem::because(&error))
    }
}

/// The rows of a CSV file.
#[wasm_bindgen(js_name = CsvRows)]
#[derive(Debug)]
pub struct BrowserCsvRows(csv_rows::CsvRows);

#[wasm_bindgen(js_class = CsvRows)]
impl BrowserCsvRows {
    /// The rows without errors. Shape: `(n_rows, n_features)`. They are handed over, not copied:
    /// a second call gives nothing.
    #[wasm_bindgen(js_name = takeRows)]
    pub fn take_rows(&mut self) -> Vec<f32> {
        core::mem::take(&mut self.0.rows)
    }

    /// For each row of `takeRows` its position among the file's records, from 0.
    #[wasm_bindgen(js_name = recordIndexes)]
    pub fn record_indexes(&self) -> Vec<u32> {
        self.0.record_indexes.clone()
    }

    /// Where each record stands in the file: start and end in bytes, without its line ending.
    /// The header is the first. Shape: `(1 + n_records, 2)`.
    #[wasm_bindgen(js_name = recordSpans)]
    pub fn record_spans(&self) -> Vec<u32> {
        self.0.record_spans.clone()
    }

    /// What is wrong with fields, as JSON text: `record`, `line`, `column`, `found`, `expected`.
    /// At most the first thousand.
    pub fn errors(&self) -> String {
        let mut json = JsonText::new(number_text);
        csv_rows::write_errors(&mut json, &self.0.errors);
        json.into_text()
    }

    /// How many fields are wrong, listed or not.
    #[wasm_bindgen(getter, js_name = errorCount)]
    pub fn error_count(&self) -> usize {
        self.0.error_count
    }
}
