//! Which of the peer's two classes is the schema's positive one.

use picket_schema::Label;

use super::error::ImportError;

/// How the user chose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClassChoice<'a> {
    /// `--positive-class-index`.
    pub(crate) asked: Option<usize>,
    /// The schema's label.
    pub(crate) label: &'a Label,
}

/// The peer's class that is the schema's positive one, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PositiveClass {
    /// 0 or 1.
    pub(crate) index: usize,
    pub(crate) reason: String,
}

impl ClassChoice<'_> {
    /// Chooses: what was asked for, else what the file's labels say, else class 1.
    pub(crate) fn choose(&self, labels: &[String]) -> Result<PositiveClass, ImportError> {
        if !labels.is_empty() && labels.len() != 2 {
            let expected = "a model of two classes";
            return Err(ImportError::unsupported("classes", labels.len(), expected));
        }
        let named = |index: usize| {
            labels
                .get(index)
                .map_or_else(String::new, |label| format!(", labelled {label:?}"))
        };
        if let Some(index) = self.asked {
            let reason = format!("class {index}{}, by --positive-class-index", named(index));
            return Ok(PositiveClass { index, reason });
        }
        let is_positive: Vec<bool> = labels
            .iter()
            .filter_map(|label| self.label.is_positive(label).ok())
            .collect();
        let index = match is_positive[..] {
            [true, false] => Some(0),
            [false, true] => Some(1),
            // Both of one class, or unknown to the schema: the file's labels are another coding.
            _ => None,
        };
        Ok(match index {
            Some(index) => PositiveClass {
                index,
                reason: format!(
                    "class {index}{}, which the schema calls {}",
                    named(index),
                    self.label.positive.name
                ),
            },
            None => PositiveClass {
                index: 1,
                reason: format!(
                    "class 1{}, as nothing in the file says otherwise; --positive-class-index 0 turns it round",
                    named(1)
                ),
            },
        })
    }
}
