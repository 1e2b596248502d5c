//! Calibration and decision together: what comes after the margin.

use std::collections::BTreeMap;

use picket_schema::Margin;
use picket_schema::artifact::{Calibration, Decision};
use picket_wasm_model::calibrated;

use crate::calibration::{CalibrationMethod, CalibrationRows};
use crate::decide::{DecideError, DecisionRule};
use crate::metrics::ScoredGroups;

/// How a model's margins become verdicts, fitted to rows that the model did not learn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// From margin to score.
    pub calibration: Calibration<'static>,
    /// From score to verdict.
    pub decision: Decision,
    /// The rows' scores. Shape: `(n_rows,)`.
    pub scores: Vec<f64>,
    /// How it was made, by the names of a card's parameters: `calibration`, `threshold` and, where there is a
    /// band, `uncertain`.
    pub description: BTreeMap<&'static str, String>,
    /// Cross-fitted Brier scores by calibration, where these were compared.
    pub brier: BTreeMap<&'static str, f64>,
    /// Whether the threshold follows from the rows.
    threshold_reads_rows: bool,
}

impl Judgement {
    /// Calibrates, then decides by the calibrated scores. `seed` draws the parts in which calibrations are
    /// compared.
    ///
    /// # Errors
    /// A [`DecideError`] for a parameter out of range or a rate that no threshold keeps.
    ///
    /// # Panics
    /// When the shapes of `rows` differ.
    pub fn of(
        rows: &CalibrationRows<'_>,
        method: CalibrationMethod,
        rule: DecisionRule,
        seed: u64,
    ) -> Result<Self, DecideError> {
        let fitted = method.fit(rows, seed);
        let mut judgement = Self::with(fitted.calibration, rows, rule)?;
        judgement.description.insert("calibration", fitted.name);
        judgement.brier = fitted.brier;
        Ok(judgement)
    }

    /// As [`Judgement::of`] with a calibration that stays as it is, and is not described.
    ///
    /// # Errors
    /// As [`Judgement::of`].
    ///
    /// # Panics
    /// When the shapes of `rows` differ.
    pub fn with(
        calibration: Calibration<'static>,
        rows: &CalibrationRows<'_>,
        rule: DecisionRule,
    ) -> Result<Self, DecideError> {
        let margins = rows.margins.iter();
        let scores: Vec<f64> = margins
            .map(|margin| calibrated(&calibration, Margin(*margin)).0)
            .collect();
        let scored = ScoredGroups::by_group(rows.groups, &scores, rows.labels);
        let decided = rule.decide(&scored)?;
        let mut description = BTreeMap::from([("threshold", decided.threshold)]);
        description.extend(decided.uncertain.map(|words| ("uncertain", words)));
        Ok(Self {
            calibration,
            decision: decided.decision,
            scores,
            description,
            brier: BTreeMap::new(),
            threshold_reads_rows: rule.threshold.reads_rows(),
        })
    }

    /// Says on what rows it was made, where it took any.
    #[must_use]
    pub fn made_on(mut self, rows: &str) -> Self {
        for (name, words) in &mut self.description {
            if words != "none" && (*name != "threshold" || self.threshold_reads_rows) {
                words.extend([", ", rows]);
            }
        }
        self
    }

    /// Writes the description among a card's parameters.
    pub fn describe(&self, parameters: &mut BTreeMap<String, String>) {
        parameters.remove("uncertain");
        let description = self.description.iter();
        parameters.extend(description.map(|(name, words)| ((*name).to_owned(), words.clone())));
    }
}
