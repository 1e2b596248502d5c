//! The options by which a server tells what it does: log, audit log, traces.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use picket_edge_runtime::{LoggedRequests, start_audit};
use picket_telemetry::{TelemetryArgs, Tracer};

#[derive(clap::Args)]
#[command(next_help_heading = "Logs")]
pub(crate) struct TellingArgs {
    #[command(flatten)]
    telemetry: TelemetryArgs,
    /// Which requests have a line in the log: none, failures or all
    #[arg(long, value_name = "WHICH", default_value = "failures")]
    pub(crate) log_requests: LoggedRequests,
    /// The file in which changes of models and tokens, calls of administrators and erasures are written down, chained
    /// by digests
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
}

impl TellingArgs {
    /// Starts log and audit log of this process.
    pub(crate) fn start(&self) -> Result<()> {
        self.telemetry.start_log()?;
        if let Some(path) = &self.audit_log {
            start_audit(path)?;
        }
        Ok(())
    }

    pub(crate) fn tracer(&self) -> Result<Option<Arc<Tracer>>> {
        let (service, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let tracer = self.telemetry.tracer(service, version)?;
        Ok(tracer.map(Arc::new))
    }
}
