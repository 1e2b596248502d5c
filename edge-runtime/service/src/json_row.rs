//! Rows from JSON, read straight into numbers: a hostile body has no chance to grow into a tree of values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::issue::Issue;
use crate::json_cell::CellSeed;
use crate::json_other::other_values;
use crate::json_text::TextSeed;
use crate::problem::{Problem, ProblemKind};
use crate::row_set::RowSet;

const SAMPLE_KEYS: &str = "features, metadata";

/// Reads one row: an object of `features` and `metadata`, or a bare array of features.
///
/// # Errors
/// [`ProblemKind::MalformedBody`] for what is not JSON. Everything else is reported to `rows`.
pub(crate) fn read_row(json: &[u8], rows: &mut RowSet<'_>) -> Result<(), Problem> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    SampleSeed { rows }
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| malformed(&error))
}

pub(crate) fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(
        ProblemKind::MalformedBody,
        format!("not valid JSON: {error}"),
    )
}

/// A key of a sample.
enum SampleKey {
    Features,
    Metadata,
    Other(String),
}

impl SampleKey {
    fn of(key: &str) -> Self {
        match key {
            "features" => Self::Features,
            "metadata" => Self::Metadata,
            other => Self::Other(other.to_owned()),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Features => "features",
            Self::Metadata => "metadata",
            Self::Other(key) => key,
        }
    }
}

pub(crate) struct SampleSeed<'r, 'm> {
    pub(crate) rows: &'r mut RowSet<'m>,
}

impl SampleSeed<'_, '_> {
    fn other(self, found: String) {
        let expected = "an object with the key features".to_owned();
        self.rows.report(Issue::new(None, Some(found), expected));
    }
}

impl<'de> DeserializeSeed<'de> for SampleSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SampleSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the key features")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let (mut has_features, mut has_metadata) = (false, false);
        while let Some(key) = entries.next_key_seed(TextSeed(SampleKey::of))? {
            match key {
                SampleKey::Features if !has_features => {
                    has_features = true;
                    entries.next_value_seed(FeaturesSeed { rows: self.rows })?;
                }
                SampleKey::Metadata if !has_metadata => {
                    has_metadata = true;
                    let metadata = entries.next_value::<Box<RawValue>>()?;
                    self.rows.set_metadata(&metadata);
                }
                SampleKey::Features | SampleKey::Metadata => {
                    entries.next_value::<IgnoredAny>()?;
                    let found = Some("the key twice".to_owned());
                    self.rows.report(Issue::new(
                        Some(key.name()),
                        found,
                        "the key once".to_owned(),
                    ));
                }
                SampleKey::Other(key) => {
                    entries.next_value::<IgnoredAny>()?;
                    let found = Some("an unknown key".to_owned());
                    let expected = format!("only the keys {SAMPLE_KEYS}");
                    self.rows.report(Issue::new(Some(&key), found, expected));
                }
            }
        }
        if !has_features {
            let expected = "an array or an object of feature values".to_owned();
            self.rows
                .report(Issue::new(Some("features"), None, expected));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        FeaturesSeed { rows: self.rows }.visit_seq(items)
    }

    other_values!(scalars);
}

struct FeaturesSeed<'r, 'm> {
    rows: &'r mut RowSet<'m>,
}

impl FeaturesSeed<'_, '_> {
    fn other(self, found: String) {
        let expected = "an array or an object of feature values".to_owned();
        self.rows
            .report(Issue::new(Some("features"), Some(found), expected));
    }

    /// Takes a whole row; an absent feature is missing.
    fn finish(self, cells: &[Option<f32>]) {
        let mut row = Vec::with_capacity(cells.len());
        for (feature, cell) in self.rows.model.schema.features.iter().zip(cells) {
            match cell.map_or_else(|| feature.missing_value(), Ok) {
                Ok(x) => row.push(x),
                Err(error) => self.rows.report(error.into()),
            }
        }
        self.rows.push_values(&row);
    }
}

impl<'de> DeserializeSeed<'de> for FeaturesSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FeaturesSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or an object of feature values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let model = self.rows.model;
        let expected = model.n_features();
        let mut row = Vec::with_capacity(expected);
        let mut found = 0;
        for feature in &model.schema.features {
            match items.next_element_seed(CellSeed { feature })? {
                Some(Ok(x)) => row.push(x),
                Some(Err(issue)) => self.rows.report(*issue),
                None => break,
            }
            found += 1;
        }
        while items.next_element::<IgnoredAny>()?.is_some() {
            found += 1;
        }
        if found != expected {
            let found = Some(format!("{found} values"));
            let expected = format!("{expected} values, one a feature in the schema's order");
            self.rows
                .report(Issue::new(Some("features"), found, expected));
        }
        self.rows.push_values(&row);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let model = self.rows.model;
        // None for a feature that has not been seen.
        let mut cells = vec![None; model.n_features()];
        // Most clients send the features in the schema's order.
        let mut expected = 0;
        let find = |expected| TextSeed(move |name: &str| model.feature_idx(name, expected));
        while let Some(found) = entries.next_key_seed(find(expected))? {
            let feature_idx = match found {
                Ok(feature_idx) => feature_idx,
                Err(name) => {
                    entries.next_value::<IgnoredAny>()?;
                    // A row copied from a labelled file carries its label.
                    if name != model.schema.label.name {
                        self.rows.report(unknown_feature(self.rows, &name));
                    }
                    continue;
                }
            };
            expected = feature_idx + 1;
            let feature = &model.schema.features[feature_idx];
            let cell = entries.next_value_seed(CellSeed { feature })?;
            if cells[feature_idx].is_some() {
                let found = Some("the key twice".to_owned());
                let once = "the key once".to_owned();
                self.rows
                    .report(Issue::new(Some(&feature.name), found, once));
                continue;
            }
            cells[feature_idx] = Some(cell.unwrap_or_else(|issue| {
                self.rows.report(*issue);
                // Reported already; any value keeps it from being reported as missing too.
                f32::NAN
            }));
        }
        self.finish(&cells);
        Ok(())
    }

    other_values!(scalars);
}

fn unknown_feature(rows: &RowSet<'_>, name: &str) -> Issue {
    let expected = match rows.model.schema.similar_feature(name) {
        Some(similar) => format!("a feature of the schema; did you mean {similar:?}?"),
        None => "only features of the schema, which GET /model lists".to_owned(),
    };
    Issue::new(Some(name), Some("an unknown feature".to_owned()), expected)
}
