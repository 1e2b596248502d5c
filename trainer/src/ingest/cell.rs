//! One field of a row, as its source has it.

use std::borrow::Cow;

use picket_schema::{Feature, FieldError, Kind, Label};

/// One field of a row. Text sources have texts; Parquet and MongoDB have numbers too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value: a null, or a field that is not there.
    Missing,
    /// Text, which may stand for a number or for a missing value.
    Text(&'a str),
    /// Bytes that are not UTF-8, or a value that is neither text nor number.
    NotText,
    /// A whole number.
    Integer(i64),
    /// A number; NaN is missing.
    Number(f64),
    /// True or false.
    Bool(bool),
}

impl<'a> Cell<'a> {
    /// The row value of a feature. Truth values are 1 and 0, or the categories `true` and `false`.
    /// [`Cell::NotText`] is a missing value here: whoever tells it apart asks before.
    ///
    /// # Errors
    /// A [`FieldError`] that says what was found and what the schema allows.
    pub fn value(self, feature: &Feature) -> Result<f32, FieldError> {
        let is_categorical = feature.kind() == Kind::Categorical;
        match self {
            Self::Missing | Self::NotText => feature.missing_value(),
            Self::Number(number) if number.is_nan() => feature.missing_value(),
            Self::Text(text) => feature.parse_text(text),
            Self::Number(number) => feature.parse_number(number),
            // All digits of a code, where a float has only 53 bits of them.
            Self::Integer(number) if is_categorical => feature.parse_text(&number.to_string()),
            Self::Integer(number) => feature.parse_number(number as f64),
            Self::Bool(truth) if is_categorical => feature.parse_text(truth_text(truth)),
            Self::Bool(truth) => feature.parse_number(f64::from(u8::from(truth))),
        }
    }

    /// Whether a label's field means the positive class.
    ///
    /// # Errors
    /// As [`Label::is_positive`].
    pub fn is_positive(self, label: &Label) -> Result<bool, FieldError> {
        if let Self::Bool(truth) = self {
            // A class that lists 1 and 0 means the same by true and false.
            let listed = [&label.positive, &label.negative]
                .iter()
                .flat_map(|class| &class.values)
                .any(|value| value == "true" || value == "false");
            if !listed {
                return label.is_positive(if truth { "1" } else { "0" });
            }
        }
        label.is_positive(&self.text())
    }

    /// The field as text: what a CSV file would hold.
    #[must_use]
    pub fn text(self) -> Cow<'a, str> {
        match self {
            Self::Missing | Self::NotText => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Integer(number) => Cow::Owned(number.to_string()),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Bool(truth) => Cow::Borrowed(truth_text(truth)),
        }
    }
}

fn truth_text(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picket_schema::{Class, Domain, MissingPolicy};

    fn feature(domain: Domain) -> Feature {
        Feature {
            name: "x".into(),
            domain,
            unit: String::new(),
            missing: MissingPolicy::Accept,
            description: String::new(),
        }
    }

    #[test]
    fn every_way_to_write_a_value_gives_the_same_number() {
        let number = feature(Domain::Range([-10.0, 10.0]));
        let category = feature(Domain::Categories(vec!["80".into(), "true".into()]));
        for cell in [
            Cell::Text("1"),
            Cell::Integer(1),
            Cell::Number(1.0),
            Cell::Bool(true),
        ] {
            assert_eq!(cell.value(&number), Ok(1.0), "{cell:?}");
        }
        for cell in [Cell::Text(" 80 "), Cell::Integer(80), Cell::Number(80.0)] {
            assert_eq!(cell.value(&category), Ok(0.0), "{cell:?}");
        }
        assert_eq!(Cell::Bool(true).value(&category), Ok(1.0));
        assert!(Cell::Bool(false).value(&category).is_err());
        for cell in [Cell::Text("NA"), Cell::Missing, Cell::Number(f64::NAN)] {
            assert!(cell.value(&number).unwrap().is_nan(), "{cell:?}");
        }
        let zero = Cell::Number(-0.0).value(&number).unwrap();
        assert_eq!(zero.to_bits(), 0, "there is one zero");
    }

    #[test]
    fn truth_values_are_labels() {
        let class = |name: &str, values: &[&str]| Class {
            name: name.into(),
            values: values.iter().map(|value| (*value).into()).collect(),
        };
        let mut label = Label {
            name: "y".into(),
            positive: class("bad", &["1"]),
            negative: class("good", &[]),
        };
        assert_eq!(Cell::Bool(true).is_positive(&label), Ok(true));
        assert_eq!(Cell::Bool(false).is_positive(&label), Ok(false));
        assert_eq!(Cell::Number(1.0).is_positive(&label), Ok(true));
        label.positive = class("bad", &["false"]);
        assert_eq!(Cell::Bool(true).is_positive(&label), Ok(false));
        assert_eq!(Cell::Bool(false).is_positive(&label), Ok(true));
        assert!(Cell::Missing.is_positive(&label).is_err());
    }
}
