//! From the schema's features to the peer's: by name where the file has names, else by position.

use picket_schema::{Feature, FeatureSchema, Kind};

use super::error::ImportError;
use super::peer::{PeerFeature, PeerModel, PeerNode};

/// Where a feature of the peer comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    /// The schema's feature.
    pub(crate) feature_idx: usize,
    /// For a categorical feature the peer's number of each of the schema's codes; NaN where the peer does
    /// not know the category. Shape: `(n_categories,)`.
    pub(crate) codes: Vec<f64>,
}

/// For each feature of the peer where it comes from; `None` for one that no split asks for and the schema
/// does not have. Shape: `(n_peer_features,)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FeatureMap {
    pub(crate) sources: Vec<Option<Source>>,
    /// What a reader of the card should know.
    pub(crate) notes: Vec<String>,
}

impl FeatureMap {
    /// Maps the features of a checked model.
    pub(crate) fn new(model: &PeerModel, schema: &FeatureSchema) -> Result<Self, ImportError> {
        let is_asked = asked(model);
        let are_named = model.features.iter().any(|feature| feature.name.is_some());
        if !are_named && model.features.len() != schema.n_features() {
            let (found, expected) = (model.features.len(), schema.n_features());
            return Err(ImportError::FeatureCount { found, expected });
        }
        let mut notes = Vec::new();
        if !are_named {
            notes.push(
                "The file does not name its features: they are taken to be the schema's, in its order."
                    .to_owned(),
            );
        }
        let mut sources = Vec::with_capacity(model.features.len());
        let mut is_taken = vec![false; schema.n_features()];
        for (peer_idx, feature) in model.features.iter().enumerate() {
            let found = match &feature.name {
                None => Some(peer_idx).filter(|_| !are_named),
                Some(name) => position(schema, name),
            };
            let Some(feature_idx) = found else {
                if is_asked[peer_idx] {
                    return Err(unknown(schema, feature));
                }
                sources.push(None);
                continue;
            };
            if core::mem::replace(&mut is_taken[feature_idx], true) {
                let found = schema.features[feature_idx].name.clone();
                return Err(ImportError::DuplicateFeature { found });
            }
            let ours = &schema.features[feature_idx];
            if is_asked[peer_idx]
                && ours.kind() == Kind::Categorical
                && feature.categories.is_none()
            {
                let names = ours.categories();
                notes.push(format!(
                    "The file does not name the categories of {:?}: 0 is taken for {:?} and so on, in the schema's order.",
                    ours.name,
                    names.first().map_or("", String::as_str)
                ));
            }
            let codes = codes(ours, feature)?;
            sources.push(Some(Source { feature_idx, codes }));
        }
        Ok(Self { sources, notes })
    }

    /// The peer's row for a row of the schema. Shapes: `(n_features,)` to `(n_peer_features,)`.
    pub(crate) fn peer_row(&self, schema: &FeatureSchema, row: &[f32]) -> Vec<f64> {
        let value = |(peer_idx, source): (usize, &Option<Source>)| {
            source.as_ref().map_or(f64::NAN, |source| {
                self.peer_value(schema, peer_idx, row[source.feature_idx])
            })
        };
        self.sources.iter().enumerate().map(value).collect()
    }

    /// What the peer sees of a value. What is no code of a category is missing: so says the format.
    pub(crate) fn peer_value(&self, schema: &FeatureSchema, peer_idx: usize, x: f32) -> f64 {
        let Some(source) = &self.sources[peer_idx] else {
            return f64::NAN;
        };
        if schema.features[source.feature_idx].kind() != Kind::Categorical {
            return f64::from(x);
        }
        let code = Feature::category_code(source.codes.len(), x);
        code.map_or(f64::NAN, |code| source.codes[code])
    }
}

/// For each feature of the peer whether a split asks for it.
fn asked(model: &PeerModel) -> Vec<bool> {
    let mut is_asked = vec![false; model.features.len()];
    for node in model.trees.iter().flat_map(|tree| &tree.nodes) {
        if let PeerNode::Split { feature, .. } = node
            && let Some(is_asked) = is_asked.get_mut(*feature)
        {
            *is_asked = true;
        }
    }
    is_asked
}

/// The schema's feature of a name. LightGBM writes underscores for spaces.
fn position(schema: &FeatureSchema, name: &str) -> Option<usize> {
    let features = &schema.features;
    let exact = features.iter().position(|feature| feature.name == name);
    exact.or_else(|| {
        let spaced = |feature: &Feature| feature.name.replace(' ', "_") == name;
        features.iter().position(spaced)
    })
}

fn unknown(schema: &FeatureSchema, feature: &PeerFeature) -> ImportError {
    let found = feature.name.clone().unwrap_or_default();
    let distance = |feature: &Feature| strsim::jaro_winkler(&feature.name, &found);
    let nearest = schema
        .features
        .iter()
        .max_by(|a, b| distance(a).total_cmp(&distance(b)))
        .filter(|nearest| distance(nearest) > 0.8)
        .map(|nearest| nearest.name.clone());
    ImportError::UnknownFeature {
        found: super::error::shown(&found),
        nearest,
    }
}

/// The peer's number of each of the schema's codes.
fn codes(ours: &Feature, theirs: &PeerFeature) -> Result<Vec<f64>, ImportError> {
    let names = ours.categories();
    let Some(categories) = &theirs.categories else {
        return Ok((0..ours.n_categories()).map(|code| code as f64).collect());
    };
    let wrong = |expected: String| ImportError::Categories {
        feature: ours.name.clone(),
        found: super::error::shown(&categories.join(", ")),
        expected,
    };
    if ours.kind() != Kind::Categorical {
        return Err(wrong(format!("none, for it is {}", ours.domain.in_words())));
    }
    let code = |name: &String| {
        let at = categories.iter().position(|category| category == name);
        at.map_or(f64::NAN, |at| at as f64)
    };
    let codes: Vec<f64> = names.iter().map(code).collect();
    if codes.iter().all(|code| code.is_nan()) {
        return Err(wrong(ours.domain.in_words()));
    }
    Ok(codes)
}
