//! The JavaScript binding.

// The macro writes `unsafe` glue and needs `pub` items; nothing in here is written unsafe by hand.
#![allow(unsafe_code, unreachable_pub, reason = "wasm-bindgen's exports")]

use serde_json::json;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{Memory, Signed};

#[wasm_bindgen]
extern "C" {
    /// JavaScript's own `Error`.
    #[wasm_bindgen(js_name = Error)]
    pub type Problem;

    #[wasm_bindgen(constructor, js_class = "Error")]
    fn new(message: &str) -> Problem;
}

fn problem(cause: &dyn core::fmt::Display) -> Problem {
    Problem::new(&cause.to_string())
}

/// What is to be remembered of a file of trusted keys. Where these are trusted already, marks stay.
#[wasm_bindgen(js_name = trustKeys)]
pub fn trust_keys(file: &[u8], before: Option<String>) -> Result<String, Problem> {
    let mut memory = Memory::of_keys(file).map_err(|error| problem(&error))?;
    if let Some(before) = before.and_then(|text| Memory::parse(&text).ok())
        && before.keys == memory.keys
    {
        memory = before;
    }
    memory.to_text().map_err(|error| problem(&error))
}

/// A release whose manifest is signed by trusted keys.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Release(Signed);

#[wasm_bindgen]
impl Release {
    /// Verifies an envelope; throws where it breaks a rule. `now` is in seconds since 1970.
    #[wasm_bindgen(constructor)]
    pub fn new(memory: &str, envelope: &[u8], now: f64) -> Result<Release, Problem> {
        let memory = Memory::parse(memory).map_err(|error| problem(&error))?;
        // A clock before 1970 counts as 1970: then the release is not valid yet.
        let signed = crate::verify(&memory, envelope, now as u64);
        signed.map(Release).map_err(|error| problem(&error))
    }

    /// What to remember, before anything else is done.
    pub fn memory(&self) -> Result<String, Problem> {
        self.0.memory.to_text().map_err(|error| problem(&error))
    }

    /// Throws where these are not the signed bytes.
    #[wasm_bindgen(js_name = checkArtifact)]
    pub fn check_artifact(&self, bytes: &[u8]) -> Result<(), Problem> {
        let checked = self.0.check_artifact(bytes);
        checked.map_err(|error| problem(&error))
    }

    /// The golden rows, shape `(n_rows, n_features)`.
    #[wasm_bindgen(js_name = goldenRows)]
    pub fn golden_rows(&self) -> Vec<f32> {
        self.0.golden().rows
    }

    /// Their margins, shape `(n_rows,)`.
    #[wasm_bindgen(js_name = goldenMargins)]
    pub fn golden_margins(&self) -> Vec<f64> {
        self.0.golden().margins
    }

    /// Number, validity and signers, as JSON.
    pub fn describe(&self) -> String {
        let (manifest, keys) = (self.0.manifest(), &self.0.memory.keys);
        json!({
            "release": manifest.release,
            "not_before": manifest.not_before,
            "expires": manifest.expires,
            "run_id": manifest.run_id,
            "signers": self.0.signers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "n_keys": keys.keys().len(),
            "threshold": keys.threshold(),
        })
        .to_string()
    }
}
