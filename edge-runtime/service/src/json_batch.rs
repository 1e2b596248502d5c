//! A batch from JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::issue::{Issue, shortened};
use crate::json_other::other_values;
use crate::json_row::{SampleSeed, malformed};
use crate::problem::Problem;
use crate::row_set::RowSet;

/// Reads `{"samples": [...]}`.
///
/// # Errors
/// [`crate::ProblemKind::MalformedBody`] for what is not JSON, [`crate::ProblemKind::TooManyRows`] past the
/// limit. Everything else is reported to `rows`.
pub(crate) fn read_samples(json: &[u8], rows: &mut RowSet<'_>) -> Result<(), Problem> {
    let mut stopped = None;
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = BatchSeed {
        rows,
        stopped: &mut stopped,
    }
    .deserialize(&mut reader)
    .and_then(|()| reader.end());
    match (stopped, read) {
        (Some(problem), _) => Err(problem),
        (None, Err(error)) => Err(malformed(&error)),
        (None, Ok(())) => Ok(()),
    }
}

struct BatchSeed<'r, 'm> {
    rows: &'r mut RowSet<'m>,
    stopped: &'r mut Option<Problem>,
}

impl BatchSeed<'_, '_> {
    fn other(self, found: String) {
        let expected = "an object with the key samples".to_owned();
        self.rows
            .report_body(Issue::new(None, Some(found), expected));
    }
}

impl<'de> DeserializeSeed<'de> for BatchSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BatchSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the key samples")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = false;
        while let Some(key) = entries.next_key::<Cow<'de, str>>()? {
            if key == "samples" && !seen {
                seen = true;
                let (rows, stopped) = (&mut *self.rows, &mut *self.stopped);
                entries.next_value_seed(SamplesSeed { rows, stopped })?;
            } else {
                entries.next_value::<IgnoredAny>()?;
                let expected = if key == "samples" {
                    "the key once"
                } else {
                    "only the key samples"
                };
                let found = Some(format!("the key {:?}", shortened(&key)));
                self.rows
                    .report_body(Issue::new(Some(&key), found, expected.to_owned()));
            }
        }
        if !seen {
            self.rows.report_body(Issue::new(
                Some("samples"),
                None,
                "an array of rows".to_owned(),
            ));
        }
        Ok(())
    }

    other_values!(scalars array);
}

struct SamplesSeed<'r, 'm> {
    rows: &'r mut RowSet<'m>,
    stopped: &'r mut Option<Problem>,
}

impl SamplesSeed<'_, '_> {
    fn other(self, found: String) {
        let issue = Issue::new(Some("samples"), Some(found), "an array of rows".to_owned());
        self.rows.report_body(issue);
    }
}

impl<'de> DeserializeSeed<'de> for SamplesSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

/// One more row of a batch, or the end of reading.
struct NextRow<'r, 'm> {
    rows: &'r mut RowSet<'m>,
    stopped: &'r mut Option<Problem>,
}

impl<'de> DeserializeSeed<'de> for NextRow<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        if let Err(problem) = self.rows.start_row(None) {
            *self.stopped = Some(problem);
            return Err(serde::de::Error::custom("too many rows"));
        }
        SampleSeed { rows: self.rows }.deserialize(reader)
    }
}

impl<'de> Visitor<'de> for SamplesSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let (rows, stopped) = (self.rows, self.stopped);
        while items
            .next_element_seed(NextRow { rows, stopped })?
            .is_some()
        {}
        Ok(())
    }

    other_values!(scalars object);
}
