//! `trainer releases`

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use super::keygen::read_set;
use super::publish::STORE_HELP;
use crate::error::TrainerError;
use crate::publish::{Listed, PublishLog, ReleaseStore, Releases, open_store};

/// Options of `trainer releases`.
#[derive(Debug, Args)]
#[command(after_help = STORE_HELP)]
pub struct ReleasesCommand {
    /// Where releases lie: a directory, or `s3://bucket/prefix`.
    #[arg(long, value_name = "DEST")]
    at: String,
    /// Verify the log of what was done to the store, against itself and against the releases.
    #[arg(long)]
    verify: bool,
    /// The key set whose signatures of log entries count.
    #[arg(long, value_name = "FILE", requires = "verify")]
    trusted_keys: Option<PathBuf>,
    /// Print the manifests as JSON.
    #[arg(long)]
    json: bool,
}

impl ReleasesCommand {
    /// Lists releases.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let store = open_store(&self.at)?;
        if self.verify {
            return self.verify(store.as_ref());
        }
        let listed = Releases::new(store.as_ref()).list()?;
        if self.json {
            return super::print_json(&listed);
        }
        super::print(&in_words(&listed))
    }
}

impl ReleasesCommand {
    fn verify(&self, store: &dyn ReleaseStore) -> Result<(), TrainerError> {
        let keys = self.trusted_keys.as_deref().map(read_set).transpose()?;
        let releases = Releases::new(store);
        let listed = releases.list()?;
        let numbers: Vec<u64> = listed.iter().map(|it| it.manifest.release).collect();
        let champion = releases.champion()?.map(|(channel, _)| channel.release);
        let verified = PublishLog::new(store).verify(keys.as_ref(), &numbers, champion)?;
        if self.json {
            return super::print_json(&verified);
        }
        let mut text = format!(
            "{}: {} entries, chained; {} signed by trusted keys",
            store.address(),
            verified.n_entries,
            verified.n_signed
        );
        if let Some(number) = verified.signed_up_to {
            let _ = write!(text, ", which vouches for all up to entry {number}");
        }
        if let Some(head) = &verified.head {
            let _ = write!(text, "; the last is {head}");
        }
        if let Some(release) = verified.head_release {
            let _ = write!(text, "; edges are sent to release {release}");
        }
        text.push('\n');
        if !verified.unlogged_releases.is_empty() {
            let numbers = verified.unlogged_releases.iter().map(u64::to_string);
            let numbers = numbers.collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "no entry tells of the releases {numbers}");
        }
        super::print(&text)
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
