//! `trainer promote`

use clap::Args;

use super::publish::STORE_HELP;
use crate::error::TrainerError;
use crate::publish::{Releases, open_store};

/// Options of `trainer promote`.
#[derive(Debug, Args)]
#[command(after_help = STORE_HELP)]
pub struct PromoteCommand {
    /// Where releases lie: a directory, or `s3://bucket/prefix`.
    #[arg(long, value_name = "DEST")]
    to: String,
    /// The number of the release.
    #[arg(value_name = "N")]
    release: u64,
    /// Print the channel as JSON.
    #[arg(long)]
    json: bool,
}

impl PromoteCommand {
    /// Makes a release the champion.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let store = open_store(&self.to)?;
        let channel = Releases::new(store.as_ref()).promote(self.release)?;
        if self.json {
            return super::print_json(&channel);
        }
        super::print(&format!(
            "{}: release {} is the champion, {}\n",
            store.address(),
            channel.release,
            channel.artifact_digest
        ))
    }
}
