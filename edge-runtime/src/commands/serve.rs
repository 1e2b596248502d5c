//! `edge-runtime serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use picket_edge_runtime::sync::{Poller, open_source};
use picket_edge_runtime::{
    AllowedOrigins, HostConfig, LiveService, PoolConfig, Recording, Server, ServerOptions,
    SyncOptions, TrustedRoots, default_cache_dir, default_component, start_released_with,
    start_with,
};
use picket_service::Limits;

use super::door_args::DoorArgs;
use super::telling_args::TellingArgs;

#[derive(clap::Args)]
pub(crate) struct Serve {
    /// The model to serve; beside --release-source, the one to serve until there is a release
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    #[command(flatten)]
    releases: Releases,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// The scorer component [default: beside this program, else target/wasm/picket-scorer.wasm]
    #[arg(long, value_name = "FILE", env = "PICKET_SCORER_COMPONENT")]
    component: Option<PathBuf>,
    /// The folder with the page [default: www, where there is one]
    #[arg(long, value_name = "DIR")]
    www: Option<PathBuf>,
    /// The largest request body
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_body)]
    max_body: usize,
    /// The most rows in a batch
    #[arg(long, value_name = "ROWS", default_value_t = Limits::default().max_rows)]
    max_rows: usize,
    /// How many instances of the scorer stand ready
    #[arg(long, value_name = "COUNT", default_value_t = PoolConfig::default().n_instances)]
    instances: usize,
    /// How long one call into the scorer may take, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    deadline: u64,
    /// Where compiled code is kept between runs [default: picket in the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Lets everybody in who reaches the server, without tokens: for a server behind a proxy that asks for them
    #[arg(long)]
    open: bool,
    /// An origin whose pages may ask, such as <https://example.org>; may be given several times
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    allow_origin: Vec<String>,
    #[command(flatten)]
    doors: DoorArgs,
    #[command(flatten)]
    telling: TellingArgs,
    #[command(flatten)]
    recording: super::recording::RecordingArgs,
}

/// Signed releases instead of one file
#[derive(clap::Args)]
struct Releases {
    /// Where releases come from: dir:PATH, `https://HOST/PATH` or `s3://BUCKET/PREFIX` (keys, region and endpoint from
    /// the AWS_ variables)
    #[arg(long, value_name = "SOURCE", requires_all = ["trusted_keys", "state_dir"])]
    release_source: Option<String>,
    /// The key set whose signatures are trusted, as `trainer keygen` writes it
    #[arg(long, value_name = "FILE", requires = "release_source")]
    trusted_keys: Option<PathBuf>,
    /// Where the last good release and the marks against old ones are kept; this program's alone
    #[arg(long, value_name = "DIR", requires = "release_source")]
    state_dir: Option<PathBuf>,
    /// How often the source is asked, in seconds
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    sync_interval: u64,
    /// How long one file of the source may take, in seconds
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    sync_timeout: u64,
    /// How long a release is served that the source does not confirm, in hours; then answers are withheld
    #[arg(long, value_name = "H", default_value_t = 168)]
    max_staleness: u64,
    /// Take releases with another schema than the one before
    #[arg(long)]
    allow_schema_change: bool,
    /// Take a release only where the source's log has its signed promotion; once such a log was seen, always so
    #[arg(long)]
    require_log: bool,
    /// The authorities, in PEM, that the source's certificate must come from, in the place of the public ones; for s3
    /// the variable `AWS_CA_BUNDLE` does too
    #[arg(long, value_name = "FILE", requires = "release_source")]
    release_ca: Option<PathBuf>,
    /// Take releases from other machines over plain http
    #[arg(long)]
    allow_http: bool,
}

impl Serve {
    fn server_options(&self) -> Result<ServerOptions> {
        let origins = AllowedOrigins::new(self.allow_origin.iter().map(String::as_str));
        let origins = origins.map_err(|found| {
            anyhow!("--allow-origin: found {found}; expected such as https://example.org")
        })?;
        Ok(ServerOptions {
            doors: self.doors.doors(origins)?,
            tls: self.doors.tls(),
            limits: self.doors.limits(),
            logged: self.telling.log_requests,
            tracer: self.telling.tracer()?,
            open: self.open,
        })
    }

    pub(crate) fn run(self) -> Result<()> {
        serve(self)
    }
}

fn serve(arguments: Serve) -> Result<()> {
    // Not clap's to ask for: settings are explained also where there is none yet.
    ensure!(
        arguments.model.is_some() || arguments.releases.release_source.is_some(),
        "--model names the model to serve, or --release-source where releases come from"
    );
    arguments.telling.start()?;
    let options = arguments.server_options()?;
    let www = arguments.www.or_else(|| {
        let www = PathBuf::from("www");
        www.join("index.html").is_file().then_some(www)
    });
    let recording = arguments.recording.config()?;
    let releases = arguments.releases;
    let config = HostConfig {
        model: arguments.model.clone().unwrap_or_default(),
        component: arguments.component.unwrap_or_else(default_component),
        www,
        cache_dir: arguments.cache_dir.or_else(default_cache_dir),
        limits: Limits {
            max_body: arguments.max_body,
            max_rows: arguments.max_rows,
        },
        pool: PoolConfig {
            n_instances: arguments.instances,
            deadline: Duration::from_millis(arguments.deadline),
            ..PoolConfig::default()
        },
    };
    // Two threads keep connections going and score single rows, or one where there is one core; long calls into
    // the scorer have their own.
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(n_cores.min(2))
        .max_blocking_threads(arguments.instances.saturating_add(2))
        .enable_all()
        .build()
        .context("cannot start the threads")?;
    runtime.block_on(async {
        let recording = recording.as_ref().map(Recording::start).transpose()?;
        // The poller ends when it is dropped: with the server.
        let (service, _poller) = start(&config, arguments.model, releases, recording.as_ref())?;
        let server = Server::bind_with(service, arguments.listen, options).await?;
        let stop = crate::stop_signal().context("cannot listen for signals")?;
        let url = server.url().context("cannot tell the address")?;
        // A closed standard output is no reason not to serve.
        let _ = writeln!(std::io::stdout(), "listening on {url}");
        server.serve(stop).await;
        // A try under way ends first; that takes a thread that may wait.
        tokio::task::spawn_blocking(move || drop(recording)).await?;
        Ok(())
    })
}

/// Loads one model, or follows releases.
fn start(
    config: &HostConfig,
    fallback: Option<PathBuf>,
    releases: Releases,
    recording: Option<&Recording>,
) -> Result<(LiveService, Option<Poller>)> {
    let (Some(source), Some(trusted_keys), Some(state_dir)) = (
        releases.release_source,
        releases.trusted_keys,
        releases.state_dir,
    ) else {
        return Ok((start_with(config, recording)?.into(), None));
    };
    let timeout = Duration::from_secs(releases.sync_timeout);
    let bundle = || {
        let bundle = std::env::var_os("AWS_CA_BUNDLE").filter(|it| !it.is_empty());
        bundle.filter(|_| source.starts_with("s3://"))
    };
    let ca = releases.release_ca.or_else(|| bundle().map(PathBuf::from));
    let roots = ca.as_deref().map(TrustedRoots::read).transpose()?;
    let source = open_source(&source, releases.allow_http, timeout, roots.as_ref())?;
    let options = SyncOptions {
        trusted_keys,
        state_dir,
        interval: Duration::from_secs(releases.sync_interval),
        max_staleness: Duration::from_secs(releases.max_staleness.saturating_mul(3600)),
        allow_schema_change: releases.allow_schema_change,
        require_log: releases.require_log,
        fallback,
    };
    let released = start_released_with(config, source, &options, recording)?;
    Ok((released.service, Some(released.poller)))
}
