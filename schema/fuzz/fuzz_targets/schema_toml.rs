//! Any text: reading a schema never panics, and every field of every text is read without panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use picket_schema::{ColumnMap, FeatureSchema};

fuzz_target!(|text: &str| {
    let Ok(schema) = FeatureSchema::from_toml(text) else { return };
    let fields: Vec<&str> = text.split(['"', '\n', ',']).take(64).collect();
    for feature in &schema.features {
        for field in &fields {
            if let Ok(x) = feature.parse_text(field) {
                assert!(x.is_nan() || x.is_finite());
            }
        }
    }
    for field in &fields {
        let _ = schema.label.is_positive(field);
    }
    let _ = ColumnMap::from_header(&schema, &fields);
    let _ = schema.digest();
});
