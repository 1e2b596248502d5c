//! Another calibration, threshold or uncertain band for a model that stays as it is.

use std::borrow::Cow;

use picket_schema::artifact::{Artifact, Calibration, Reference};
use picket_schema::{ArtifactError, DataDigest};
use picket_wasm_model::{Model, OwnedModel, RowError};

use crate::calibration::{CalibrationMethod, CalibrationRows};
use crate::dataset::Dataset;
use crate::decide::{DecideError, DecisionRule, ThresholdRule};
use crate::evaluation::{Evaluation, Scores, is_training_data};
use crate::judgement::Judgement;
use crate::reference::score_counts;
use crate::row_groups::RowGroups;
use crate::training::METRICS_NOTE;

/// What stands in a retuned model's card in place of a split.
const SPLIT: &str = "retune";

/// The uncertain band of a retuned model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Band {
    /// At most this share of each class gets the other's verdict.
    Alpha(f64),
    /// No score is uncertain.
    None,
}

/// What is to change. What is not given stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetuneOptions {
    /// How margins become scores.
    pub calibration: Option<CalibrationMethod>,
    /// How the threshold is chosen.
    pub threshold: Option<ThresholdRule>,
    /// Which scores are uncertain.
    pub uncertain: Option<Band>,
    /// The model's name, if it changes.
    pub name: Option<String>,
    /// What a reader of the card should know.
    pub notes: Vec<String>,
    /// Draws the parts in which calibrations are compared, and the samples of intervals.
    pub seed: u64,
}

/// A retuned model.
#[derive(Clone, Debug, PartialEq)]
pub struct Retuned {
    /// The artifact's file.
    pub bytes: Vec<u8>,
    /// What the model achieves on the rows that it was retuned on.
    pub evaluation: Evaluation,
    /// What takes from its worth.
    pub warnings: Vec<String>,
}

/// Why a model was not retuned.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RetuneError {
    /// No change was asked for.
    #[error("nothing to change; expected another calibration, threshold or uncertain band")]
    Nothing,
    /// The model has a band that was drawn for other scores or another threshold.
    #[error(
        "the model's uncertain band, {low} to {high}, was drawn for its present calibration and threshold; expected a new band (--uncertain SHARE) or none (--no-uncertain)"
    )]
    StaleBand {
        /// The band's lower bound.
        low: f64,
        /// The band's upper bound.
        high: f64,
    },
    /// Margins of a file are taken for what the file says only when a learner makes them.
    #[error("a model cannot be retuned to no calibration; expected Platt, isotonic or auto")]
    NoCalibration,
    /// The decision cannot be made so.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// A row does not fit the model.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The artifact made here is not valid.
    #[error("the retuned model makes no valid artifact: {0}")]
    Artifact(#[from] ArtifactError),
}

impl RetuneOptions {
    /// Whether anything is chosen by the rows' labels.
    fn reads_rows(&self) -> bool {
        self.calibration.is_some()
            || self.threshold.is_some_and(ThresholdRule::reads_rows)
            || matches!(self.uncertain, Some(Band::Alpha(_)))
    }

    fn check(&self, artifact: &Artifact<'_>) -> Result<(), RetuneError> {
        let changes_scores = self.calibration.is_some() || self.threshold.is_some();
        match (self.uncertain, artifact.decision.uncertain) {
            (None, _) if !changes_scores => Err(RetuneError::Nothing),
            (None, Some([low, high])) => Err(RetuneError::StaleBand { low, high }),
            _ if self.calibration == Some(CalibrationMethod::None) => {
                Err(RetuneError::NoCalibration)
            }
            _ => Ok(()),
        }
    }
}

/// Calibrates and decides anew by labelled rows, without another fit. The trees or terms stay as they are, the
/// card names the old model as the parent.
///
/// The rows should be new to the model. The card's metrics become those of the retuned model on them; on the
/// model's own training rows, which are warned of, it keeps none.
///
/// # Errors
/// A [`RetuneError`] where nothing is to change, a band would be stale, or a rule cannot be kept.
pub fn retune(
    owned: &OwnedModel,
    data: &Dataset,
    options: &RetuneOptions,
) -> Result<Retuned, RetuneError> {
    let model = owned.model();
    let mut artifact = model.artifact().clone();
    options.check(&artifact)?;
    let groups = RowGroups::of(data);
    let judgement = judgement(model, data, &groups, options)?;
    let mut warnings = Vec::new();
    let is_training = is_training_data(&artifact, data);
    if is_training {
        warnings.push(if options.reads_rows() {
            "The model was trained from these very rows: its margins are too sure of themselves on them, and so is what was chosen by them. Take rows that it has not seen.".to_owned()
        } else {
            "The model was trained from these very rows: it is not measured on them.".to_owned()
        });
    }

    let card = &mut artifact.card;
    card.parent = Some(Artifact::digest(owned.bytes()));
    card.name = options.name.clone().unwrap_or(card.name.clone());
    judgement.describe(&mut card.parameters);
    card.notes.retain(|note| !note.starts_with(METRICS_NOTE));
    let what = judgement.description.iter();
    let what: Vec<String> = what
        .map(|(name, words)| format!("{name}: {words}"))
        .collect();
    let n_rows = data.n_rows();
    card.notes
        .push(retune_note(&what, n_rows, groups.n_groups(), data.digest()));
    card.notes.extend(options.notes.iter().cloned());
    card.notes.extend(warnings.iter().cloned());
    SPLIT.clone_into(&mut card.split);
    card.metrics.clear();
    card.n_rows_test = 0;

    artifact.decision = judgement.decision;
    if options.calibration.is_some() && !artifact.reference.features.is_empty() {
        artifact.reference = Reference {
            features: artifact.reference.features,
            // The old counts are of scores that no row gets any more.
            scores: Cow::Owned(score_counts(&judgement.scores)),
        };
    }
    artifact.calibration = judgement.calibration;
    let bytes = artifact.encode()?;
    let evaluation = Evaluation::of(&Model::load(&bytes)?, data, options.seed)?;
    if is_training {
        return Ok(Retuned {
            bytes,
            evaluation,
            warnings,
        });
    }
    let card = &mut artifact.card;
    card.metrics.clone_from(&evaluation.metrics);
    card.n_rows_test = n_rows as u64;
    let flattered = if options.reads_rows() {
        ", which flatters it a little"
    } else {
        ""
    };
    card.notes.push(format!(
        "{METRICS_NOTE}this model on the {n_rows} rows that it was retuned on{flattered}."
    ));
    Ok(Retuned {
        bytes: artifact.encode()?,
        evaluation,
        warnings,
    })
}

fn judgement(
    model: &Model<'_>,
    data: &Dataset,
    groups: &RowGroups,
    options: &RetuneOptions,
) -> Result<Judgement, RetuneError> {
    let scores = Scores::of(model, data)?;
    let rows = CalibrationRows {
        margins: &scores.margins,
        labels: data.labels(),
        groups: groups.group_of_row(),
        are_probabilities: false,
    };
    let old = model.decision().threshold;
    let rule = DecisionRule {
        threshold: options.threshold.unwrap_or(ThresholdRule::Fixed(old)),
        uncertain: match options.uncertain {
            Some(Band::Alpha(alpha)) => Some(alpha),
            Some(Band::None) | None => None,
        },
    };
    let mut judgement = if let Some(method) = options.calibration {
        Judgement::of(&rows, method, rule, options.seed)?
    } else {
        let calibration: Calibration<'static> = model.calibration().clone().into_owned();
        Judgement::with(calibration, &rows, rule)?
    };
    if options.threshold.is_none() {
        judgement.description.remove("threshold");
    }
    Ok(judgement.made_on("rows of a retune"))
}

fn retune_note(what: &[String], n_rows: usize, n_distinct: usize, digest: DataDigest) -> String {
    let what = if what.is_empty() {
        "no uncertain band".to_owned()
    } else {
        what.join("; ")
    };
    format!(
        "Retuned without another fit on {n_rows} rows, {n_distinct} distinct, {digest}: {what}."
    )
}
