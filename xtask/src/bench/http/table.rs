//! The table that is printed.

use super::engine::Engine;
use super::figures::Figures;
use crate::command;
use crate::repo::Repo;
use anyhow::{Context, Result};
use std::fmt::Write as _;

/// Ratios that the project holds itself to: two engines and the least that the first should reach.
const TARGETS: [(Engine, Engine, f64); 4] = [
    (Engine::PicketEdge, Engine::Fastapi, 100.0),
    (Engine::PicketEdge, Engine::AxumBare, 0.6),
    (Engine::PicketSpin, Engine::PicketEdge, 0.3),
    (Engine::PicketSpin, Engine::AxumBare, 0.3),
];

pub(super) fn print(repo: &Repo, figures: &Figures, cores: [u32; 2]) -> Result<()> {
    println!(
        "\nPOST /predict, one row of JSON; {}, servers on core {}, load on core {}",
        cpu()?,
        cores[0],
        cores[1]
    );
    println!("{}", versions(repo)?);
    println!(
        "medians over rounds; busy is the server's own time for a request, whoever else wants the core;\n\
         latency at half of saturation, from when a request was due\n"
    );
    println!(
        "{:14} {:>11} {:>7} {:>8} {:>8} {:>8} {:>8} {:>9} {:>8} {:>7}",
        "engine",
        "requests/s",
        "spread",
        "µs busy",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "p99.9 ms",
        "late p99",
        "RSS MB"
    );
    for engine in Engine::ALL {
        let Some(per_second) = figures.median(engine, "saturation", "requests/s", None) else {
            continue;
        };
        let half = |unit, percentile| figures.median(engine, "half", unit, percentile);
        let mut line = format!(
            "{:14} {per_second:>11.0} {:>6.1}% {:>8.1}",
            engine.name(),
            100.0 * figures.spread(engine, "saturation").unwrap_or(f64::NAN),
            figures
                .median(engine, "saturation", "us/request", None)
                .unwrap_or(f64::NAN)
        );
        for (percentile, width) in [("50", 8), ("90", 8), ("99", 8), ("99.9", 9)] {
            let ms = half("ms", Some(percentile)).unwrap_or(f64::NAN);
            write!(line, " {ms:>width$.3}")?;
        }
        println!(
            "{line} {:>8.3} {:>7.1}",
            half("ms late", Some("99")).unwrap_or(f64::NAN),
            half("MB", None).unwrap_or(f64::NAN)
        );
    }
    println!();
    for (one, other, least) in TARGETS {
        if let Some(ratio) = figures.ratio(one, other) {
            let verdict = if ratio >= least { "reached" } else { "missed" };
            let busy = |engine| figures.median(engine, "saturation", "us/request", None);
            let by_busy = busy(other).unwrap_or(f64::NAN) / busy(one).unwrap_or(f64::NAN);
            println!(
                "{} / {} = {ratio:.2}; target {least}: {verdict} (by busy time {by_busy:.2})",
                one.name(),
                other.name()
            );
        }
    }
    Ok(())
}

fn cpu() -> Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").context("reading /proc/cpuinfo")?;
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Ok(model.map_or_else(|| "unknown CPU".to_owned(), |(_, name)| name.to_owned()))
}

fn versions(repo: &Repo) -> Result<String> {
    let rustc = command::capture(repo.command("rustc").arg("--version"))?;
    let lock = std::fs::read_to_string(repo.root.join("Cargo.lock"))?;
    let locked = |name: &str| {
        let entry = format!("name = \"{name}\"\nversion = \"");
        let version = lock.split_once(&entry).map_or("?", |(_, rest)| rest);
        format!("{name} {}", version.split('"').next().unwrap_or("?"))
    };
    let pinned = std::fs::read_to_string(repo.root.join("xtask/bench/requirements.txt"))?;
    let mut parts = vec![rustc.trim().to_owned()];
    parts.extend(["wasmtime", "hyper", "axum", "tokio"].map(locked));
    parts.extend(
        pinned
            .lines()
            .filter(|line| {
                ["fastapi", "uvicorn", "scikit-learn"]
                    .iter()
                    .any(|name| line.starts_with(name))
            })
            .map(|line| line.replace("==", " ")),
    );
    Ok(parts.join(", "))
}
