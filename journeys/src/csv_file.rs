//! CSV files as spreadsheets write them, for a model.

use std::fmt::Write as _;

use picket_wasm_model::OwnedModel;

use crate::parity;

/// A CSV file with the columns in reverse, an id that needs quotes, and one row that is wrong.
#[must_use]
pub fn csv_of(model: &OwnedModel, rows: &[f32]) -> String {
    let schema = model.model().schema();
    let names: Vec<&str> = schema
        .features
        .iter()
        .rev()
        .map(|f| f.name.as_str())
        .collect();
    let mut text = format!("\u{feff}id,{}\r\n", names.join(","));
    for (row_idx, row) in rows.chunks_exact(schema.n_features()).enumerate() {
        let fields: Vec<String> = schema
            .features
            .iter()
            .zip(row)
            .rev()
            .map(|(feature, x)| match feature.categories() {
                [] => x.to_string(),
                names => names[*x as usize].clone(),
            })
            .collect();
        let fields = fields.join(",");
        // Writing to a string cannot fail.
        let _ = write!(text, "\"row {row_idx}, \"\"quoted\"\"\",{fields}\r\n");
        if row_idx == 2 {
            text += "wrong";
            text += &",banana".repeat(schema.n_features());
            text += "\r\n";
        }
    }
    text
}

/// Rows whose every number is in its feature's domain. Shape: `(n_rows, n_features)`.
#[must_use]
pub fn in_domain_rows(model: &OwnedModel, n_rows: usize) -> Vec<f32> {
    // Every sixth made row is in the domain.
    let n_features = model.model().n_features();
    let rows = parity::rows(model.model(), &[], n_rows * 6, 5);
    rows.chunks_exact(n_features)
        .step_by(6)
        .flatten()
        .copied()
        .collect()
}
