//! `trainer serve`, `trainer worker`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use picket_telemetry::{TelemetryArgs, log};
use serde_json::json;
use tokio::sync::watch;

use super::signing_options::{SigningOptions, log_signers};
use super::watch_options::WatchOptions;
use crate::error::TrainerError;
use crate::jobs::{
    CronExpression, CronTrigger, JobSettings, Jobs, RedisServer, Schedule, StateFolder, Workers,
};
use crate::serve::{
    App, AppParts, Champion, Door, Pipelines, ServeError, Server, Watch, audit_place,
};

/// How long work under way may take to stop where nothing is lost.
const STOP_LIMIT: Duration = Duration::from_mins(1);

/// Triggers are asked with every look at the records, and this often at least.
const ASK_EVERY: Duration = Duration::from_secs(20);

/// Options of all processes of a service.
#[derive(Clone, Debug, Args)]
pub(super) struct WorkOptions {
    /// The folder that all processes of the service share: tasks, runs, the queue of one machine.
    #[arg(long, value_name = "DIR", default_value = "service")]
    state: PathBuf,
    /// Threads that learn [default: one fewer than there are cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Trainings at a time in this process; their searches are spread over all processes.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=64))]
    trainings: u16,
    /// Trainings of one schema at a time, in all processes together.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    per_schema: u16,
    /// Seconds between two signs of life; a worker that misses three is taken for dead.
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=600))]
    heartbeat: u16,
    /// Days that ended tasks are kept; their runs stay.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(0..))]
    keep: u16,
    /// The queue's Redis server, where several machines work: redis://…, or rediss://… with TLS. Without it the queue is in
    /// the state folder.
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// PEM file of the authorities that a server at rediss://… is believed by [default: those of the system].
    #[arg(long, value_name = "FILE")]
    redis_ca: Option<PathBuf>,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}

impl WorkOptions {
    fn settings(&self) -> JobSettings {
        let usual = JobSettings::default();
        JobSettings {
            threads: self.threads.map_or(usual.threads, usize::from),
            trainings: usize::from(self.trainings),
            per_schema: usize::from(self.per_schema),
            heartbeat: Duration::from_secs(self.heartbeat.into()),
            keep: Duration::from_hours(24 * u64::from(self.keep)),
        }
    }

    async fn open(&self) -> Result<Jobs, TrainerError> {
        self.telemetry.start_log().map_err(ServeError::Telemetry)?;
        let tracer = self
            .telemetry
            .tracer(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .map_err(ServeError::Telemetry)?;
        let state = StateFolder::open(&self.state)?;
        let url = self.redis_url.as_deref().filter(|url| !url.is_empty());
        let redis = url.map(|url| RedisServer::new(url, self.redis_ca.as_deref()));
        let jobs = Jobs::open(state, redis.transpose()?.as_ref(), self.settings()).await?;
        let jobs = jobs.traced(tracer.map(Arc::new));
        log(
            "info",
            "jobs_opened",
            &[
                ("queue", json!(jobs.queue.kind())),
                ("worker", json!(jobs.name)),
                ("threads", json!(jobs.settings.threads)),
            ],
        );
        Ok(jobs)
    }
}

/// Options of `trainer serve`.
#[derive(Debug, Args)]
pub struct ServeCommand {
    #[command(flatten)]
    work: WorkOptions,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3100")]
    listen: SocketAddr,
    /// A pipeline that may be trained, a TOML file; the first is the usual one.
    #[arg(long = "pipeline", value_name = "FILE", required = true)]
    pipelines: Vec<PathBuf>,
    /// Where releases are [default: where the first pipeline that publishes does].
    #[arg(long, value_name = "DEST")]
    releases: Option<String>,
    /// The tokens that let in, written by `trainer token` [default: tokens.json in the state folder].
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// Ask nobody for a token; only on an address of this machine.
    #[arg(long, conflicts_with = "tokens")]
    insecure_local: bool,
    /// Train the first pipeline by the clock: five cron fields, in UTC, such as `30 2 * * mon-fri`.
    #[arg(long, value_name = "CRON")]
    schedule: Option<CronExpression>,
    #[command(flatten)]
    signing: SigningOptions,
    #[command(flatten)]
    watch: WatchOptions,
    /// Only answer requests; `trainer worker` does the work.
    #[arg(long)]
    no_work: bool,
}

impl ServeCommand {
    /// Serves until told to stop.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        runtime()?.block_on(self.serve())
    }

    async fn serve(&self) -> Result<(), TrainerError> {
        if self.insecure_local && !self.listen.ip().is_loopback() {
            let address = self.listen;
            return Err(ServeError::NotLocal { address }.into());
        }
        let pipelines = Pipelines::read(&self.pipelines)?;
        // Before anything is opened: a service that could not sign is not begun.
        let signers = self.signing.read()?;
        let jobs = self.work.open().await?;
        log_signers(signers.as_ref());
        let audit = audit_place(&self.work.state);
        let door = if self.insecure_local {
            Door::open_locally(&audit)?
        } else {
            let tokens = self.tokens.clone();
            let tokens = tokens.unwrap_or_else(|| tokens_place(&self.work.state));
            Door::with_tokens(&tokens, &audit)?
        };
        let releases = self.releases.clone();
        let releases = releases.or_else(|| pipelines.releases().map(str::to_owned));
        let watch = self.watch.open(releases.clone(), &self.work.state)?;
        let schedule = self.schedule(&pipelines, &watch);
        let parts = AppParts {
            jobs: jobs.clone(),
            pipelines,
            door,
            champion: Champion::new(releases).signing_with(signers),
        };
        let app = App::watching(parts, watch);
        let server = Server::bind(app.clone(), self.listen).await?;
        let address = server.address().unwrap_or(self.listen);
        let stop = stop_signal()?;
        let workers = (!self.no_work).then(|| Workers::start(&jobs));
        log(
            "info",
            "listening",
            &[
                ("address", json!(address.to_string())),
                ("tokens", json!(!self.insecure_local)),
            ],
        );
        super::print(&format!("http://{address}\n"))?;
        let (stop_all, stopped) = watch::channel(false);
        if let Some(schedule) = schedule {
            let audit = Arc::new(app.clone());
            tokio::spawn(schedule.run(jobs.clone(), audit, stopped.clone()));
        }
        tokio::spawn(Watch::run(app, stopped));
        server.serve(stop).await;
        // Where nobody listens any more nothing is to be stopped.
        let _ = stop_all.send(true);
        if let Some(workers) = workers {
            workers.stop(STOP_LIMIT).await;
        }
        end_traces(&jobs).await;
        Ok(())
    }
}

impl ServeCommand {
    /// What asks for trainings by itself.
    fn schedule(&self, pipelines: &Pipelines, watch: &Arc<Watch>) -> Option<Schedule> {
        let mut triggers = self.watch.triggers(watch);
        if let Some(cron) = self.schedule.clone() {
            triggers.push(Arc::new(CronTrigger(cron)));
        }
        if triggers.is_empty() {
            return None;
        }
        let (config, schema) = pipelines.get(None)?.clone();
        Some(Schedule {
            config,
            schema,
            triggers,
            every: self
                .watch
                .look_every()
                .clamp(Duration::from_secs(1), ASK_EVERY),
        })
    }
}

/// Options of `trainer worker`.
#[derive(Debug, Args)]
pub struct WorkerCommand {
    #[command(flatten)]
    work: WorkOptions,
}

impl WorkerCommand {
    /// Works until told to stop.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        runtime()?.block_on(async {
            let jobs = self.work.open().await?;
            let stop = stop_signal()?;
            let workers = Workers::start(&jobs);
            stop.await;
            workers.stop(STOP_LIMIT).await;
            end_traces(&jobs).await;
            Ok(())
        })
    }
}

/// Sends the spans that wait.
async fn end_traces(jobs: &Jobs) {
    if let Some(tracer) = jobs.tracer.clone() {
        // It waits for the network at most a few seconds; a panic in it has been told.
        let _ = tokio::task::spawn_blocking(move || tracer.close()).await;
    }
}

/// Where a state folder's tokens are.
pub(super) fn tokens_place(state: &std::path::Path) -> PathBuf {
    state.join("tokens.json")
}

fn runtime() -> Result<tokio::runtime::Runtime, TrainerError> {
    let built = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    Ok(built.map_err(ServeError::Runtime)?)
}

/// Ready with SIGINT or SIGTERM.
fn stop_signal() -> Result<impl Future<Output = ()>, TrainerError> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(ServeError::Runtime);
    let (mut interrupt, mut terminate) = (
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        log("info", "stopping", &[]);
    })
}
