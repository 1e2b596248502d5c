//! Learners by name: from a kind and parameters as a pipeline file or a command line gives them, and back.

use std::collections::BTreeMap;

use serde::de::{self, DeserializeOwned};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::blend::Blending;
use super::{
    AdaBoostSettings, BaggedSettings, BoostingSettings, KnnSettings, Learner, LinfaTreeSettings,
    LogisticSettings, StackingSettings, SvmLinearSettings, SvmRbfSettings, TreeSettings,
    VotingSettings,
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
    pub const KINDS: [&'static str; 12] = [
        "boosting",
        "forest",
        "extra-trees",
        "adaboost",
        "tree",
        "linfa-tree",
        "logistic",
        "knn",
        "svm-linear",
        "svm-rbf",
        "voting",
        "stacking",
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
        let learner = match known {
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
            Some(kind @ "knn") => Self::Knn(settings::<KnnSettings, V>(kind, parameters)?),
            Some(kind @ "svm-linear") => {
                Self::SvmLinear(settings::<SvmLinearSettings, V>(kind, parameters)?)
            }
            Some(kind @ "svm-rbf") => {
                Self::SvmRbf(settings::<SvmRbfSettings, V>(kind, parameters)?)
            }
            Some(kind @ "voting") => Self::Voting(settings::<VotingSettings, V>(kind, parameters)?),
            Some(kind @ "stacking") => {
                Self::Stacking(settings::<StackingSettings, V>(kind, parameters)?)
            }
            _ => {
                let found = kind.to_owned();
                return Err(PartsError::UnknownKind { found });
            }
        };
        match &learner {
            Self::Voting(settings) => Blending::from(settings).check()?,
            Self::Stacking(settings) => Blending::from(settings).check()?,
            _ => {}
        }
        Ok(learner)
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
            Self::Knn(_) => "knn",
            Self::SvmLinear(_) => "svm-linear",
            Self::SvmRbf(_) => "svm-rbf",
            Self::Voting(_) => "voting",
            Self::Stacking(_) => "stacking",
        }
    }

    /// The parameters by name, for the model card. Those of the members of voting and stacking stand behind the
    /// member's place and kind: `1.boosting.n_trees`.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let mut parameters = BTreeMap::new();
        for (name, value) in self.settings() {
            if name == "patience" && value.is_null() {
                continue;
            }
            let value = shown(&name, &value);
            parameters.insert(name, value);
        }
        let members = match self {
            Self::Voting(VotingSettings { members, .. })
            | Self::Stacking(StackingSettings { members, .. }) => members.as_slice(),
            _ => &[],
        };
        for (member, place) in members.iter().zip(1..) {
            let kind = member.name();
            let of_member = member.parameters().into_iter();
            parameters.extend(of_member.map(|(name, x)| (format!("{place}.{kind}.{name}"), x)));
        }
        if !members.is_empty() {
            let kinds: Vec<&str> = members.iter().map(Self::name).collect();
            parameters.insert("members".to_owned(), kinds.join(", "));
        }
        parameters
    }

    /// The parameters as [`Learner::from_parts`] takes them; null where the learner chooses itself.
    #[must_use]
    pub fn settings(&self) -> Map<String, Value> {
        match self {
            Self::Forest(settings) | Self::ExtraTrees(settings) => written(settings),
            Self::Boosting(settings) => written(settings),
            Self::AdaBoost(settings) => written(settings),
            Self::Tree(settings) => written(settings),
            Self::LinfaTree(settings) => written(settings),
            Self::Logistic(settings) => written(settings),
            Self::Knn(settings) => written(settings),
            Self::SvmLinear(settings) => written(settings),
            Self::SvmRbf(settings) => written(settings),
            Self::Voting(settings) => written(settings),
            Self::Stacking(settings) => written(settings),
        }
    }
}

/// A map of `kind` and the parameters.
impl Serialize for Learner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let settings = self.settings();
        let mut map = serializer.serialize_map(Some(settings.len() + 1))?;
        map.serialize_entry("kind", self.name())?;
        // What stands at its default by being nothing is left out, as TOML has no word for it.
        for (name, value) in settings.iter().filter(|(_, value)| !value.is_null()) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A map of `kind` and parameters, or the kind alone, as a string, for the defaults.
impl<'d> Deserialize<'d> for Learner {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        let mut parameters = BTreeMap::new();
        let kind = match Value::deserialize(deserializer)? {
            Value::String(kind) => kind,
            Value::Object(mut map) => {
                let Some(Value::String(kind)) = map.remove("kind") else {
                    return Err(de::Error::missing_field("kind"));
                };
                parameters.extend(map);
                kind
            }
            other => {
                let expected = "a learner's kind, or a map with it";
                return Err(de::Error::custom(format!(
                    "found {other}; expected {expected}"
                )));
            }
        };
        // Here an absent parameter may be written as null.
        parameters.retain(|_, value: &mut Value| !value.is_null());
        Self::from_parts(&kind, &parameters).map_err(de::Error::custom)
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
fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::Null if name == "gamma" => "1 / columns".to_owned(),
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
    fn learners_are_written_and_read() {
        for kind in Learner::KINDS {
            let learner = parts(kind, &json!({})).expect("defaults suffice");
            let text = serde_json::to_string(&learner).expect("settings are plain");
            assert_eq!(
                serde_json::from_str::<Learner>(&text).expect("what was written"),
                learner
            );
        }
    }

    #[test]
    fn members_are_kinds_or_kinds_with_parameters() {
        let members = json!(["logistic", {"kind": "forest", "n_trees": 9}]);
        let learner = parts("voting", &json!({ "members": members })).expect("two members");
        let Learner::Voting(VotingSettings { members, .. }) = &learner else {
            panic!("{learner:?}")
        };
        assert_eq!(
            members[0],
            parts("logistic", &json!({})).expect("defaults suffice")
        );
        assert_eq!(members[1].n_trees(), 9);
        let parameters = learner.parameters();
        assert_eq!(parameters["members"], "logistic, forest");
        assert_eq!(parameters["2.forest.n_trees"], "9");
    }

    #[test]
    fn members_that_cannot_be_are_refused() {
        for (kind, parameters, words) in [
            ("voting", json!({"members": []}), "1 to 32"),
            ("voting", json!({"members": ["voting"]}), "no voting"),
            (
                "voting",
                json!({"members": ["tree"], "weights": [1, 2]}),
                "1 numbers",
            ),
            (
                "voting",
                json!({"members": ["tree"], "weights": [0.0]}),
                "not all 0",
            ),
            (
                "voting",
                json!({"members": ["shrub"]}),
                "no learner is called \"shrub\"",
            ),
            (
                "stacking",
                json!({"members": [{"kind": "tree", "c": 1}]}),
                "no parameter \"c\"",
            ),
            ("stacking", json!({"members": [{"n_trees": 1}]}), "kind"),
            ("stacking", json!({"l2": 0}), "1e-9"),
            ("stacking", json!({"n_folds": 1}), "2 to 100"),
        ] {
            let error = parts(kind, &parameters).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        }
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
