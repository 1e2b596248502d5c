//! Any body, as a batch for the collector: nothing panics, and a record that is let through is one document with an id
//! and a kind that can stand under its id.
#![no_main]

#[path = "../../../edge-runtime/src/collected_batch.rs"]
mod collected_batch;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let lines = collected_batch::lines(body);
    assert!(lines.len() <= body.len().div_ceil(2));
    for line in lines {
        if collected_batch::check(line, 1 << 16).is_err() {
            continue;
        }
        assert!(line.len() <= 1 << 16);
        // Deeper than the reader goes is refused when it is stored, not here.
        let Ok(record) = serde_json::from_slice::<Value>(line) else {
            continue;
        };
        let id = record["id"].as_str().expect("an id");
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let kind = record["kind"].as_str().expect("a kind");
        let kinds = ["prediction", "shadow", "label", "aggregate", "status"];
        assert!(kinds.contains(&kind));
    }
});
