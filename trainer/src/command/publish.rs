//! `trainer publish`

use std::path::PathBuf;

use clap::Args;

use crate::error::TrainerError;
use crate::publish::{Package, Releases, open_store, user_and_host};
use crate::runs::{MODEL_FILE, Run};

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
        let releases = Releases::new(store.as_ref());
        let (user, host) = user_and_host();
        let manifest = releases.publish(&Package {
            artifact,
            run_id: run_id.filter(|run_id| !run_id.is_empty()),
            user,
            host,
        })?;
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
