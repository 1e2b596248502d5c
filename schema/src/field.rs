//! From a field of text or JSON to a number of a row, and from a label's text to its class.

use crate::feature::{Domain, Feature, MissingPolicy};
use crate::feature_schema::Label;
use crate::quoted::Quoted;
use crate::text_hash;

/// Texts that mean "no value".
const MISSING_TEXTS: [&str; 6] = ["", "NA", "NaN", "nan", "null", "?"];

/// Why a field is not a value of its feature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// The field is empty and the schema does not allow that.
    #[error("{field}: the value is missing; expected {expected}")]
    Missing {
        /// The feature or label.
        field: String,
        /// What the schema allows.
        expected: String,
    },
    /// The field is not a number.
    #[error("{field}: found {}; expected {expected}", Quoted(found))]
    NotANumber {
        /// The feature.
        field: String,
        /// The field's text.
        found: String,
        /// What the schema allows.
        expected: String,
    },
    /// The number is not in the feature's domain.
    #[error("{field}: found {found}; expected {expected}")]
    OutOfDomain {
        /// The feature.
        field: String,
        /// The number found.
        found: String,
        /// What the schema allows.
        expected: String,
    },
    /// The category is not one that the schema lists.
    #[error(
        "{field}: found the unknown category {}; expected {expected}",
        Quoted(found)
    )]
    UnknownCategory {
        /// The feature.
        field: String,
        /// The category found.
        found: String,
        /// What the schema allows.
        expected: String,
    },
    /// The label's value belongs to neither class.
    #[error("{field}: found {}; expected {expected}", Quoted(found))]
    UnknownClass {
        /// The label.
        field: String,
        /// The value found.
        found: String,
        /// What the schema allows.
        expected: String,
    },
}

impl FieldError {
    /// The feature or label that the error is about.
    #[must_use]
    pub fn field(&self) -> &str {
        match self {
            Self::Missing { field, .. }
            | Self::NotANumber { field, .. }
            | Self::OutOfDomain { field, .. }
            | Self::UnknownCategory { field, .. }
            | Self::UnknownClass { field, .. } => field,
        }
    }

    /// What was found; `None` where nothing was.
    #[must_use]
    pub fn found(&self) -> Option<&str> {
        match self {
            Self::Missing { .. } => None,
            Self::NotANumber { found, .. }
            | Self::OutOfDomain { found, .. }
            | Self::UnknownCategory { found, .. }
            | Self::UnknownClass { found, .. } => Some(found),
        }
    }

    /// What would have been right, in words.
    #[must_use]
    pub fn expected(&self) -> &str {
        match self {
            Self::Missing { expected, .. }
            | Self::NotANumber { expected, .. }
            | Self::OutOfDomain { expected, .. }
            | Self::UnknownCategory { expected, .. }
            | Self::UnknownClass { expected, .. } => expected,
        }
    }
}

/// Cuts what was found to a length fit for a message.
fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    // By `get`: what indexing says of a wrong place takes 8 KB of WebAssembly.
    let end = text.char_indices().nth(MAX_CHARS).map(|(end, _)| end);
    match end.and_then(|end| text.get(..end)) {
        Some(start) => format!("{start}…"),
        None => text.to_owned(),
    }
}

/// Whether `text` stands for a missing value.
#[must_use]
pub fn is_missing_text(text: &str) -> bool {
    MISSING_TEXTS.contains(&text.trim())
}

impl Feature {
    /// The row value of a missing field: NaN where the schema accepts that.
    ///
    /// # Errors
    /// [`FieldError::Missing`] where the schema rejects missing values.
    pub fn missing_value(&self) -> Result<f32, FieldError> {
        match self.missing {
            MissingPolicy::Accept => Ok(f32::NAN),
            MissingPolicy::Reject => Err(FieldError::Missing {
                field: self.name.clone(),
                expected: self.domain.in_words(),
            }),
        }
    }

    /// Reads a field of text, such as a CSV field.
    ///
    /// # Errors
    /// A [`FieldError`] that says what was found and what the schema allows.
    pub fn parse_text(&self, text: &str) -> Result<f32, FieldError> {
        self.parse_text_by(text, |text| text.parse().ok())
    }

    /// As [`Feature::parse_text`] on a host with a number parser of its own. `parse` must take the
    /// texts that [`f64::from_str`](core::str::FromStr) takes, and give the same numbers.
    ///
    /// # Errors
    /// As [`Feature::parse_text`].
    pub fn parse_text_by(
        &self,
        text: &str,
        parse: impl Fn(&str) -> Option<f64>,
    ) -> Result<f32, FieldError> {
        let text = text.trim();
        if let Domain::Categories(names) = &self.domain {
            if let Some(code) = names.iter().position(|name| name == text) {
                return Ok(code as f32);
            }
            if is_missing_text(text) {
                return self.missing_value();
            }
            return Err(FieldError::UnknownCategory {
                field: self.name.clone(),
                found: shown(text),
                expected: self.domain.in_words(),
            });
        }
        if is_missing_text(text) {
            return self.missing_value();
        }
        if let Domain::Hashed(n_buckets) = self.domain {
            return Ok(text_hash::bucket(text, n_buckets) as f32);
        }
        match parse(text) {
            Some(number) => self
                .in_domain(number)
                .ok_or_else(|| FieldError::OutOfDomain {
                    field: self.name.clone(),
                    found: shown(text),
                    expected: self.domain.in_words(),
                }),
            None => Err(FieldError::NotANumber {
                field: self.name.clone(),
                found: shown(text),
                expected: self.domain.in_words(),
            }),
        }
    }

    /// Takes a number, such as one from JSON. For a categorical feature it is taken as its text.
    ///
    /// # Errors
    /// A [`FieldError`] that says what was found and what the schema allows.
    pub fn parse_number(&self, number: f64) -> Result<f32, FieldError> {
        if let Domain::Hashed(n_buckets) = self.domain {
            return Ok(text_hash::bucket(&number.to_string(), n_buckets) as f32);
        }
        if let Domain::Categories(names) = &self.domain {
            // A category may be spelled as a number, such as an HTTP status.
            let text = number.to_string();
            return match names.iter().position(|name| *name == text) {
                Some(code) => Ok(code as f32),
                None => Err(FieldError::UnknownCategory {
                    field: self.name.clone(),
                    found: text,
                    expected: self.domain.in_words(),
                }),
            };
        }
        self.in_domain(number)
            .ok_or_else(|| FieldError::OutOfDomain {
                field: self.name.clone(),
                found: number.to_string(),
                expected: self.domain.in_words(),
            })
    }

    /// The row value of a number, where the domain has it.
    fn in_domain(&self, number: f64) -> Option<f32> {
        let x = number as f32;
        // -0.0 and 0.0 are one value; a row holds the positive one.
        let folded = if x == 0.0 { 0.0 } else { x };
        self.domain.contains_number(x).then_some(folded)
    }
}

impl Label {
    /// Whether the label's text means the positive class.
    ///
    /// # Errors
    /// [`FieldError::Missing`] for an empty field, [`FieldError::UnknownClass`] for a value that
    /// neither class lists.
    pub fn is_positive(&self, text: &str) -> Result<bool, FieldError> {
        let text = text.trim();
        if is_missing_text(text) {
            return Err(FieldError::Missing {
                field: self.name.clone(),
                expected: self.in_words(),
            });
        }
        if lists(&self.positive.values, text) {
            return Ok(true);
        }
        if lists(&self.negative.values, text) {
            return Ok(false);
        }
        if self.positive.values.is_empty() {
            return Ok(true);
        }
        if self.negative.values.is_empty() {
            return Ok(false);
        }
        Err(FieldError::UnknownClass {
            field: self.name.clone(),
            found: shown(text),
            expected: self.in_words(),
        })
    }

    /// The label's values in words, for error messages.
    #[must_use]
    pub fn in_words(&self) -> String {
        let side = |class: &crate::Class| {
            let values = if class.values.is_empty() {
                "any other value".into()
            } else {
                class.values.join(", ")
            };
            format!("{values} ({})", class.name)
        };
        format!("{} or {}", side(&self.positive), side(&self.negative))
    }
}

/// Whether `values` lists `text`, as text or as the same number (`-1` and `-1.0`).
fn lists(values: &[String], text: &str) -> bool {
    let number = text.parse::<f64>().ok();
    values
        .iter()
        .any(|value| value == text || (number.is_some() && value.parse::<f64>().ok() == number))
}
