//! The options that say where the records of edges lie and which span is looked at.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use crate::error::TrainerError;
use crate::monitor::KnownModels;
use crate::publish::open_store;
use crate::records::{RecordStore, open_records};

/// Names the store where the option does not.
const STORE_VARIABLE: &str = "PICKET_RECORD_STORE";
/// How many of the newest releases' models are read.
const N_RELEASES: usize = 20;
const DAY_MS: u64 = 86_400_000;

/// Where records lie.
#[derive(Clone, Debug, Args)]
pub(super) struct StoreOptions {
    /// Where records lie: `mongodb://…`, or the folder of `edge-runtime collect --into` [default: the variable
    /// `PICKET_RECORD_STORE`, which no list of processes shows].
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
}

/// Which models are known.
#[derive(Clone, Debug, Args)]
pub(super) struct ModelOptions {
    /// A model that answers or did. Again for more.
    #[arg(long, value_name = "FILE")]
    model: Vec<PathBuf>,
    /// The store of releases: its newest models are known, and the champion.
    #[arg(long, value_name = "DEST")]
    release_store: Option<String>,
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |it| it.as_millis() as u64)
}

/// The time so many days ago, in milliseconds since 1970.
pub(super) fn days_ago(days: u64) -> u64 {
    now_ms().saturating_sub(days.saturating_mul(DAY_MS))
}

/// A secret from a file.
pub(super) fn read_secret(file: &Path) -> Result<Vec<u8>, TrainerError> {
    super::read_bytes(file)
}

impl StoreOptions {
    /// Whether a store is named.
    pub(super) fn is_named(&self) -> bool {
        self.address().is_some()
    }

    /// The address, where one is named.
    pub(super) fn address(&self) -> Option<String> {
        let from_environment = || {
            std::env::var(STORE_VARIABLE)
                .ok()
                .filter(|it| !it.is_empty())
        };
        self.store.clone().or_else(from_environment)
    }

    /// Opens the store.
    pub(super) fn open(&self) -> Result<Box<dyn RecordStore>, TrainerError> {
        let address = self.address().ok_or_else(|| TrainerError::Usage {
            option: "--store".to_owned(),
            expected: format!("expected mongodb://… or a folder, here or in {STORE_VARIABLE}"),
        })?;
        Ok(open_records(&address)?)
    }
}

impl ModelOptions {
    /// Reads the models.
    pub(super) fn read(&self) -> Result<KnownModels, TrainerError> {
        let mut known = KnownModels::default();
        if let Some(destination) = &self.release_store {
            known.add_releases(open_store(destination)?.as_ref(), N_RELEASES)?;
        }
        for file in &self.model {
            known.add(super::read_bytes(file)?, &file.display().to_string())?;
        }
        Ok(known)
    }
}
