//! Rows to write and to read again.

use std::path::{Path, PathBuf};

use picket_schema::FeatureSchema;
use picket_trainer::ingest::{DataSource, Ingest};
use picket_trainer::{Dataset, TrainerError, synthetic_rows};

/// A schema with every kind of feature and gaps.
pub(crate) fn schema() -> FeatureSchema {
    FeatureSchema::from_toml(
        r#"
        name = "flows"
        [label]
        name = "attack"
        positive = { name = "attack", values = ["1"] }
        negative = { name = "normal", values = ["0"] }
        [[features]]
        name = "bytes"
        domain = { range = [0.0, 1e6] }
        missing = "accept"
        [[features]]
        name = "flag"
        domain = { values = [-1.0, 0.0, 1.0] }
        [[features]]
        name = "service"
        domain = { categories = ["http", "80", "dns"] }
        missing = "accept"
        "#,
    )
    .unwrap()
}

pub(crate) fn dataset() -> Dataset {
    synthetic_rows(&schema(), 1000, 5).unwrap()
}

/// The row's fields as text: bytes, flag, service, attack.
pub(crate) fn fields(data: &Dataset, row_idx: usize) -> [String; 4] {
    let row = data.row(row_idx);
    let number = |value: f32| {
        if value.is_nan() {
            String::new()
        } else {
            value.to_string()
        }
    };
    let service = if row[2].is_nan() {
        String::new()
    } else {
        data.schema().features[2].categories()[row[2] as usize].clone()
    };
    let label = u8::from(data.labels()[row_idx]).to_string();
    [number(row[0]), number(row[1]), service, label]
}

/// The rows as text with a header.
pub(crate) fn text(data: &Dataset, rows: std::ops::Range<usize>, delimiter: &str) -> String {
    let mut text = ["bytes", "flag", "service", "attack"].join(delimiter) + "\n";
    for row_idx in rows {
        text += &(fields(data, row_idx).join(delimiter) + "\n");
    }
    text
}

pub(crate) fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

pub(crate) fn read(source: &DataSource) -> Result<Dataset, TrainerError> {
    let schema = schema();
    Ok(Ingest::new(&schema, source).run()?.into_dataset(&schema)?)
}

pub(crate) fn read_file(path: &Path) -> Result<Dataset, TrainerError> {
    read(&DataSource::file(path.to_str().unwrap()))
}
