//! What the service says of rows, as JSON.

use picket_schema::Verdict;
use picket_wasm_model::Scored;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::explained::Explained;
use crate::recording::PredictionId;
use crate::served_model::ServedModel;

/// Which model answered.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub(crate) struct ModelTag<'a> {
    /// The model's name.
    pub(crate) version: &'a str,
    /// The SHA-256 of its artifact.
    #[schema(example = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    pub(crate) digest: &'a str,
}

/// What the model says of a row.
#[derive(Serialize, ToSchema)]
#[schema(as = Judgement)]
pub(crate) struct Judgement<'a> {
    /// Names this prediction, for `POST /feedback`; absent where the host has no source of ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "00112233445566778899aabbccddeeff")]
    id: Option<PredictionId>,
    /// `positive` is the threat, `negative` harmless, `uncertain` what the model should not decide.
    #[schema(value_type = String, example = "positive")]
    verdict: Verdict,
    /// The class that the verdict names; null for an uncertain one.
    #[schema(example = "phishing")]
    class: Option<&'a str>,
    /// The calibrated probability of the positive class, 0 to 1.
    score: f64,
    /// The model's raw output, before calibration.
    margin: f64,
    /// What came with the row, unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<&'a RawValue>,
}

impl<'a> Judgement<'a> {
    pub(crate) fn new(
        model: &'a ServedModel,
        id: Option<PredictionId>,
        scored: &Scored,
        metadata: Option<&'a str>,
    ) -> Self {
        Self {
            id,
            verdict: scored.verdict,
            class: model.class(scored.verdict),
            score: scored.score.0,
            margin: scored.margin.0,
            // It came out of a JSON body, so it is JSON.
            metadata: metadata.and_then(|json| serde_json::from_str(json).ok()),
        }
    }
}

/// The answer to `POST /predict`.
#[derive(Serialize, ToSchema)]
#[schema(as = Prediction)]
pub(crate) struct Prediction<'a> {
    #[serde(flatten)]
    pub(crate) judgement: Judgement<'a>,
    /// A score of at least this is positive.
    pub(crate) threshold: f64,
    /// Where asked for by `?explain=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) explanation: Option<Explained<'a>>,
    pub(crate) model: ModelTag<'a>,
}

/// One row of the answer to `POST /predict/batch`, and one line of it as NDJSON.
#[derive(Serialize, ToSchema)]
#[schema(as = RowPrediction)]
pub(crate) struct RowPrediction<'a> {
    /// The row's place in the request, from 1.
    pub(crate) row: usize,
    #[serde(flatten)]
    pub(crate) judgement: Judgement<'a>,
}

/// How many rows got which verdict.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct VerdictCounts {
    pub(crate) positive: u64,
    pub(crate) negative: u64,
    pub(crate) uncertain: u64,
}

impl VerdictCounts {
    pub(crate) fn of(scored: &[Scored]) -> Self {
        let mut counts = Self::default();
        for one in scored {
            *match one.verdict {
                Verdict::Positive => &mut counts.positive,
                Verdict::Negative => &mut counts.negative,
                Verdict::Uncertain => &mut counts.uncertain,
            } += 1;
        }
        counts
    }
}

/// The answer to `POST /predict/batch`.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchPrediction)]
pub(crate) struct BatchPrediction<'a> {
    pub(crate) n_rows: usize,
    pub(crate) counts: VerdictCounts,
    /// A score of at least this is positive.
    pub(crate) threshold: f64,
    pub(crate) model: ModelTag<'a>,
    /// In the order of the request.
    pub(crate) predictions: Vec<RowPrediction<'a>>,
}
