//! What the Spin variables say.

use std::collections::BTreeMap;
use std::fmt;

use picket_record::{Pseudonyms, RecordMode};
use picket_schema::record::is_node;
use picket_schema::release::KeySet;

use crate::token::MIN_TOKEN;

/// The variables that are read.
pub const VARIABLES: [&str; 11] = [
    "record",
    "collector_url",
    "collector_token",
    "max_pending",
    "pseudonym_key",
    "admin_token",
    "trusted_keys",
    "allow_schema_change",
    "max_staleness_hours",
    "record_window_seconds",
    "node",
];

/// Where records go.
#[derive(Clone, PartialEq, Eq)]
pub struct CollectorAccess {
    /// `/records` under the collector's URL.
    pub url: String,
    /// The bearer token.
    pub token: String,
}

impl fmt::Debug for CollectorAccess {
    /// The token is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectorAccess")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// What is recorded and where it goes.
#[derive(Clone, Debug)]
pub struct Recording {
    /// How much is kept.
    pub mode: RecordMode,
    /// Where it goes.
    pub collector: CollectorAccess,
    /// Without it sources are not recorded.
    pub pseudonyms: Option<Pseudonyms>,
    /// The most batches that may wait; then requests are refused.
    pub max_pending: usize,
    /// How long a window of aggregates is, in milliseconds.
    pub window_ms: u64,
    /// The node's name.
    pub node: Option<String>,
}

/// How releases are taken.
#[derive(Clone)]
pub struct Releases {
    /// Without one nobody may push a release.
    pub admin_token: Option<String>,
    /// Without any no release is taken, and none is served.
    pub trusted_keys: Option<KeySet>,
    /// Whether a release may have another schema than the model that answers.
    pub allow_schema_change: bool,
    /// How long a release is served after its end, in seconds.
    pub max_staleness: u64,
}

impl fmt::Debug for Releases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Releases")
            .field("trusted_keys", &self.trusted_keys)
            .finish_non_exhaustive()
    }
}

/// What the variables say. The two halves fail apart: wrong keys do not stop the recording.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `None` where nothing is recorded.
    pub recording: Result<Option<Recording>, SettingsError>,
    /// How releases are taken.
    pub releases: Result<Releases, SettingsError>,
}

/// A variable that cannot be used. Its value stands in no message: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable {name}: {reason}")]
pub struct SettingsError {
    /// The variable.
    pub name: &'static str,
    /// What is wrong.
    pub reason: String,
}

fn wrong(name: &'static str, reason: impl Into<String>) -> SettingsError {
    SettingsError {
        name,
        reason: reason.into(),
    }
}

impl Settings {
    /// Reads the variables' values; a missing one is as an empty one.
    #[must_use]
    pub fn read(values: &BTreeMap<&'static str, String>) -> Self {
        let value = |name: &str| values.get(name).map_or("", |value| value.trim());
        Self {
            recording: recording(&value),
            releases: releases(&value),
        }
    }
}

fn recording<'v>(
    value: &impl Fn(&'static str) -> &'v str,
) -> Result<Option<Recording>, SettingsError> {
    let mode = match value("record") {
        "" => RecordMode::Off,
        name => name.parse().map_err(|_| {
            let expected = "expected off, aggregates, verdicts or verdicts-with-features";
            wrong("record", expected)
        })?,
    };
    if mode == RecordMode::Off {
        return Ok(None);
    }
    let url = value("collector_url").trim_end_matches('/');
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(wrong(
            "collector_url",
            "expected https:// or http:// and a host",
        ));
    }
    let token = value("collector_token");
    if token.len() < MIN_TOKEN {
        let reason = format!("expected at least {MIN_TOKEN} characters");
        return Err(wrong("collector_token", reason));
    }
    let key = value("pseudonym_key");
    let pseudonyms = match key {
        "" => None,
        key => {
            let error = |_| wrong("pseudonym_key", "expected at least 16 bytes");
            Some(Pseudonyms::new(key.as_bytes()).map_err(error)?)
        }
    };
    let node = match value("node") {
        "" => None,
        node if is_node(node) => Some(node.to_owned()),
        _ => {
            let reason = "expected 1 to 64 letters, digits, dots, underscores and hyphens";
            return Err(wrong("node", reason));
        }
    };
    let window = number("record_window_seconds", value("record_window_seconds"), 300)?;
    if !(1..=86_400).contains(&window) {
        return Err(wrong("record_window_seconds", "expected 1 to 86400"));
    }
    Ok(Some(Recording {
        mode,
        collector: CollectorAccess {
            url: format!("{url}/records"),
            token: token.to_owned(),
        },
        pseudonyms,
        max_pending: number("max_pending", value("max_pending"), 10_000)? as usize,
        window_ms: window * 1000,
        node,
    }))
}

fn releases<'v>(value: &impl Fn(&'static str) -> &'v str) -> Result<Releases, SettingsError> {
    let admin_token = match value("admin_token") {
        "" => None,
        token if token.len() < MIN_TOKEN => {
            let reason = format!("expected at least {MIN_TOKEN} characters");
            return Err(wrong("admin_token", reason));
        }
        token => Some(token.to_owned()),
    };
    let trusted_keys = match value("trusted_keys") {
        "" => None,
        json => {
            let keys = KeySet::from_trusted_json(json.as_bytes());
            Some(keys.map_err(|error| wrong("trusted_keys", error.to_string()))?)
        }
    };
    let allow_schema_change = match value("allow_schema_change") {
        "" | "false" => false,
        "true" => true,
        _ => return Err(wrong("allow_schema_change", "expected true or false")),
    };
    let hours = value("max_staleness_hours");
    let max_staleness = number("max_staleness_hours", hours, 168)?.saturating_mul(3600);
    Ok(Releases {
        admin_token,
        trusted_keys,
        allow_schema_change,
        max_staleness,
    })
}

fn number(name: &'static str, text: &str, default: u64) -> Result<u64, SettingsError> {
    if text.is_empty() {
        return Ok(default);
    }
    text.parse()
        .map_err(|_| wrong(name, "expected a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&'static str, &str)]) -> Settings {
        let values = values
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        Settings::read(&values.collect())
    }

    const TOKEN: &str = "a token of this test";

    #[test]
    fn nothing_is_recorded_and_no_release_taken_unless_asked_for() {
        let settings = read(&[("admin_token", ""), ("record", "")]);
        assert!(settings.recording.expect("right").is_none());
        let releases = settings.releases.expect("right");
        assert!(releases.admin_token.is_none() && releases.trusted_keys.is_none());
        assert_eq!(releases.max_staleness, 168 * 3600);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_shown() {
        let right = [
            ("record", "verdicts"),
            ("collector_url", "https://collector.test/"),
            ("collector_token", TOKEN),
        ];
        let recording = read(&right).recording.expect("right").expect("on");
        assert_eq!(recording.collector.url, "https://collector.test/records");
        assert!(!format!("{recording:?}").contains(TOKEN));
        assert_eq!((recording.window_ms, recording.node), (300_000, None));
        for (name, mode) in [
            ("aggregates", RecordMode::Aggregates),
            ("verdicts-with-features", RecordMode::VerdictsWithFeatures),
        ] {
            let mut values = right.to_vec();
            values[0].1 = name;
            let recording = read(&values).recording.expect("right").expect("on");
            assert_eq!(recording.mode, mode);
        }
        for (name, value) in [
            ("record", "on"),
            ("record", "Aggregates"),
            ("collector_url", "collector.test"),
            ("collector_token", "short secret"),
            ("pseudonym_key", "short secret"),
            ("max_pending", "many"),
            ("record_window_seconds", "0"),
            ("record_window_seconds", "86401"),
            ("node", "no node"),
        ] {
            let mut values = right.to_vec();
            values.retain(|(known, _)| *known != name);
            values.push((name, value));
            let error = read(&values).recording.expect_err(value);
            assert_eq!(error.name, name);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        for (name, value) in [
            ("admin_token", "short secret"),
            ("trusted_keys", "{}"),
            ("allow_schema_change", "perhaps"),
            ("max_staleness_hours", "-1"),
        ] {
            let error = read(&[(name, value)]).releases.expect_err(value);
            assert_eq!(error.name, name);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
