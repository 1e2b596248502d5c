//! One value of one feature, from JSON.

use std::fmt;

use picket_schema::{Feature, FieldError};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::issue::Issue;

/// Small enough to be handed on with every value.
fn boxed(error: FieldError) -> Box<Issue> {
    Box::new(error.into())
}

/// One value of one feature.
pub(crate) struct CellSeed<'s> {
    pub(crate) feature: &'s Feature,
}

impl CellSeed<'_> {
    fn number(&self, value: f64) -> Result<f32, Box<Issue>> {
        self.feature.parse_number(value).map_err(boxed)
    }

    fn wrong(&self, found: &str) -> Result<f32, Box<Issue>> {
        let expected = self.feature.domain.in_words();
        Err(Box::new(Issue::new(
            Some(&self.feature.name),
            Some(found.to_owned()),
            expected,
        )))
    }
}

impl<'de> DeserializeSeed<'de> for CellSeed<'_> {
    type Value = Result<f32, Box<Issue>>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed<'_> {
    type Value = Result<f32, Box<Issue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a string or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(self.feature.missing_value().map_err(boxed))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.wrong(if value { "true" } else { "false" }))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(self.number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(self.number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(self.feature.parse_text(value).map_err(boxed))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.wrong("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.wrong("an object"))
    }
}
