//! `trainer publish`

use std::path::PathBuf;

use clap::Args;

use crate::error::TrainerError;
use crate::publish::{Package, Releases, open_store, user_and_host};
use crate::runs::{MODEL_FILE, Run};
use crate::signing::{SignedStore, read_keys};

/// What publishing, promoting and rolling back say about the store.
pub(super) const STORE_HELP: &str = "A bucket is reached with the credentials that AWS's own tools use (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE, …); AWS_ENDPOINT_URL names a store that is not Amazon's.";

/// Options of `trainer publish`.
#[derive(Debug, Args)]
#[command(after_help = STORE_HELP)]
pub struct PublishCommand {
    /// The directory of a run whose model is published.
    #[arg(
        long = "run",
        value_name = "RUN_DIR",
        required_unless_present = "model",
        conflicts_with = "model"
    )]
    run_dir: Option<PathBuf>,
    /// The model file to publish.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Where releases lie: a directory, or `s3://bucket/prefix`.
    #[arg(long, value_name = "DEST")]
    to: String,
    /// Make it the champion too.
    #[arg(long)]
    promote: bool,
    /// A signing key: signs the release, and its promotion. Again for more.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// How many days the signed release is valid.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=3650))]
    valid_days: u64,
    /// Print the release's manifest as JSON.
    #[arg(long)]
    json: bool,
}

impl PublishCommand {
    /// Publishes a model as the next release.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let (place, run_id) = match (&self.run_dir, &self.model) {
            (Some(run_dir), _) => {
                let run = Run::read(run_dir)?;
                (run_dir.join(MODEL_FILE), Some(run.record.run_id))
            }
            (None, Some(model)) => (model.clone(), None),
            (None, None) => {
                return Err(TrainerError::Usage {
                    option: "--run, --model".to_owned(),
                    expected: "one of them".to_owned(),
                });
            }
        };
        // Read as a model first: its errors name the file.
        let artifact = super::read_model(&place)?.bytes().to_vec();
        let store = open_store(&self.to)?;
        let keys = read_keys(&self.key)?;
        let keys: Vec<_> = keys.iter().collect();
        let releases = Releases::new(store.as_ref()).signed_by(&keys);
        let (user, host) = user_and_host();
        let manifest = releases.publish(&Package {
            artifact,
            run_id: run_id.filter(|run_id| !run_id.is_empty()),
            user,
            host,
        })?;
        if !keys.is_empty() {
            let (release, run_id) = (manifest.release, manifest.run_id.clone());
            SignedStore::open(&self.to)?.sign(release, &keys, self.valid_days, run_id)?;
        }
        if self.promote {
            releases.promote(manifest.release)?;
        }
        if self.json {
            return super::print_json(&manifest);
        }
        let state = if self.promote {
            "it is the champion now"
        } else {
            "trainer promote makes it the champion"
        };
        super::print(&format!(
            "{}: release {} of {}, {} bytes, {}; {state}\n",
            store.address(),
            manifest.release,
            manifest.model,
            manifest.artifact.n_bytes,
            manifest.artifact.digest,
        ))
    }
}
