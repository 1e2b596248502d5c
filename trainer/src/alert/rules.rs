//! What is wrong now, by rules in TOML.

use serde::{Deserialize, Serialize};

use super::error::AlertError;
use crate::monitor::LiveView;

/// When to raise which alert. Every table and key may be left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// After so many looks in a row that say so an alert is raised.
    pub raise_after: u32,
    /// After so many looks in a row that do not it is cleared.
    pub clear_after: u32,
    /// A model is less accurate than it should be.
    pub accuracy: AccuracyRule,
    /// Live rows are far from the training rows.
    pub drift: DriftRule,
    /// A node sends nothing.
    pub node_silent: NodeSilentRule,
    /// A node's spool is nearly full.
    pub spool: SpoolRule,
    /// Something is wrong with the service itself. Only `trainer serve` applies it.
    pub service: ServiceRule,
}

/// A model is less accurate than it should be: the whole interval is below the floor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccuracyRule {
    /// Whether the rule is in force.
    pub enabled: bool,
    /// The least accuracy.
    pub floor: f64,
    /// Fewer labelled rows say nothing.
    pub min_labelled: u64,
}

/// Live rows are far from the training rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriftRule {
    /// Whether the rule is in force.
    pub enabled: bool,
    /// How many features must have drifted, or the scores.
    pub min_features: u64,
    /// From which stability index on one counts.
    pub min_psi: f64,
    /// Fewer live rows say nothing.
    pub min_rows: u64,
}

/// A node sends nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeSilentRule {
    /// Whether the rule is in force.
    pub enabled: bool,
    /// For so many seconds.
    pub after_seconds: u64,
}

/// A node's spool is nearly full.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpoolRule {
    /// Whether the rule is in force.
    pub enabled: bool,
    /// From this share of its bound on.
    pub max_fill: f64,
}

/// Something is wrong with the service itself: a pipeline failed, the queue is near its bound, tokens are refused.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceRule {
    /// Whether the rules are in force.
    pub enabled: bool,
    /// From this share of the queue's bound on.
    pub max_queue_fill: f64,
    /// So many requests without a good token within ten minutes.
    pub max_refused: u64,
}

impl Default for ServiceRule {
    fn default() -> Self {
        Self {
            enabled: true,
            max_queue_fill: 0.8,
            max_refused: 20,
        }
    }
}

impl Default for Rules {
    /// Two looks raise, two clear.
    fn default() -> Self {
        Self {
            raise_after: 2,
            clear_after: 2,
            accuracy: AccuracyRule::default(),
            drift: DriftRule::default(),
            node_silent: NodeSilentRule::default(),
            spool: SpoolRule::default(),
            service: ServiceRule::default(),
        }
    }
}

impl Default for AccuracyRule {
    fn default() -> Self {
        Self {
            enabled: true,
            floor: 0.9,
            min_labelled: 50,
        }
    }
}

impl Default for DriftRule {
    fn default() -> Self {
        Self {
            enabled: true,
            min_features: 1,
            min_psi: 0.25,
            min_rows: 500,
        }
    }
}

impl Default for NodeSilentRule {
    fn default() -> Self {
        Self {
            enabled: true,
            after_seconds: 3600,
        }
    }
}

impl Default for SpoolRule {
    fn default() -> Self {
        Self {
            enabled: true,
            max_fill: 0.8,
        }
    }
}

/// What one look says of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// What it is about: the rule's name and the model's digest or the node.
    pub key: String,
    /// The rule.
    pub rule: &'static str,
    /// Whether it is wrong.
    pub is_wrong: bool,
    /// In words, with the numbers.
    pub message: String,
    /// Whether a look that does not speak of it leaves it as it is: a node that is out of sight is still silent.
    pub stays_unseen: bool,
}

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    /// [`AlertError::Rules`] with what is wrong and where.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, AlertError> {
        let wrong = |reason: String| AlertError::Rules {
            file: file.to_owned(),
            reason,
        };
        let rules: Self = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        for (name, share) in [
            ("accuracy.floor", rules.accuracy.floor),
            ("spool.max_fill", rules.spool.max_fill),
            ("service.max_queue_fill", rules.service.max_queue_fill),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(wrong(format!("{name}: found {share}; expected 0 to 1")));
            }
        }
        if !(rules.drift.min_psi.is_finite() && rules.drift.min_psi >= 0.0) {
            let found = rules.drift.min_psi;
            return Err(wrong(format!(
                "drift.min_psi: found {found}; expected a number from 0"
            )));
        }
        for (name, count) in [
            ("raise_after", rules.raise_after),
            ("clear_after", rules.clear_after),
        ] {
            if count == 0 {
                return Err(wrong(format!("{name}: found 0; expected at least 1")));
            }
        }
        Ok(rules)
    }

    /// What a look says, by key.
    #[must_use]
    pub fn signals(&self, view: &LiveView) -> Vec<Signal> {
        let mut signals = Vec::new();
        if self.accuracy.enabled {
            self.accuracy_signals(view, &mut signals);
        }
        if self.drift.enabled {
            self.drift_signals(view, &mut signals);
        }
        for node in &view.nodes {
            if self.node_silent.enabled {
                let silent_s = node.silent_ms / 1000;
                signals.push(Signal {
                    key: format!("node_silent/{}", node.node),
                    rule: "node_silent",
                    is_wrong: silent_s >= self.node_silent.after_seconds,
                    message: format!("node {} has sent nothing for {silent_s} s", node.node),
                    stays_unseen: true,
                });
            }
            if let (true, Some(spool)) = (self.spool.enabled, node.spool) {
                signals.push(Signal {
                    key: format!("spool/{}", node.node),
                    rule: "spool",
                    is_wrong: spool.fill >= self.spool.max_fill,
                    message: format!(
                        "the spool of node {} is {:.0} % full: {} records wait, {} were dropped",
                        node.node,
                        spool.fill * 100.0,
                        spool.pending,
                        spool.dropped
                    ),
                    stays_unseen: false,
                });
            }
        }
        signals.sort_by(|a, b| a.key.cmp(&b.key));
        signals
    }

    fn accuracy_signals(&self, view: &LiveView, signals: &mut Vec<Signal>) {
        for version in &view.versions {
            let Some(found) = version.accuracy.map(|it| it.accuracy) else {
                continue;
            };
            if found.of < self.accuracy.min_labelled {
                continue;
            }
            signals.push(Signal {
                key: format!("accuracy/{}", version.model.digest),
                rule: "accuracy",
                is_wrong: found.high < self.accuracy.floor,
                message: format!(
                    "model {} is right on {:.4} of {} labelled rows ({:.4} to {:.4}); expected at least {}",
                    version.model.version, found.value, found.of, found.low, found.high, self.accuracy.floor
                ),
                stays_unseen: false,
            });
        }
    }

    fn drift_signals(&self, view: &LiveView, signals: &mut Vec<Signal>) {
        for drift in view
            .drift
            .iter()
            .filter(|it| it.n_live >= self.drift.min_rows)
        {
            let counts = |column: &&crate::monitor::ColumnDriftView| {
                column.has_drifted && column.psi >= self.drift.min_psi
            };
            let far: Vec<&str> = drift
                .features
                .iter()
                .filter(counts)
                .map(|it| it.column.as_str())
                .collect();
            let of_scores = drift.scores.iter().filter(counts).count();
            let named = far.iter().take(5).copied().collect::<Vec<_>>().join(", ");
            signals.push(Signal {
                key: format!("drift/{}", drift.model.digest),
                rule: "drift",
                is_wrong: far.len() as u64 >= self.drift.min_features || of_scores > 0,
                message: format!(
                    "{} features of model {} have drifted{}{named}{}",
                    far.len(),
                    drift.model.version,
                    if named.is_empty() { "" } else { ": " },
                    if of_scores > 0 {
                        "; so have its scores"
                    } else {
                        ""
                    }
                ),
                stays_unseen: false,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_defaults_has_all_of_them() {
        let text = include_str!("../../../deploy/trainer/alert-rules.toml");
        assert_eq!(Rules::from_toml(text, "r").unwrap(), Rules::default());
        let all = toml::to_string(&Rules::default()).unwrap();
        for line in all.lines().filter(|line| !line.is_empty()) {
            assert!(text.lines().any(|it| it == line), "{line}");
        }
    }

    #[test]
    fn rules_are_read_and_nonsense_is_named() {
        assert_eq!(Rules::from_toml("", "r").unwrap(), Rules::default());
        let rules = "raise_after = 3\n[accuracy]\nfloor = 0.95\n[drift]\nenabled = false\n";
        let rules = Rules::from_toml(rules, "r").unwrap();
        assert_eq!((rules.raise_after, rules.accuracy.floor), (3, 0.95));
        assert!(!rules.drift.enabled && rules.node_silent.enabled);
        for (text, words) in [
            ("raise_after = 0", "raise_after"),
            ("[accuracy]\nfloor = 1.5", "accuracy.floor"),
            ("[accuracy]\nfloor = nan", "accuracy.floor"),
            ("[drift]\nmin_psi = -1", "min_psi"),
            ("[rumour]\nx = 1", "rumour"),
        ] {
            let error = Rules::from_toml(text, "r.toml").unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("r.toml"), "{error}");
        }
    }
}
