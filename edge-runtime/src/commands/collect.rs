//! `edge-runtime collect`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use picket_edge_runtime::upload::{FolderSink, RecordSink};
use picket_edge_runtime::{AllowedOrigins, Collector, CollectorOptions, mongo_sink};

use super::door_args::DoorArgs;
use super::telling_args::TellingArgs;

#[derive(clap::Args)]
pub(crate) struct Collect {
    /// The address to listen on
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:3100",
        env = "PICKET_COLLECT_LISTEN"
    )]
    listen: SocketAddr,
    /// The MongoDB server that keeps the records
    #[arg(
        long,
        value_name = "URI",
        env = "PICKET_MONGODB_URI",
        hide_env_values = true,
        required_unless_present = "into"
    )]
    mongodb: Option<String>,
    /// A folder that keeps the records instead: for set-ups without a database
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    #[command(flatten)]
    doors: DoorArgs,
    #[command(flatten)]
    telling: TellingArgs,
}

impl Collect {
    pub(crate) fn run(self) -> Result<()> {
        let sink: Box<dyn RecordSink> = match (&self.into, &self.mongodb) {
            (Some(folder), _) => Box::new(FolderSink::open(folder)?),
            (None, Some(uri)) => mongo_sink(uri, None)?,
            (None, None) => anyhow::bail!("--mongodb or --into says where records are kept"),
        };
        self.telling.start()?;
        let options = CollectorOptions {
            doors: self.doors.doors(AllowedOrigins::default())?,
            tls: self.doors.tls(),
            limits: self.doors.limits(),
        };
        let collector = Collector::new(options, sink);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("cannot start the threads")?;
        runtime.block_on(async {
            let stop = crate::stop_signal().context("cannot listen for signals")?;
            let listening = |url| {
                // A closed standard output is no reason not to serve.
                let _ = writeln!(std::io::stdout(), "listening on {url}");
            };
            collector.serve(self.listen, listening, stop).await?;
            Ok(())
        })
    }
}
