//! The options that `serve` has for recording.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use picket_edge_runtime::record::{Pseudonyms, RecordMode, RecorderConfig};
use picket_edge_runtime::spool::{SpoolConfig, WhenFull};
use picket_edge_runtime::upload::{Hours, Pace};
use picket_edge_runtime::{RecordingConfig, TrustedRoots, UploadConfig};

use super::secret;

/// What a spool without room does.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Policy {
    /// Requests whose answers cannot be recorded are refused
    Refuse,
    /// The oldest records are dropped, and counted
    DropOldest,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Recording")]
pub(crate) struct RecordingArgs {
    /// The folder where records wait until they are delivered; without it nothing is recorded
    #[arg(long, value_name = "DIR", env = "PICKET_SPOOL")]
    spool: Option<PathBuf>,
    /// What is recorded: off, aggregates, verdicts or verdicts-with-features
    #[arg(
        long,
        value_name = "MODE",
        env = "PICKET_RECORD",
        default_value = "verdicts"
    )]
    record: RecordMode,
    /// The most bytes that records may take
    #[arg(long, value_name = "BYTES", env = "PICKET_SPOOL_MAX_BYTES", default_value_t = SpoolConfig::default().max_bytes)]
    spool_max_bytes: u64,
    /// What happens when there is no room
    #[arg(
        long,
        value_name = "POLICY",
        env = "PICKET_SPOOL_WHEN_FULL",
        value_enum,
        default_value = "refuse"
    )]
    spool_when_full: Policy,
    /// How long the histograms of one record span, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        env = "PICKET_RECORD_WINDOW",
        default_value_t = 300
    )]
    record_window: u64,
    /// The name that records carry of this node [default: a random one that the spool's folder keeps]
    #[arg(long, value_name = "NAME", env = "PICKET_NODE")]
    node: Option<String>,
    /// The request header that says where a row comes from
    #[arg(
        long,
        value_name = "NAME",
        env = "PICKET_SOURCE_HEADER",
        default_value = "picket-source"
    )]
    source_header: String,
    /// The file with the key for pseudonyms of sources, or the variable `PICKET_PSEUDONYM_KEY`; without it sources are
    /// not recorded
    #[arg(long, value_name = "FILE")]
    pseudonym_key: Option<PathBuf>,
    /// Where records go: <mongodb://…>, or the URL of a collector
    #[arg(
        long,
        value_name = "URI",
        env = "PICKET_UPLOAD",
        hide_env_values = true
    )]
    upload: Option<String>,
    /// The file with the token for a collector, or the variable `PICKET_UPLOAD_TOKEN`
    #[arg(long, value_name = "FILE")]
    upload_token: Option<PathBuf>,
    /// The authorities, in PEM, that the certificate of the collector or the MongoDB server must come from, in the
    /// place of the public ones
    #[arg(
        long,
        value_name = "FILE",
        env = "PICKET_UPLOAD_CA",
        requires = "upload"
    )]
    upload_ca: Option<PathBuf>,
    /// The most records in a batch
    #[arg(long, value_name = "COUNT", env = "PICKET_UPLOAD_RECORDS", default_value_t = Pace::default().max_records)]
    upload_records: usize,
    /// The most bytes in a batch
    #[arg(long, value_name = "BYTES", env = "PICKET_UPLOAD_BYTES", default_value_t = Pace::default().max_bytes)]
    upload_bytes: usize,
    /// The most records a second; 0 for no limit
    #[arg(
        long,
        value_name = "COUNT",
        env = "PICKET_UPLOAD_RATE",
        default_value_t = 0
    )]
    upload_rate: u64,
    /// The hours in UTC when records may go, such as 22:00-06:00
    #[arg(long, value_name = "HOURS", env = "PICKET_UPLOAD_HOURS")]
    upload_hours: Option<Hours>,
    /// The longest wait between tries, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        env = "PICKET_UPLOAD_LONGEST_WAIT",
        default_value_t = 60
    )]
    upload_longest_wait: u64,
}

impl RecordingArgs {
    /// What to record; `None` where nothing is.
    pub(crate) fn config(self) -> Result<Option<RecordingConfig>> {
        let Some(folder) = self.spool else {
            if self.upload.is_some() {
                bail!("--upload needs --spool: records wait there until they are delivered");
            }
            return Ok(None);
        };
        if self.record == RecordMode::Off {
            return Ok(None);
        }
        let key = secret(self.pseudonym_key.as_deref(), "PICKET_PSEUDONYM_KEY")?;
        let pseudonyms = key.map(|key| Pseudonyms::new(key.as_bytes())).transpose()?;
        let token = secret(self.upload_token.as_deref(), "PICKET_UPLOAD_TOKEN")?;
        let roots = self.upload_ca.as_deref().map(TrustedRoots::read);
        let roots = roots.transpose()?;
        let longest_wait = Duration::from_secs(self.upload_longest_wait);
        let pace = Pace {
            max_records: self.upload_records,
            max_bytes: self.upload_bytes,
            records_per_second: self.upload_rate,
            hours: self.upload_hours,
            longest_wait,
            open_for: longest_wait,
            ..Pace::default()
        };
        Ok(Some(RecordingConfig {
            folder,
            spool: SpoolConfig {
                max_bytes: self.spool_max_bytes,
                when_full: match self.spool_when_full {
                    Policy::Refuse => WhenFull::Refuse,
                    Policy::DropOldest => WhenFull::DropOldest,
                },
                ..SpoolConfig::default()
            },
            recorder: RecorderConfig {
                mode: self.record,
                source_header: self
                    .source_header
                    .parse()
                    .context("--source-header is no name of a header")?,
                pseudonyms,
                window: Duration::from_secs(self.record_window.max(1)),
                node: self.node,
            },
            upload: self.upload.map(|target| UploadConfig {
                target,
                token,
                roots,
                pace,
            }),
        }))
    }
}
