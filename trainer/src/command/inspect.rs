//! `trainer inspect`

use std::path::PathBuf;

use clap::Args;

use super::report::Contents;
use crate::error::TrainerError;

/// Options of `trainer inspect`.
#[derive(Debug, Args)]
pub struct InspectCommand {
    /// The model file.
    #[arg(value_name = "FILE")]
    model: PathBuf,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

impl InspectCommand {
    /// Shows what a model file holds.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let owned = super::read_model(&self.model)?;
        let artifact = owned.model().artifact();
        let contents = Contents::of(artifact, owned.bytes());
        if self.json {
            super::print_json(&contents)
        } else {
            super::print(&contents.in_words(&artifact.card.metrics))
        }
    }
}
