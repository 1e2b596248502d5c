//! The feature schema: what a row holds, in which order, and which class is the threat.

use core::fmt;

use serde::{Deserialize, Serialize};

use std::collections::BinaryHeap;

use crate::digest::SchemaDigest;
use crate::feature::{Domain, Feature, Kind};
use crate::limits;
use crate::quoted::Quoted;
use crate::shown_number::shown_list;

/// One of the two classes of a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// The class in one word, such as `phishing`.
    pub name: String,
    /// The label's values that mean this class. Empty: every value the other class does not list.
    #[serde(default)]
    pub values: Vec<String>,
}

/// The column to predict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The column's name, spelled as in the data.
    pub name: String,
    /// The threat. A score is the probability of this class.
    pub positive: Class,
    /// The harmless class.
    pub negative: Class,
}

/// An ordered list of features and the label they predict.
///
/// ```
/// use picket_schema::{Class, Domain, Feature, FeatureSchema, Label, MissingPolicy};
///
/// let schema = FeatureSchema {
///     name: "mail".into(),
///     label: Label {
///         name: "is_spam".into(),
///         positive: Class { name: "spam".into(), values: vec!["1".into()] },
///         negative: Class { name: "ham".into(), values: vec![] },
///     },
///     features: vec![Feature {
///         name: "n_links".into(),
///         domain: Domain::Range([0.0, 1000.0]),
///         unit: "links".into(),
///         missing: MissingPolicy::Reject,
///         description: String::new(),
///     }],
/// };
/// schema.validate()?;
/// assert_eq!(schema.n_features(), 1);
/// # Ok::<(), picket_schema::SchemaError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSchema {
    /// A short name, such as `phishing`.
    pub name: String,
    /// The column to predict.
    pub label: Label,
    /// The features, in the order of a row. Shape of a row: `(n_features,)`.
    pub features: Vec<Feature>,
}

/// What is wrong with a feature schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A name is empty or too long.
    #[error("{what} has a name of {found} bytes; expected 1 to {max}", max = limits::MAX_NAME_BYTES)]
    NameLength {
        /// The place of the name.
        what: String,
        /// Its length in bytes.
        found: usize,
    },
    /// Two features, or a feature and the label, share a name.
    #[error(
        "the name {} stands twice among the features and the label; expected distinct names",
        Quoted(name)
    )]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// There is no feature, or there are too many.
    #[error("the schema has {found} features; expected 1 to {max}", max = limits::MAX_FEATURES)]
    FeatureCount {
        /// How many there are.
        found: usize,
    },
    /// A domain is empty or too large.
    #[error("feature {} has {found} values in its domain; expected 1 to {max}", Quoted(feature), max = limits::MAX_DOMAIN)]
    DomainSize {
        /// The feature.
        feature: String,
        /// The size of its domain.
        found: usize,
    },
    /// A bound or value is not finite, or not in ascending order.
    #[error(
        "feature {} has a domain that is not ascending and finite: {found}",
        Quoted(feature)
    )]
    DomainOrder {
        /// The feature.
        feature: String,
        /// The numbers found.
        found: String,
    },
    /// A category or label value stands twice.
    #[error("{what} lists {} twice; expected distinct values", Quoted(value))]
    DuplicateValue {
        /// The feature or class.
        what: String,
        /// The value.
        value: String,
    },
    /// Neither class lists a value, so rows cannot be told apart.
    #[error(
        "label {} lists values for neither class; expected values for at least one",
        Quoted(label)
    )]
    NoClassValues {
        /// The label.
        label: String,
    },
    /// The two classes have one name.
    #[error("both classes are named {}; expected distinct names", Quoted(name))]
    SameClassName {
        /// The name.
        name: String,
    },
    /// The TOML text could not be read.
    #[error("not a feature schema: {reason}")]
    Toml {
        /// What the TOML reader said, with line and column.
        reason: String,
    },
}

impl FeatureSchema {
    /// How many features a row has.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.features.len()
    }

    /// The position of the feature named `name`.
    #[must_use]
    pub fn feature_idx(&self, name: &str) -> Option<usize> {
        self.features
            .iter()
            .position(|feature| feature.name == name)
    }

    /// The digest that identifies this schema: SHA-256 of its MessagePack map.
    #[must_use]
    pub fn digest(&self) -> SchemaDigest {
        // A struct of strings, numbers and lists always encodes: writing to memory cannot fail.
        SchemaDigest::of(&rmp_serde::to_vec_named(self).unwrap_or_default())
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// The first [`SchemaError`] found, in the order of the file.
    pub fn validate(&self) -> Result<(), SchemaError> {
        check_name("the schema", &self.name)?;
        self.validate_label()?;
        let count = self.features.len();
        if count == 0 || count > limits::MAX_FEATURES {
            return Err(SchemaError::FeatureCount { found: count });
        }
        let mut names: Vec<&str> = Vec::with_capacity(count + 1);
        names.push(&self.label.name);
        for feature in &self.features {
            check_name("a feature", &feature.name)?;
            validate_domain(feature)?;
            names.push(&feature.name);
        }
        match duplicate(names) {
            Some(name) => Err(SchemaError::DuplicateName {
                name: name.to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn validate_label(&self) -> Result<(), SchemaError> {
        let label = &self.label;
        check_name("the label", &label.name)?;
        for class in [&label.positive, &label.negative] {
            check_name("a class", &class.name)?;
        }
        if label.positive.name == label.negative.name {
            return Err(SchemaError::SameClassName {
                name: label.positive.name.clone(),
            });
        }
        let values = [&label.positive.values[..], &label.negative.values].concat();
        if values.is_empty() {
            return Err(SchemaError::NoClassValues {
                label: label.name.clone(),
            });
        }
        check_distinct(format_args!("label {}", Quoted(&label.name)), &values)
    }
}

fn check_name(what: &str, name: &str) -> Result<(), SchemaError> {
    if name.is_empty() || name.len() > limits::MAX_NAME_BYTES {
        return Err(SchemaError::NameLength {
            what: what.to_owned(),
            found: name.len(),
        });
    }
    Ok(())
}

fn validate_domain(feature: &Feature) -> Result<(), SchemaError> {
    let name = &feature.name;
    let size = match &feature.domain {
        Domain::Range(_) => 1,
        Domain::Values(values) => values.len(),
        Domain::Categories(names) => names.len(),
        Domain::Hashed(n_buckets) => *n_buckets as usize,
    };
    if size == 0 || size > limits::MAX_DOMAIN {
        return Err(SchemaError::DomainSize {
            feature: name.clone(),
            found: size,
        });
    }
    let order_error = |found: &[f64]| SchemaError::DomainOrder {
        feature: name.clone(),
        found: shown_list(found),
    };
    match &feature.domain {
        Domain::Range(bounds) => {
            // Bounds must stay finite when they are rounded to the row's f32.
            if bounds.iter().any(|bound| !(*bound as f32).is_finite()) || bounds[0] > bounds[1] {
                return Err(order_error(bounds));
            }
        }
        Domain::Values(values) => {
            let ascending = values
                .windows(2)
                .all(|pair| (pair[0] as f32) < pair[1] as f32);
            if values.iter().any(|value| !(*value as f32).is_finite()) || !ascending {
                return Err(order_error(values));
            }
        }
        Domain::Categories(names) => {
            debug_assert_eq!(feature.kind(), Kind::Categorical);
            check_distinct(format_args!("feature {}", Quoted(name)), names)?;
        }
        Domain::Hashed(_) => {}
    }
    Ok(())
}

fn check_distinct(what: fmt::Arguments<'_>, values: &[String]) -> Result<(), SchemaError> {
    match duplicate(values.iter().map(String::as_str).collect()) {
        Some(value) => Err(SchemaError::DuplicateValue {
            what: what.to_string(),
            value: value.to_owned(),
        }),
        None => Ok(()),
    }
}

/// A text that stands twice. A heap takes a tenth of the code of a sort.
#[inline(never)]
fn duplicate(texts: Vec<&str>) -> Option<&str> {
    let mut texts = BinaryHeap::from(texts);
    let mut last = texts.pop()?;
    while let Some(text) = texts.pop() {
        if text == last {
            return Some(text);
        }
        last = text;
    }
    None
}

#[cfg(feature = "toml")]
impl FeatureSchema {
    /// Reads a schema from TOML text and validates it.
    ///
    /// # Errors
    /// [`SchemaError::Toml`] with line and column for text that is not a schema, else as
    /// [`FeatureSchema::validate`].
    pub fn from_toml(text: &str) -> Result<Self, SchemaError> {
        let schema: Self = toml::from_str(text).map_err(|error| SchemaError::Toml {
            reason: error.to_string(),
        })?;
        schema.validate()?;
        Ok(schema)
    }
}
