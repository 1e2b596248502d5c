//! `trainer rollback`

use clap::Args;

use super::publish::STORE_HELP;
use crate::error::TrainerError;
use crate::publish::{Package, Releases, open_store, user_and_host};

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
    /// Print the new release's manifest as JSON.
    #[arg(long)]
    json: bool,
}

impl RollbackCommand {
    /// Publishes an earlier artifact anew and makes it the champion.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let store = open_store(&self.to)?;
        let (user, host) = user_and_host();
        let by = Package {
            user,
            host,
            ..Package::default()
        };
        let (manifest, _) = Releases::new(store.as_ref()).rollback(self.release, &by)?;
        if self.json {
            return super::print_json(&manifest);
        }
        super::print(&format!(
            "{}: release {} is the champion, with the artifact of release {}, {}\n",
            store.address(),
            manifest.release,
            manifest.rollback_to.unwrap_or_default(),
            manifest.artifact.digest
        ))
    }
}
