//! Command line options, taken out one by one; what nobody took is an error.

use anyhow::{Context, Result, bail};
use std::str::FromStr;

/// The words after the command's name.
pub(crate) struct Args {
    words: Vec<String>,
}

impl Args {
    pub(crate) fn new(words: impl IntoIterator<Item = String>) -> Self {
        // `--name=value` and `--name value` are the same from here on.
        let words = words
            .into_iter()
            .flat_map(|word| match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => {
                    vec![name.to_owned(), value.to_owned()]
                }
                _ => vec![word],
            });
        Self {
            words: words.collect(),
        }
    }

    /// Whether `name` was given.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() < before
    }

    /// The value after `name`, if it was given.
    pub(crate) fn value<T>(&mut self, name: &str) -> Result<Option<T>>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        let Some(at) = self.words.iter().position(|word| word == name) else {
            return Ok(None);
        };
        if at + 1 >= self.words.len() {
            bail!("{name} needs a value");
        }
        let value = self.words.remove(at + 1);
        self.words.remove(at);
        value
            .parse()
            .map(Some)
            .with_context(|| format!("{name} does not take `{value}`"))
    }

    /// Every value given to `name`, which may be repeated or hold a comma-separated list.
    pub(crate) fn values(&mut self, name: &str) -> Result<Vec<String>> {
        let mut values = Vec::new();
        while let Some(value) = self.value::<String>(name)? {
            values.extend(value.split(',').map(str::to_owned));
        }
        Ok(values)
    }

    /// Takes the first word: the name of what to run.
    pub(crate) fn first(&mut self) -> Option<String> {
        if self.words.is_empty() {
            return None;
        }
        Some(self.words.remove(0))
    }

    /// The words that are left, none of them an option.
    pub(crate) fn rest(self) -> Result<Vec<String>> {
        if let Some(option) = self.words.iter().find(|word| word.starts_with('-')) {
            bail!("there is no option {option}");
        }
        Ok(self.words)
    }

    /// Checks that nothing is left.
    pub(crate) fn finish(self) -> Result<()> {
        if let Some(word) = self.rest()?.first() {
            bail!("unexpected argument {word}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn takes_flags_and_values_in_any_order() {
        let mut args = args("--port 3000 --no-serve --data=x.csv");
        assert_eq!(
            args.value::<String>("--data").unwrap().as_deref(),
            Some("x.csv")
        );
        assert!(args.flag("--no-serve"));
        assert_eq!(args.value::<u16>("--port").unwrap(), Some(3000));
        assert!(args.finish().is_ok());
    }

    #[test]
    fn lists_split_at_commas_and_repeat() {
        let mut args = args("--only fmt,tidy --only docs");
        assert_eq!(args.values("--only").unwrap(), ["fmt", "tidy", "docs"]);
    }

    #[test]
    fn what_is_left_is_an_error() {
        assert!(args("--prot 3000").finish().is_err());
        assert!(args("extra").finish().is_err());
        assert!(args("--port").value::<u16>("--port").is_err());
        assert!(args("--port many").value::<u16>("--port").is_err());
    }
}
