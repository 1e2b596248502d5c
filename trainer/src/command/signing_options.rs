//! The keys that `trainer serve` signs promotions and rollbacks with.

use std::path::PathBuf;

use clap::Args;
use picket_telemetry::log;
use serde_json::json;

use super::keygen::read_set;
use crate::error::TrainerError;
use crate::signing::Signers;

/// Which keys sign.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing")]
pub(super) struct SigningOptions {
    /// A signing key: signs promotions and rollbacks that the API is asked for, as `trainer promote --key` does. Again for
    /// more. Without one they are refused where promotions are signed.
    #[arg(long, value_name = "FILE", requires = "trusted_keys")]
    key: Vec<PathBuf>,
    /// The key set that edges trust: the keys must be in it, and as many as must sign.
    #[arg(long, value_name = "FILE", requires = "key")]
    trusted_keys: Option<PathBuf>,
    /// How many days a release is valid that a rollback signs.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=3650))]
    valid_days: u64,
}

impl SigningOptions {
    /// Reads the keys, where there are any, and holds them against the key set.
    ///
    /// # Errors
    /// As [`Signers::read`].
    pub(super) fn read(&self) -> Result<Option<Signers>, TrainerError> {
        let Some(trusted) = &self.trusted_keys else {
            return Ok(None);
        };
        Signers::read(&self.key, read_set(trusted)?, self.valid_days).map(Some)
    }
}

/// Says in the log which keys sign, by their names.
pub(super) fn log_signers(signers: Option<&Signers>) {
    if let Some(signers) = signers {
        let ids: Vec<String> = signers.ids().iter().map(ToString::to_string).collect();
        log("info", "signs_promotions", &[("keys", json!(ids))]);
    }
}
