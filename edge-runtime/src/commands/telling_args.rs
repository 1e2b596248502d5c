//! The options by which a server tells what it does: log, audit log, traces.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, ensure};
use picket_edge_runtime::{
    LogConfig, LogLevel, LoggedRequests, Tracer, TracerConfig, start_audit, start_log,
};

#[derive(clap::Args)]
#[command(next_help_heading = "Logs")]
pub(crate) struct TellingArgs {
    /// The file for the log, JSON lines, rotated [default: standard error]
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// The most bytes of a log file before it is put aside
    #[arg(long, value_name = "BYTES", default_value_t = LogConfig::default().max_bytes, value_parser = clap::value_parser!(u64).range(4096..))]
    log_max_bytes: u64,
    /// How many log files are kept, the one being written among them
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    log_files: u64,
    /// From which level on lines are written: info, warn or error
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LogLevel,
    /// Which requests have a line in the log: none, failures or all
    #[arg(long, value_name = "WHICH", default_value = "failures")]
    pub(crate) log_requests: LoggedRequests,
    /// The file in which changes of models and tokens, calls of administrators and erasures are written down, chained
    /// by digests
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// The OpenTelemetry collector that takes traces by OTLP over HTTP, such as <http://localhost:4318>
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// Which share of the requests is traced, from 0 to 1, where the client does not say
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    trace_share: f64,
}

impl TellingArgs {
    /// Starts log and audit log of this process.
    pub(crate) fn start(&self) -> Result<()> {
        start_log(&LogConfig {
            level: self.log_level,
            file: self.log_file.clone(),
            max_bytes: self.log_max_bytes,
            n_files: self.log_files as usize,
        })?;
        if let Some(path) = &self.audit_log {
            start_audit(path)?;
        }
        Ok(())
    }

    pub(crate) fn tracer(&self) -> Result<Option<Arc<Tracer>>> {
        ensure!(
            (0.0..=1.0).contains(&self.trace_share),
            "--trace-share: found {}; expected 0 to 1",
            self.trace_share
        );
        let Some(endpoint) = &self.otlp_endpoint else {
            return Ok(None);
        };
        let tracer = Tracer::start(&TracerConfig {
            endpoint: endpoint.clone(),
            share_per_million: (self.trace_share * 1e6).round() as u32,
        })?;
        Ok(Some(Arc::new(tracer)))
    }
}
