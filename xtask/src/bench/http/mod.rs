//! `cargo xtask bench http`: one row a request through the device host, the Spin component, a bare axum
//! route and `FastAPI`, the same rows in one run. The servers have one core, the load has another.

mod engine;
mod figures;
mod load;
mod prepare;
mod table;

use crate::args::Args;
use crate::repo::Repo;
use anyhow::{Result, bail};
use engine::{Engine, Server};
pub(super) use engine::{resident_mb, thread_time};
use figures::Figures;
use load::Load;
use std::path::PathBuf;

struct Options {
    json: Option<PathBuf>,
    /// How many times every engine gets its turn.
    rounds: u32,
    /// How long one measurement takes.
    seconds: f64,
    connections: u32,
    trees: u32,
    seed: u32,
    /// The cores of the servers and of the load.
    cores: [u32; 2],
    only: Vec<String>,
    /// Whether to measure what is built already.
    no_build: bool,
}

impl Options {
    fn parse(mut args: Args) -> Result<Self> {
        let options = Self {
            json: args.value("--json")?,
            rounds: args.value("--rounds")?.unwrap_or(5),
            seconds: args.value("--seconds")?.unwrap_or(2.0),
            connections: args.value("--connections")?.unwrap_or(32),
            trees: args.value("--trees")?.unwrap_or(100),
            seed: args.value("--seed")?.unwrap_or(1),
            cores: [
                args.value("--server-core")?.unwrap_or(0),
                args.value("--load-core")?.unwrap_or(1),
            ],
            only: args.values("--only")?,
            no_build: args.flag("--no-build"),
        };
        args.finish()?;
        if options.rounds == 0 || options.seconds.is_nan() || options.seconds < 0.1 {
            bail!("expected at least one round of at least 0.1 s");
        }
        Ok(options)
    }

    fn wants(&self, engine: Engine) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == engine.name())
    }
}

pub(crate) fn run(repo: &Repo, args: Args) -> Result<()> {
    let options = Options::parse(args)?;
    if let Some(name) = options
        .only
        .iter()
        .find(|name| Engine::ALL.iter().all(|engine| engine.name() != *name))
    {
        let names = Engine::ALL.map(Engine::name).join(", ");
        bail!("there is no engine `{name}`; expected one of {names}");
    }
    let prepared = prepare::prepare(repo, &options)?;
    let engines: Vec<Engine> = Engine::ALL
        .into_iter()
        .filter(|engine| options.wants(*engine))
        .collect();
    let mut servers = Vec::new();
    for engine in engines {
        servers.push(Server::start(repo, &prepared, engine, options.cores[0])?);
    }
    prepare::check(&prepared, &servers)?;
    let mut figures = Figures::default();
    for round in 0..options.rounds {
        // Another engine goes first each time: none has always the warm or always the cool core.
        let n_servers = servers.len();
        servers.rotate_left(1.min(n_servers));
        for server in &servers {
            measure(repo, &options, &prepared, server, round, &mut figures)?;
        }
        println!("round {} of {}", round + 1, options.rounds);
    }
    table::print(repo, &figures, options.cores)?;
    if let Some(path) = &options.json {
        figures.append_json(path)?;
    }
    Ok(())
}

fn measure(
    repo: &Repo,
    options: &Options,
    prepared: &prepare::Prepared,
    server: &Server,
    round: u32,
    figures: &mut Figures,
) -> Result<()> {
    let mut load = Load {
        core: options.cores[1],
        connections: options.connections,
        seconds: options.seconds,
        seed: options.seed + 1000 * round,
        rate: None,
    };
    let answered = load.send(repo, prepared, server)?;
    let name = server.engine();
    if name != Engine::AxumBare && name != Engine::FastapiEmpty && answered.n_distinct_answers < 2 {
        bail!("{} gives every row the same answer", name.name());
    }
    figures.push(name, "saturation", "requests/s", None, answered.per_second);
    figures.push(name, "saturation", "us/request", None, answered.busy_us);
    // Half of what this engine can do, by what is known of it so far.
    let saturation = figures.median(name, "saturation", "requests/s", None);
    load.rate = saturation.map(|per_second| per_second / 2.0);
    let answered = load.send(repo, prepared, server)?;
    figures.push(name, "half", "requests/s", None, answered.per_second);
    for (percentile, ms) in answered.percentiles {
        figures.push(name, "half", "ms", Some(percentile), ms);
    }
    figures.push(name, "half", "ms late", Some("99"), answered.late_ms);
    figures.push(name, "half", "MB", None, server.resident_mb()?);
    Ok(())
}
