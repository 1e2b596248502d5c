//! Learners by name: from a kind and parameters as a pipeline file or a command line gives them, and back.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    AdaBoostSettings, BaggedSettings, BoostingSettings, Learner, LinfaTreeSettings,
    LogisticSettings, TreeSettings,
};

/// Why a kind and parameters name no learner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartsError {
    /// There is no such kind of learner.
    #[error("no learner is called {found:?}; expected one of {}", Learner::KINDS.join(", "))]
    UnknownKind {
        /// The name given.
        found: String,
    },
    /// The learner has no such parameter.
    #[error("{kind} has no parameter {found:?}; expected one of {}", .known.join(", "))]
    UnknownParameter {
        /// The learner.
        kind: &'static str,
        /// The name given.
        found: String,
        /// The names that the learner knows, ascending.
        known: Vec<String>,
    },
    /// A parameter's value is not of its type.
    #[error("{kind}: the parameter {parameter} is {found}: {expected}")]
    ParameterValue {
        /// The learner.
        kind: &'static str,
        /// The parameter.
        parameter: String,
        /// The value given, as JSON.
        found: String,
        /// What was expected.
        expected: String,
    },
}

impl Learner {
    /// The kinds of learners, as in `trainer train --model NAME` and in pipeline files.
    pub const KINDS: [&'static str; 7] = [
        "boosting",
        "forest",
        "extra-trees",
        "adaboost",
        "tree",
        "linfa-tree",
        "logistic",
    ];

    /// The learner of a kind with these parameters; those left out have their defaults.
    ///
    /// Values may be of any type that serde can write, such as `toml::Value` or `serde_json::Value`.
    /// Only names and types are looked at here; ranges are checked by the fit.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use picket_trainer::Learner;
    ///
    /// let parameters = BTreeMap::from([("n_trees".to_owned(), 50)]);
    /// let learner = Learner::from_parts("forest", &parameters)?;
    /// assert_eq!(learner.parameters()["n_trees"], "50");
    /// assert!(Learner::from_parts("forest", &BTreeMap::from([("trees".to_owned(), 50)])).is_err());
    /// # Ok::<(), picket_trainer::PartsError>(())
    /// ```
    ///
    /// # Errors
    /// A [`PartsError`] that names the kind or parameter, and what was expected.
    pub fn from_parts<V: Serialize>(
        kind: &str,
        parameters: &BTreeMap<String, V>,
    ) -> Result<Self, PartsError> {
        let known = Self::KINDS.into_iter().find(|known| *known == kind);
        Ok(match known {
            Some(kind @ "boosting") => {
                Self::Boosting(settings::<BoostingSettings, V>(kind, parameters)?)
            }
            Some(kind @ "forest") => Self::Forest(settings::<BaggedSettings, V>(kind, parameters)?),
            Some(kind @ "extra-trees") => {
                Self::ExtraTrees(settings::<BaggedSettings, V>(kind, parameters)?)
            }
            Some(kind @ "adaboost") => {
                Self::AdaBoost(settings::<AdaBoostSettings, V>(kind, parameters)?)
            }
            Some(kind @ "tree") => Self::Tree(settings::<TreeSettings, V>(kind, parameters)?),
            Some(kind @ "linfa-tree") => {
                Self::LinfaTree(settings::<LinfaTreeSettings, V>(kind, parameters)?)
            }
            Some(kind @ "logistic") => {
                Self::Logistic(settings::<LogisticSettings, V>(kind, parameters)?)
            }
            _ => {
                let found = kind.to_owned();
                return Err(PartsError::UnknownKind { found });
            }
        })
    }

    /// The learner's name, one of [`Learner::KINDS`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Forest(_) => "forest",
            Self::ExtraTrees(_) => "extra-trees",
            Self::Boosting(_) => "boosting",
            Self::AdaBoost(_) => "adaboost",
            Self::Tree(_) => "tree",
            Self::LinfaTree(_) => "linfa-tree",
            Self::Logistic(_) => "logistic",
        }
    }

    /// The parameters by name, for the model card.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let written = match self {
            Self::Forest(settings) | Self::ExtraTrees(settings) => written(settings),
            Self::Boosting(settings) => written(settings),
            Self::AdaBoost(settings) => written(settings),
            Self::Tree(settings) => written(settings),
            Self::LinfaTree(settings) => written(settings),
            Self::Logistic(settings) => written(settings),
        };
        let shown = |(name, value): (String, Value)| (name, shown(&value));
        written.into_iter().map(shown).collect()
    }
}

/// Settings as a map of JSON values.
fn written(settings: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(map)) => map,
        // Settings are structures of numbers and names.
        _ => Map::new(),
    }
}

/// A parameter's value as a model card shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "by the number of features".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map_or_else(String::new, |x| x.to_string())
        }
        other => other.to_string(),
    }
}

/// Reads settings, one parameter at a time first, so that an error can name it.
fn settings<S: Default + DeserializeOwned + Serialize, V: Serialize>(
    kind: &'static str,
    parameters: &BTreeMap<String, V>,
) -> Result<S, PartsError> {
    let known = written(&S::default());
    let mut given = Map::new();
    for (parameter, value) in parameters {
        if !known.contains_key(parameter) {
            return Err(PartsError::UnknownParameter {
                kind,
                found: parameter.clone(),
                known: known.keys().cloned().collect(),
            });
        }
        let wrong = |found: &Value, expected: String| PartsError::ParameterValue {
            kind,
            parameter: parameter.clone(),
            found: found.to_string(),
            expected,
        };
        let value =
            serde_json::to_value(value).map_err(|error| wrong(&Value::Null, error.to_string()))?;
        // Numbers that JSON cannot write, NaN and the infinities, become null as well.
        if value.is_null() {
            return Err(wrong(&value, "leave it out for the default".to_owned()));
        }
        let alone = Map::from_iter([(parameter.clone(), value.clone())]);
        S::deserialize(Value::Object(alone)).map_err(|error| wrong(&value, error.to_string()))?;
        given.insert(parameter.clone(), value);
    }
    S::deserialize(Value::Object(given)).map_err(|error| PartsError::ParameterValue {
        kind,
        parameter: String::new(),
        found: String::new(),
        expected: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parts(kind: &str, parameters: &Value) -> Result<Learner, PartsError> {
        let parameters = parameters.as_object().expect("a map of parameters").clone();
        Learner::from_parts(kind, &parameters.into_iter().collect())
    }

    #[test]
    fn every_kind_has_defaults_and_its_name() {
        for kind in Learner::KINDS {
            let learner = parts(kind, &json!({})).expect("defaults suffice");
            assert_eq!(learner.name(), kind);
            assert!(!learner.parameters().is_empty());
        }
    }

    #[test]
    fn parameters_are_taken_and_the_rest_are_defaults() {
        let learner = parts(
            "boosting",
            &json!({"n_trees": 7, "l2": 2, "column_fraction": 0.5}),
        );
        let expected = BoostingSettings {
            n_trees: 7,
            l2: 2.0,
            column_fraction: Some(0.5),
            ..BoostingSettings::default()
        };
        assert_eq!(learner, Ok(Learner::Boosting(expected)));
    }

    #[test]
    fn an_unknown_kind_is_refused_with_the_known_ones() {
        let error = parts("boostin", &json!({})).expect_err("there is no such kind");
        assert!(error.to_string().contains("boosting, forest, extra-trees"));
    }

    #[test]
    fn an_unknown_parameter_is_refused_with_the_known_ones() {
        let error = parts("tree", &json!({"n_trees": 3})).expect_err("one tree has no number");
        let known = ["max_depth", "min_leaf", "positive_weight"];
        assert_eq!(
            error,
            PartsError::UnknownParameter {
                kind: "tree",
                found: "n_trees".into(),
                known: known.map(str::to_owned).to_vec()
            }
        );
    }

    #[test]
    fn a_value_of_a_wrong_type_is_refused_by_its_parameters_name() {
        for value in [json!("many"), json!(-1), json!(1.5), json!(null)] {
            let error = parts("forest", &json!({"max_depth": 3, "n_trees": value}));
            let error = error.expect_err("not a number of trees").to_string();
            let start = format!("forest: the parameter n_trees is {value}: ");
            assert!(error.starts_with(&start), "{error}");
        }
        let infinite = BTreeMap::from([("l2".to_owned(), f64::INFINITY)]);
        assert!(Learner::from_parts("logistic", &infinite).is_err());
    }
}
