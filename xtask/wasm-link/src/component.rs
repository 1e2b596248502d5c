//! Components, and what they may import.

use anyhow::{Context, Result, bail};
use wit_component::{ComponentEncoder, DecodedWasm};

use crate::strip::strip;

/// Which imports are an error.
pub(crate) enum ImportRules {
    /// Imports are only printed.
    Any,
    /// An import that starts with none of these is an error; with no prefix, every import is.
    Only(Vec<String>),
}

impl ImportRules {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut rules = Self::Any;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match (*word, &mut rules) {
                ("--no-imports", Self::Any) => rules = Self::Only(Vec::new()),
                ("--allow-import", rules) => {
                    let prefix = words.next().context("--allow-import needs a prefix")?;
                    match rules {
                        Self::Any => *rules = Self::Only(vec![(*prefix).to_owned()]),
                        Self::Only(prefixes) => prefixes.push((*prefix).to_owned()),
                    }
                }
                (other, _) => bail!("unexpected argument {other}"),
            }
        }
        Ok(rules)
    }

    pub(crate) fn check(&self, imports: &[String]) -> Result<()> {
        let Self::Only(prefixes) = self else {
            return Ok(());
        };
        let unwanted: Vec<&str> = imports
            .iter()
            .filter(|import| !prefixes.iter().any(|prefix| import.starts_with(prefix)))
            .map(String::as_str)
            .collect();
        if !unwanted.is_empty() {
            bail!(
                "the component imports what it must not: {}",
                unwanted.join(", ")
            );
        }
        Ok(())
    }
}

/// Encodes and validates the component; also gives the names of what it imports.
pub(crate) fn link(core: &[u8]) -> Result<(Vec<u8>, Vec<String>)> {
    let bytes = ComponentEncoder::default()
        .validate(true)
        .module(&strip(core)?)
        .context(
            "the module carries no usable component type; was it built with its WIT bindings?",
        )?
        .encode()
        .context("encoding the component")?;
    let imports = imports(&bytes)?;
    Ok((bytes, imports))
}

fn imports(component: &[u8]) -> Result<Vec<String>> {
    match wit_component::decode(component).context("reading the component back")? {
        DecodedWasm::Component(resolve, world) => Ok(resolve.worlds[world]
            .imports
            .keys()
            .map(|key| resolve.name_world_key(key))
            .collect()),
        DecodedWasm::WitPackage(..) => bail!("the encoder gave a WIT package, not a component"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn no_imports_refuses_any() {
        let rules = ImportRules::parse(&["--no-imports"]).expect("valid rules");
        assert!(rules.check(&[]).is_ok());
        assert!(rules.check(&imports(&["wasi:cli/stderr@0.2.0"])).is_err());
    }

    #[test]
    fn allowed_prefixes_refuse_the_rest() {
        let rules =
            ImportRules::parse(&["--allow-import", "wasi:http/", "--allow-import", "spin:"])
                .expect("valid rules");
        assert!(rules.check(&imports(&["wasi:http/types@0.3.0"])).is_ok());
        let error = rules
            .check(&imports(&[
                "wasi:http/types@0.3.0",
                "wasi:random/random@0.3.0",
            ]))
            .expect_err("random is not allowed");
        assert!(error.to_string().contains("wasi:random/random"), "{error}");
    }

    #[test]
    fn without_rules_everything_passes() {
        let rules = ImportRules::parse(&[]).expect("valid rules");
        assert!(rules.check(&imports(&["anything:at/all"])).is_ok());
    }

    #[test]
    fn unknown_words_are_refused() {
        assert!(ImportRules::parse(&["--allow-import"]).is_err());
        assert!(ImportRules::parse(&["--imports"]).is_err());
    }
}
