//! `trainer audit`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use picket_access::audit::{verify, verify_anchored};

use crate::error::TrainerError;

/// Options of `trainer audit`.
#[derive(Debug, Args)]
pub struct AuditCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Fail where a line was changed, put in, taken out or moved, and name the first such line.
    Verify {
        /// The audit log.
        #[arg(value_name = "FILE", default_value = "service/audit.jsonl")]
        file: PathBuf,
        /// A digest that was kept elsewhere (`head` of an earlier check): fail where no line has it, as after lines were
        /// cut off or all was written anew.
        #[arg(long, value_name = "DIGEST")]
        contains: Option<String>,
    },
}

impl AuditCommand {
    /// Checks the log.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let Action::Verify { file, contains } = &self.action;
        let verified = match contains {
            Some(digest) => verify_anchored(file, digest)?,
            None => verify(file)?,
        };
        let mut said = format!("events {}\nhead {}\n", verified.n_events, verified.head);
        if verified.n_torn_bytes > 0 {
            let n_bytes = verified.n_torn_bytes;
            said += "torn ";
            said += &n_bytes.to_string();
            said += " bytes of an event that was not finished\n";
        }
        super::print(&said)
    }
}
