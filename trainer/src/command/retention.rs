//! `trainer retention`

use clap::Args;
use serde::Serialize;

use super::record_options::{StoreOptions, days_ago};
use crate::error::TrainerError;
use crate::records::Expiry;

/// Options of `trainer retention`.
#[derive(Debug, Args)]
pub struct RetentionCommand {
    #[command(flatten)]
    store: StoreOptions,
    /// Records older than so many days are deleted, by the time that they say.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=36_500))]
    days: u64,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Done {
    n_deleted: u64,
    before_ms: u64,
    expiry: Expiry,
}

impl RetentionCommand {
    /// Deletes old records, and lets the store do so by itself where it can.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let store = self.store.open()?;
        let before_ms = days_ago(self.days);
        let n_deleted = store.delete_before(before_ms)?;
        let expiry = store.expire_after(self.days)?;
        if self.json {
            return super::print_json_line(&Done {
                n_deleted,
                before_ms,
                expiry,
            });
        }
        let by_itself = match expiry {
            Expiry::Index { days } => format!("the server deletes after {days} days by itself now"),
            Expiry::Unsupported { reason } => {
                format!("run this every day: the store deletes nothing by itself ({reason})")
            }
        };
        super::print(&format!(
            "{}: {n_deleted} records deleted that were older than {} days; {by_itself}\n",
            store.address(),
            self.days
        ))
    }
}
