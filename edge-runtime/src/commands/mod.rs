//! The commands beside `serve`, and the options that `serve` has for recording.

pub(crate) mod audit;
pub(crate) mod collect;
pub(crate) mod config;
mod door_args;
pub(crate) mod recording;
pub(crate) mod serve;
pub(crate) mod settings;
pub(crate) mod spin_up;
pub(crate) mod spool;
mod telling_args;
pub(crate) mod token;

use std::path::Path;

use anyhow::{Context as _, Result};

/// A secret from a file, or else from a variable of the environment. It stands in no message.
pub(crate) fn secret(file: Option<&Path>, variable: &str) -> Result<Option<String>> {
    match file {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            Ok(Some(text))
        }
        None => Ok(std::env::var(variable).ok()),
    }
}
