//! `edge-runtime audit`: checks an audit log.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use picket_access::audit::{verify, verify_anchored};

#[derive(clap::Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Fails where a line was changed, put in, taken out or moved, and names the first such line
    Verify(Verify),
}

#[derive(clap::Args)]
struct Verify {
    /// The audit log
    #[arg(value_name = "FILE", env = "PICKET_AUDIT_LOG")]
    file: PathBuf,
    /// A digest that was kept elsewhere (`head` of an earlier check): fails where no line has it, as after lines were
    /// cut off or all was written anew
    #[arg(long, value_name = "DIGEST")]
    contains: Option<String>,
}

impl Audit {
    pub(crate) fn run(self) -> Result<()> {
        let Command::Verify(Verify { file, contains }) = self.command;
        let verified = match contains {
            Some(digest) => verify_anchored(&file, &digest)?,
            None => verify(&file)?,
        };
        let mut out = std::io::stdout();
        writeln!(out, "events {}", verified.n_events)?;
        writeln!(out, "head {}", verified.head)?;
        if verified.n_torn_bytes > 0 {
            let n_bytes = verified.n_torn_bytes;
            writeln!(
                out,
                "torn {n_bytes} bytes of an event that was not finished"
            )?;
        }
        Ok(())
    }
}
