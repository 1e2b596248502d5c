//! `trainer rollback`

use std::path::PathBuf;

use clap::Args;

use super::publish::STORE_HELP;
use crate::error::TrainerError;
use crate::publish::{Package, user_and_host};
use crate::signing::{SignedStore, read_keys};

/// Options of `trainer rollback`.
#[derive(Debug, Args)]
#[command(after_help = STORE_HELP)]
pub struct RollbackCommand {
    /// Where releases lie: a directory, or `s3://bucket/prefix`.
    #[arg(long, value_name = "DEST")]
    to: String,
    /// The number of the release to go back to [default: the newest before the champion with
    /// another artifact].
    #[arg(value_name = "N")]
    release: Option<u64>,
    /// A signing key: signs the new release and its promotion. Again for more.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// How many days the signed release is valid.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=3650))]
    valid_days: u64,
    /// Print the new release's manifest as JSON.
    #[arg(long)]
    json: bool,
}

impl RollbackCommand {
    /// Publishes an earlier artifact anew and makes it the champion.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let store = SignedStore::open(&self.to)?;
        let (user, host) = user_and_host();
        let by = Package {
            user,
            host,
            ..Package::default()
        };
        let keys = read_keys(&self.key)?;
        let keys: Vec<_> = keys.iter().collect();
        let (manifest, _) = store.rollback(self.release, &by, &keys, self.valid_days)?;
        if self.json {
            return super::print_json(&manifest);
        }
        super::print(&format!(
            "{}: release {} is the champion, with the artifact of release {}, {}\n",
            store.store().address(),
            manifest.release,
            manifest.rollback_to.unwrap_or_default(),
            manifest.artifact.digest
        ))
    }
}
