//! The options by which a server is told where its log and its traces go.

use std::path::PathBuf;

use crate::{LogConfig, LogLevel, TelemetryError, Tracer, TracerConfig, start_log};

/// The options by which a server is told where its log and its traces go.
#[derive(Clone, Debug, clap::Args)]
pub struct TelemetryArgs {
    /// The file for the log, JSON lines, rotated [default: standard error]
    #[arg(long, value_name = "FILE", help_heading = "Logs")]
    log_file: Option<PathBuf>,
    /// The most bytes of a log file before it is put aside
    #[arg(long, value_name = "BYTES", help_heading = "Logs", default_value_t = LogConfig::default().max_bytes, value_parser = clap::value_parser!(u64).range(4096..))]
    log_max_bytes: u64,
    /// How many log files are kept, the one being written among them
    #[arg(long, value_name = "COUNT", help_heading = "Logs", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    log_files: u64,
    /// From which level on lines are written: info, warn or error
    #[arg(
        long,
        value_name = "LEVEL",
        help_heading = "Logs",
        default_value = "info"
    )]
    log_level: LogLevel,
    /// The OpenTelemetry collector that takes traces by OTLP over HTTP, such as <http://localhost:4318>
    #[arg(long, value_name = "URL", help_heading = "Logs")]
    otlp_endpoint: Option<String>,
    /// Which share of the requests is traced, from 0 to 1, where the client does not say
    #[arg(
        long,
        value_name = "SHARE",
        help_heading = "Logs",
        default_value_t = 1.0
    )]
    trace_share: f64,
}

impl TelemetryArgs {
    /// Starts the log of this process.
    ///
    /// # Errors
    /// [`TelemetryError::LogFile`].
    pub fn start_log(&self) -> Result<(), TelemetryError> {
        start_log(&LogConfig {
            level: self.log_level,
            file: self.log_file.clone(),
            max_bytes: self.log_max_bytes,
            n_files: usize::try_from(self.log_files).unwrap_or(usize::MAX),
        })
    }

    /// Starts to send traces, where a collector is named; `service` and `version` are the program's.
    ///
    /// # Errors
    /// [`TelemetryError::Share`], also where no collector is named; those of [`Tracer::start`].
    pub fn tracer(
        &self,
        service: &'static str,
        version: &'static str,
    ) -> Result<Option<Tracer>, TelemetryError> {
        let share = self.trace_share;
        if !(0.0..=1.0).contains(&share) {
            return Err(TelemetryError::Share { found: share });
        }
        let Some(endpoint) = self.otlp_endpoint.clone() else {
            return Ok(None);
        };
        let config = TracerConfig {
            endpoint,
            share,
            service,
            version,
        };
        Tracer::start(&config).map(Some)
    }
}
