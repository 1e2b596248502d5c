//! What a model must achieve before it is worth comparing with another.

use serde::Serialize;

/// The least that is expected of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// The lowest F1 on test rows.
    pub min_f1: f64,
    /// The largest distance between F1 on training and on test rows: more is learned by heart, or the two
    /// are not alike.
    pub max_gap: f64,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            min_f1: 0.6,
            max_gap: 0.05,
        }
    }
}

/// One rule of the gate and how the model did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateFinding {
    /// `min_f1` or `max_gap`.
    pub rule: &'static str,
    /// What was measured.
    pub found: f64,
    /// What was asked for.
    pub limit: f64,
    /// Whether the rule is kept.
    pub holds: bool,
    /// The same in words.
    pub sentence: String,
}

/// Whether a model may pass.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateReport {
    /// Whether all rules hold.
    pub holds: bool,
    /// One finding a rule.
    pub findings: Vec<GateFinding>,
}

impl Gate {
    /// Checks a model by its F1 on test rows, and on the rows that it learned from where that is known. A
    /// number that is not finite keeps no rule.
    #[must_use]
    pub fn check(&self, train_f1: Option<f64>, test_f1: f64) -> GateReport {
        let mut findings = vec![self.expected_score(test_f1)];
        findings.extend(train_f1.map(|train_f1| self.gap(train_f1, test_f1)));
        GateReport {
            holds: findings.iter().all(|finding| finding.holds),
            findings,
        }
    }

    fn expected_score(&self, test_f1: f64) -> GateFinding {
        let limit = self.min_f1;
        let holds = test_f1 >= limit;
        let verdict = if holds {
            "as expected, at least"
        } else {
            "below the expected"
        };
        GateFinding {
            rule: "min_f1",
            found: test_f1,
            limit,
            holds,
            sentence: format!("F1 on test rows is {test_f1:.4}: {verdict} {limit}."),
        }
    }

    fn gap(&self, train_f1: f64, test_f1: f64) -> GateFinding {
        let (found, limit) = ((train_f1 - test_f1).abs(), self.max_gap);
        let holds = found <= limit;
        let verdict = if holds {
            "within"
        } else if train_f1 > test_f1 {
            "the model overfits: more than"
        } else {
            "training and test rows are not alike: more than"
        };
        GateFinding {
            rule: "max_gap",
            found,
            limit,
            holds,
            sentence: format!(
                "F1 is {train_f1:.4} on training and {test_f1:.4} on test rows, {found:.4} apart: {verdict} the {limit} allowed."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_model_passes_and_each_fault_is_named() {
        let gate = Gate::default();
        assert!(gate.check(Some(0.97), 0.94).holds);
        assert!(gate.check(None, 0.6).holds);
        let faults = |train, test| -> Vec<&'static str> {
            let report = gate.check(train, test);
            let broken = report.findings.iter().filter(|finding| !finding.holds);
            assert_eq!(report.holds, broken.clone().count() == 0);
            broken.map(|finding| finding.rule).collect()
        };
        assert_eq!(faults(Some(0.99), 0.9), ["max_gap"]);
        assert_eq!(faults(Some(0.58), 0.55), ["min_f1"]);
        assert_eq!(faults(Some(0.99), 0.2), ["min_f1", "max_gap"]);
        assert_eq!(faults(Some(f64::NAN), f64::NAN), ["min_f1", "max_gap"]);
        let words = |train, test| gate.check(Some(train), test).findings[1].sentence.clone();
        assert!(words(0.99, 0.9).contains("overfits"));
        assert!(words(0.8, 0.9).contains("not alike"));
    }
}
