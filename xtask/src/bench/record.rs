//! One result: a line of `--json`.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// What was measured where, and what came out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) bench: &'static str,
    pub(crate) shape: String,
    pub(crate) mode: String,
    pub(crate) host: String,
    pub(crate) engine: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) version: Option<String>,
    /// Lowest and highest over the rounds.
    pub(crate) spread: Option<(f64, f64)>,
    pub(crate) seed: u64,
    /// The most that the project allows itself.
    pub(crate) allowed: Option<f64>,
}

impl Record {
    fn line(&self) -> Value {
        let mut line = json!({
            "bench": self.bench, "shape": self.shape, "mode": self.mode, "host": self.host,
            "engine": self.engine, "value": self.value, "unit": self.unit, "seed": self.seed,
        });
        if let Some(version) = &self.version {
            line["version"] = json!(version);
        }
        if let Some((low, high)) = self.spread {
            line["spread_low"] = json!(low);
            line["spread_high"] = json!(high);
        }
        if let Some(allowed) = self.allowed {
            line["allowed"] = json!(allowed);
        }
        line
    }

    /// Whether the value is within what is allowed; `None` where nothing is said.
    pub(crate) fn holds(&self) -> Option<bool> {
        self.allowed.map(|allowed| self.value <= allowed)
    }
}

/// Writes the results, one object a line.
pub(crate) fn write(records: &[Record], path: &Path) -> Result<()> {
    let mut text = String::new();
    for record in records {
        writeln!(text, "{}", record.line())?;
    }
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            bench: "scoring",
            shape: "gbdt".to_owned(),
            mode: "single".to_owned(),
            host: "wasmtime".to_owned(),
            engine: "picket".to_owned(),
            value: 700.5,
            unit: "ns/row",
            version: None,
            spread: None,
            seed: 3,
            allowed: None,
        }
    }

    #[test]
    fn a_line_has_the_agreed_keys_and_no_empty_ones() {
        let expected = json!({
            "bench": "scoring", "shape": "gbdt", "mode": "single", "host": "wasmtime",
            "engine": "picket", "value": 700.5, "unit": "ns/row", "seed": 3,
        });
        assert_eq!(record().line(), expected);
        let full = Record {
            version: Some("wasmtime 48".to_owned()),
            spread: Some((690.0, 800.0)),
            allowed: Some(700.0),
            ..record()
        };
        let line = full.line();
        assert_eq!(line["spread_low"], 690.0);
        assert_eq!(line["spread_high"], 800.0);
        assert_eq!(line["allowed"], 700.0);
        assert_eq!(line["version"], "wasmtime 48");
    }

    #[test]
    fn a_value_above_what_is_allowed_does_not_hold() {
        let with = |allowed| {
            Record {
                allowed,
                ..record()
            }
            .holds()
        };
        assert_eq!(with(None), None);
        assert_eq!(with(Some(700.5)), Some(true));
        assert_eq!(with(Some(700.0)), Some(false));
    }
}
