//! `trainer releases`

use std::fmt::Write;

use clap::Args;

use super::publish::STORE_HELP;
use crate::error::TrainerError;
use crate::publish::{Listed, Releases, open_store};

/// Options of `trainer releases`.
#[derive(Debug, Args)]
#[command(after_help = STORE_HELP)]
pub struct ReleasesCommand {
    /// Where releases lie: a directory, or `s3://bucket/prefix`.
    #[arg(long, value_name = "DEST")]
    at: String,
    /// Print the manifests as JSON.
    #[arg(long)]
    json: bool,
}

impl ReleasesCommand {
    /// Lists releases.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let store = open_store(&self.at)?;
        let listed = Releases::new(store.as_ref()).list()?;
        if self.json {
            return super::print_json(&listed);
        }
        super::print(&in_words(&listed))
    }
}

fn in_words(listed: &[Listed]) -> String {
    if listed.is_empty() {
        return "no releases\n".to_owned();
    }
    let mut text = String::new();
    for Listed {
        manifest,
        is_champion,
    } in listed
    {
        let champion = if *is_champion { "champion" } else { "" };
        let origin = match (manifest.rollback_to, &manifest.run_id) {
            (Some(release), _) => format!("rollback to {release}"),
            (None, Some(run_id)) => format!("run {run_id}"),
            (None, None) => String::new(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:>6}  {champion:<8}  {}  {:<24}  {}  {origin}",
            manifest.release, manifest.created, manifest.model, manifest.artifact.digest
        );
    }
    text
}
