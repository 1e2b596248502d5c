//! One feature of a row: its name, domain, unit and missing policy.

use serde::{Deserialize, Serialize};

use crate::shown_number::{ShownNumber, shown_list};

/// What kind of number a feature is. Derived from its [`Domain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number with an order and distances.
    Numeric,
    /// One of a few numbers whose order matters.
    Ordinal,
    /// One of a few names without an order.
    Categorical,
}

/// The values a feature may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// Numbers from the first to the second, both included.
    Range([f64; 2]),
    /// Exactly these numbers, ascending.
    Values(Vec<f64>),
    /// Exactly these names. A category's code is its position, from 0.
    Categories(Vec<String>),
    /// Any text. A category is one of this many buckets, by a hash of the text.
    Hashed(u32),
}

impl Domain {
    /// Whether `x`, a number of the row's width, is in a numeric or ordinal domain.
    #[must_use]
    pub fn contains_number(&self, x: f32) -> bool {
        match self {
            // Compared in f32: the bounds are rounded as the row's numbers are.
            Self::Range([min, max]) => x >= *min as f32 && x <= *max as f32,
            Self::Values(values) => values.iter().any(|value| *value as f32 == x),
            Self::Categories(_) | Self::Hashed(_) => false,
        }
    }

    /// The domain in words, for error messages: `one of -1, 0, 1`.
    #[must_use]
    pub fn in_words(&self) -> String {
        const SHOWN: usize = 12;
        let (mut words, size) = match self {
            Self::Range([min, max]) => {
                let (min, max) = (ShownNumber(*min), ShownNumber(*max));
                return format!("a number from {min} to {max}");
            }
            Self::Values(values) => (shown_list(&values[..values.len().min(SHOWN)]), values.len()),
            Self::Categories(names) => (names[..names.len().min(SHOWN)].join(", "), names.len()),
            Self::Hashed(_) => return "any text".to_owned(),
        };
        if size > SHOWN {
            words.push_str(", … (");
            words.push_str(&size.to_string());
            words.push_str(" in all)");
        }
        format!("one of {words}")
    }
}

/// What to do where a row has no value for a feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingPolicy {
    /// A missing value is an error.
    #[default]
    Reject,
    /// A missing value is passed to the model, which has learned what to do with it.
    Accept,
}

/// One feature of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// The column's name, spelled as in the data.
    pub name: String,
    /// The values it may take.
    pub domain: Domain,
    /// The unit of a numeric feature, such as `bytes`; empty where there is none.
    #[serde(default)]
    pub unit: String,
    /// What to do where it is missing.
    #[serde(default)]
    pub missing: MissingPolicy,
    /// What it means, in one sentence; may be empty.
    #[serde(default)]
    pub description: String,
}

impl Feature {
    /// The kind that the domain implies.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.domain {
            Domain::Range(_) => Kind::Numeric,
            Domain::Values(_) => Kind::Ordinal,
            Domain::Categories(_) | Domain::Hashed(_) => Kind::Categorical,
        }
    }

    /// The category names, empty for a feature that lists none.
    #[must_use]
    pub fn categories(&self) -> &[String] {
        match &self.domain {
            Domain::Categories(names) => names,
            Domain::Range(_) | Domain::Values(_) | Domain::Hashed(_) => &[],
        }
    }

    /// How many categories or buckets there are; 0 for a feature that is not categorical.
    #[must_use]
    pub fn n_categories(&self) -> usize {
        match &self.domain {
            Domain::Categories(names) => names.len(),
            Domain::Hashed(n_buckets) => *n_buckets as usize,
            Domain::Range(_) | Domain::Values(_) => 0,
        }
    }

    /// The code of a categorical feature's value in a row, or `None` where it is missing.
    ///
    /// Everything that is not the code of a known category counts as missing.
    #[must_use]
    pub fn category_code(n_categories: usize, x: f32) -> Option<usize> {
        // NaN fails the comparison, so it is missing as well.
        if x >= 0.0 && x < n_categories as f32 && (x as u32) as f32 == x {
            Some(x as usize)
        } else {
            None
        }
    }
}
