//! `trainer promote`

use std::path::PathBuf;

use clap::Args;

use super::publish::STORE_HELP;
use crate::error::TrainerError;
use crate::signing::{SignedStore, read_keys};

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
    /// A signing key: signs the promotion in the store's log, which edges hold releases against. Again for more.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// Print the channel as JSON.
    #[arg(long)]
    json: bool,
}

impl PromoteCommand {
    /// Makes a release the champion.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let store = SignedStore::open(&self.to)?;
        let keys = read_keys(&self.key)?;
        let channel = store.promote(self.release, &keys.iter().collect::<Vec<_>>())?;
        if self.json {
            return super::print_json(&channel);
        }
        super::print(&format!(
            "{}: release {} is the champion, {}\n",
            store.store().address(),
            channel.release,
            channel.artifact_digest
        ))
    }
}
