//! `cargo xtask bench recording`: what it costs to record every prediction durably: the device host with and without a
//! spool, the same rows, turn by turn. The servers have one core, the load has another.

mod server;

use crate::args::Args;
use crate::command;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use server::{MODES, Mode, Server};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The least share of the throughput without recording that each mode should keep.
const TARGET: f64 = 0.8;
/// How much more memory a server may hold after the last round than after the first.
const MEMORY_TARGET: f64 = 1.2;
/// Before anything is measured, in seconds.
const WARM_UP: &str = "0.3";
const N_BODIES: u32 = 1000;
/// The features of the model.
const N_FEATURES: u32 = 30;

struct Options {
    json: Option<PathBuf>,
    rounds: u32,
    seconds: f64,
    connections: u32,
    /// The cores of the servers and of the load.
    cores: [u32; 2],
    folder: Option<PathBuf>,
    no_build: bool,
}

impl Options {
    fn parse(mut args: Args) -> Result<Self> {
        let options = Self {
            json: args.value("--json")?,
            rounds: args.value("--rounds")?.unwrap_or(7),
            seconds: args.value("--seconds")?.unwrap_or(2.0),
            connections: args.value("--connections")?.unwrap_or(32),
            cores: [
                args.value("--server-core")?.unwrap_or(0),
                args.value("--load-core")?.unwrap_or(1),
            ],
            folder: args.value("--spool")?,
            no_build: args.flag("--no-build"),
        };
        args.finish()?;
        if options.rounds == 0 || options.seconds.is_nan() || options.seconds < 0.1 {
            bail!("expected at least one round of at least 0.1 s");
        }
        Ok(options)
    }
}

/// One measurement.
#[derive(Clone, Copy)]
struct Figures {
    per_second: f64,
    /// The server's own time for a request, in microseconds.
    busy_us: f64,
    /// At full load.
    p99_full_ms: f64,
    /// Requests of both turns; every one was answered with 200, or the bench had failed.
    n_answered: f64,
    /// At half of the throughput without recording.
    p50_ms: f64,
    p99_ms: f64,
    resident_mb: f64,
}

pub(super) fn run(repo: &Repo, args: Args) -> Result<()> {
    let options = Options::parse(args)?;
    if command::find("taskset").is_none() {
        bail!("the programs are pinned by taskset: install util-linux");
    }
    if !options.no_build {
        // One by one: built together, each would get the features that the other asks of what they share.
        for package in ["picket-edge-runtime", "picket-bench-http"] {
            command::run(repo.cargo().args([
                "build",
                "--release",
                "--no-default-features",
                "--package",
                package,
            ]))?;
        }
    }
    let folder = repo.target.join("bench/recording");
    std::fs::create_dir_all(&folder)?;
    let bodies = folder.join("bodies.ndjson");
    std::fs::write(&bodies, example_bodies())?;
    // Where it is told: another disk has another cost of a sync.
    let spools = options.folder.clone().unwrap_or_else(|| folder.clone());
    let fsync = fsync_cost(&spools)?;
    let mut servers = Vec::new();
    for mode in MODES {
        servers.push(Server::start(repo, mode, options.cores[0], &spools)?);
    }
    let mut figures: Vec<Vec<Figures>> = MODES.iter().map(|_| Vec::new()).collect();
    for round in 0..options.rounds {
        // Another goes first each time: none has always the warm or always the cool core.
        let first = round as usize % MODES.len();
        let mut rate = 0.0;
        for turn in 0..2 {
            for step in 0..MODES.len() {
                let idx = (first + step) % MODES.len();
                let load = |rate| send(repo, &options, &bodies, &servers[idx], round, rate);
                if turn == 0 {
                    let (answered, busy_us) = load(None)?;
                    let per_second = number(&answered, "requests_per_s")?;
                    if idx == 0 {
                        rate = per_second / 2.0;
                    }
                    figures[idx].push(Figures {
                        per_second,
                        busy_us,
                        p99_full_ms: number(&answered, "p99_ms")?,
                        n_answered: number(&answered, "n_all")?,
                        p50_ms: f64::NAN,
                        p99_ms: f64::NAN,
                        resident_mb: f64::NAN,
                    });
                } else {
                    let (answered, _) = load(Some(rate))?;
                    let resident_mb = servers[idx].resident_mb()?;
                    let last = figures[idx].last_mut().context("a measurement")?;
                    last.n_answered += number(&answered, "n_all")?;
                    last.p50_ms = number(&answered, "p50_ms")?;
                    last.p99_ms = number(&answered, "p99_ms")?;
                    last.resident_mb = resident_mb;
                }
            }
        }
        println!("round {} of {}", round + 1, options.rounds);
    }
    print(&options, fsync, &figures);
    if let Some(path) = &options.json {
        append_json(path, &figures)?;
    }
    Ok(())
}

/// Sends the load. Gives what it printed, and the server's time for a request in microseconds.
fn send(
    repo: &Repo,
    options: &Options,
    bodies: &Path,
    server: &Server,
    round: u32,
    rate: Option<f64>,
) -> Result<(Value, f64)> {
    let mut load = repo.command("taskset");
    load.args(["--cpu-list", &options.cores[1].to_string()])
        .arg(repo.target.join("release/picket-bench-http"))
        .args(["load", &server.address().to_string(), "/predict"])
        .arg(bodies)
        .args([&options.connections.to_string(), WARM_UP])
        .args([options.seconds.to_string(), (1 + round).to_string()])
        .args(rate.map(|rate| rate.to_string()));
    let busy = server.busy()?;
    let printed = command::capture(&mut load)
        .with_context(|| format!("the load on {}", server.mode().name()))?;
    let busy = server.busy()?.saturating_sub(busy);
    let printed: Value = serde_json::from_str(&printed).context("what the load printed")?;
    let busy_us = busy.as_secs_f64() * 1e6 / number(&printed, "n_all")?;
    Ok((printed, busy_us))
}

fn number(printed: &Value, key: &str) -> Result<f64> {
    printed[key]
        .as_f64()
        .with_context(|| format!("the load printed no {key}"))
}

/// Rows of ones and gaps, which every feature of the model takes; one JSON object a line.
fn example_bodies() -> String {
    let mut text = String::new();
    let mut state = 1_u64;
    for _ in 0..N_BODIES {
        let values: Vec<String> = (0..N_FEATURES)
            .map(|_| {
                // Knuth's linear congruential generator; the upper bits are taken.
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                ["null", "1"][(state >> 63) as usize].to_owned()
            })
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{{\"features\":[{}]}}", values.join(","));
    }
    text
}

/// The median time that making 300 more bytes of a file durable takes.
fn fsync_cost(folder: &Path) -> Result<Duration> {
    let path = folder.join("sync-cost");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        file.write_all(&[b'x'; 300])?;
        let start = std::time::Instant::now();
        file.sync_data()?;
        times.push(start.elapsed());
    }
    std::fs::remove_file(&path)?;
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median, over the rounds, of a mode's throughput by that without recording in the same round.
fn ratio(one: &[Figures], without: &[Figures]) -> f64 {
    let ratios = one.iter().zip(without);
    median(
        ratios
            .map(|(one, other)| one.per_second / other.per_second)
            .collect(),
    )
}

/// The memory after the last round by that after the first.
fn growth(rounds: &[Figures]) -> f64 {
    let memory = |one: Option<&Figures>| one.map_or(f64::NAN, |it| it.resident_mb);
    memory(rounds.last()) / memory(rounds.first())
}

fn print(options: &Options, fsync: Duration, figures: &[Vec<Figures>]) {
    println!(
        "\nPOST /predict, one row; {} connections, servers on core {}, load on core {}; a sync takes {:.3} ms (median)\n\
         medians of {} rounds of {} s; latency at half of the throughput without recording\n",
        options.connections,
        options.cores[0],
        options.cores[1],
        fsync.as_secs_f64() * 1e3,
        options.rounds,
        options.seconds,
    );
    println!(
        "{:24} {:>11} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9}",
        "recorded", "requests/s", "µs busy", "p99 full", "p50 ms", "p99 ms", "MB first", "MB last"
    );
    for (mode, rounds) in MODES.iter().zip(figures) {
        let of = |pick: fn(&Figures) -> f64| median(rounds.iter().map(pick).collect());
        let memory = |one: Option<&Figures>| one.map_or(f64::NAN, |it| it.resident_mb);
        println!(
            "{:24} {:>11.0} {:>8.1} {:>8.3} {:>8.3} {:>8.3} {:>9.1} {:>9.1}",
            mode.name(),
            of(|it| it.per_second),
            of(|it| it.busy_us),
            of(|it| it.p99_full_ms),
            of(|it| it.p50_ms),
            of(|it| it.p99_ms),
            memory(rounds.first()),
            memory(rounds.last()),
        );
    }
    let n_answered: f64 = figures.iter().flatten().map(|it| it.n_answered).sum();
    println!("\n{n_answered:.0} requests, every one answered with 200");
    for (mode, rounds) in MODES.iter().zip(figures) {
        let grown = growth(rounds);
        let verdict = if grown <= MEMORY_TARGET {
            "flat"
        } else {
            "grown"
        };
        println!(
            "{}: memory last / first = {grown:.2}: {verdict}",
            mode.name()
        );
    }
    for (mode, rounds) in MODES.iter().zip(figures).skip(1) {
        let ratio = ratio(rounds, &figures[0]);
        let verdict = if ratio >= TARGET { "reached" } else { "missed" };
        println!(
            "{} / {} = {ratio:.2}; target {TARGET}: {verdict}",
            mode.name(),
            Mode::Off.name()
        );
    }
}

fn append_json(path: &Path, figures: &[Vec<Figures>]) -> Result<()> {
    let mut out = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("writing {}", path.display()))?;
    for (mode, rounds) in MODES.iter().zip(figures) {
        let of = |pick: fn(&Figures) -> f64| median(rounds.iter().map(pick).collect());
        let line = json!({
            "bench": "recording", "mode": mode.name(), "rounds": rounds.len(),
            "requests_per_s": of(|it| it.per_second), "busy_us": of(|it| it.busy_us),
            "p50_ms": of(|it| it.p50_ms), "p99_ms": of(|it| it.p99_ms),
            "p99_full_ms": of(|it| it.p99_full_ms), "n_answered": of(|it| it.n_answered),
            "memory_growth": growth(rounds),
            "ratio": ratio(rounds, &figures[0]),
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let figures = |per_second: f64| Figures {
            per_second,
            busy_us: 0.0,
            p99_full_ms: 0.0,
            n_answered: 0.0,
            p50_ms: 0.0,
            p99_ms: 0.0,
            resident_mb: 0.0,
        };
        // The third round was slow for both.
        let with = [80.0, 88.0, 8.0].map(figures);
        let without = [100.0, 110.0, 10.0].map(figures);
        assert!((ratio(&with, &without) - 0.8).abs() < 1e-9);
    }

    #[test]
    fn memory_is_compared_from_the_first_round_to_the_last() {
        let figures = |resident_mb: f64| Figures {
            per_second: 0.0,
            busy_us: 0.0,
            p99_full_ms: 0.0,
            n_answered: 0.0,
            p50_ms: 0.0,
            p99_ms: 0.0,
            resident_mb,
        };
        assert!((growth(&[20.0, 90.0, 25.0].map(figures)) - 1.25).abs() < 1e-9);
    }

    #[test]
    fn bodies_are_json_and_differ() {
        let text = example_bodies();
        let mut lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), N_BODIES as usize);
        let first: Value = serde_json::from_str(lines[0]).expect("JSON");
        assert_eq!(first["features"].as_array().map(Vec::len), Some(30));
        lines.sort_unstable();
        lines.dedup();
        assert!(lines.len() > 990);
    }
}
