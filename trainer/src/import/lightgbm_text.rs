//! The lines of LightGBM's text format: sections of `key=value`.

use std::collections::HashMap;

use super::error::ImportError;

/// A section: the header, or a tree.
#[derive(Debug, Default)]
pub(crate) struct Section<'a> {
    /// The name in messages, such as `tree 3`.
    pub(crate) place: String,
    values: HashMap<&'a str, &'a str>,
}

/// The parts of a file.
#[derive(Debug)]
pub(crate) struct Sections<'a> {
    pub(crate) header: Section<'a>,
    pub(crate) trees: Vec<Section<'a>>,
    /// The JSON after `pandas_categorical:`, where there is one.
    pub(crate) pandas_categorical: Option<&'a str>,
}

impl<'a> Sections<'a> {
    /// Splits a file. `None` where it does not start as a model of trees does, or does not end as one.
    pub(crate) fn split(text: &'a str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim_end);
        if lines.next()? != "tree" {
            return None;
        }
        let mut header = Section {
            place: "header".to_owned(),
            values: HashMap::new(),
        };
        let mut trees: Vec<Section<'a>> = Vec::new();
        let mut is_complete = false;
        for line in lines.by_ref() {
            if line == "end of trees" {
                is_complete = true;
                break;
            }
            if line.starts_with("Tree=") {
                trees.push(Section {
                    place: format!("tree {}", trees.len()),
                    values: HashMap::new(),
                });
                continue;
            }
            let section = trees.last_mut().unwrap_or(&mut header);
            // A line without a value is a switch, such as average_output.
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            if !key.is_empty() {
                section.values.insert(key, value);
            }
        }
        let pandas_categorical = lines.find_map(|line| line.strip_prefix("pandas_categorical:"));
        is_complete.then_some(Self {
            header,
            trees,
            pandas_categorical,
        })
    }
}

impl<'a> Section<'a> {
    /// Whether a key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// A key's value.
    pub(crate) fn get(&self, key: &str) -> Result<&'a str, ImportError> {
        self.values
            .get(key)
            .copied()
            .ok_or_else(|| ImportError::missing(&self.place, key))
    }

    /// A number.
    pub(crate) fn number<T: std::str::FromStr>(&self, key: &str) -> Result<T, ImportError> {
        let text = self.get(key)?;
        text.parse()
            .map_err(|_| ImportError::field(&self.place, key, text, "a number"))
    }

    /// A list of `n` numbers.
    pub(crate) fn numbers<T: std::str::FromStr>(
        &self,
        key: &str,
        n: usize,
    ) -> Result<Vec<T>, ImportError> {
        let list = self.any_numbers(key)?;
        if list.len() == n {
            return Ok(list);
        }
        let found = format!("{} numbers", list.len());
        Err(ImportError::field(&self.place, key, found, n.to_string()))
    }

    /// A list of numbers.
    pub(crate) fn any_numbers<T: std::str::FromStr>(
        &self,
        key: &str,
    ) -> Result<Vec<T>, ImportError> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| ImportError::field(&self.place, key, text, "a number"))
        };
        self.get(key)?.split_ascii_whitespace().map(parse).collect()
    }
}
