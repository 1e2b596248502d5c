//! Why a score is what it is, as JSON.

use picket_schema::{Domain, Feature};
use picket_wasm_model::Explanation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::served_model::ServedModel;

/// The contributions to a row's score: `base` and all contributions add up to `total`.
#[derive(Serialize, ToSchema)]
#[schema(as = Explanation)]
pub(crate) struct Explained<'a> {
    /// `log-odds` of the score, or `margin` where the model's calibration is isotonic: that bends, so only the
    /// margin before it is a sum of contributions.
    #[schema(value_type = String, example = "log-odds")]
    unit: &'static str,
    /// The mean over the training rows.
    base: f64,
    /// The row's log-odds or margin.
    total: f64,
    /// The largest first.
    contributions: Vec<FeatureShare<'a>>,
}

/// What one feature adds.
#[derive(Serialize, ToSchema)]
#[schema(as = Contribution)]
struct FeatureShare<'a> {
    feature: &'a str,
    /// The row's value: a number, the name of a category, the bucket of a hashed text, or null where it is missing.
    #[schema(value_type = Option<f64>)]
    value: Value<'a>,
    contribution: f64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Number(f32),
    Category(&'a str),
    Missing(()),
}

impl<'a> Value<'a> {
    fn of(feature: &'a Feature, x: f32) -> Self {
        match &feature.domain {
            Domain::Categories(names) => Feature::category_code(names.len(), x)
                .map_or(Self::Missing(()), |code| Self::Category(&names[code])),
            // The text of a bucket is not kept.
            Domain::Hashed(_) if Feature::category_code(feature.n_categories(), x).is_none() => {
                Self::Missing(())
            }
            _ if x.is_nan() => Self::Missing(()),
            _ => Self::Number(x),
        }
    }
}

impl<'a> Explained<'a> {
    /// Shape of `row`: `(n_features,)`.
    pub(crate) fn new(model: &'a ServedModel, row: &[f32], explanation: &Explanation) -> Self {
        let unit = model.explanation_unit;
        let (base, in_unit) = explanation.in_unit(unit);
        let mut contributions: Vec<FeatureShare<'a>> = model
            .schema
            .features
            .iter()
            .zip(row)
            .zip(in_unit)
            .map(|((feature, x), contribution)| FeatureShare {
                feature: &feature.name,
                value: Value::of(feature, *x),
                contribution,
            })
            .collect();
        // Stable: equal ones stay in the schema's order.
        contributions.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        Self {
            unit: unit.name(),
            base,
            total: unit.of_margin(explanation.scored.margin.0),
            contributions,
        }
    }
}
