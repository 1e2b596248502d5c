//! How long the trainer's service takes to answer while two trainings run.

use crate::args::Args;
use crate::http;
use crate::repo::Repo;
use crate::service::RunningService;
use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// What a dashboard asks for again and again.
const PATHS: [&str; 6] = ["/health", "/task", "/runs", "/models", "/drift", "/metrics"];
const GOAL: Duration = Duration::from_millis(100);

pub(super) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    let seconds: u64 = args.value("--seconds")?.unwrap_or(20);
    args.finish()?;
    let cargo = ["build", "--release", "--package", "picket-trainer"];
    crate::command::run(repo.cargo().args(cargo))?;
    let trainer = repo.target.join("release/trainer");
    let service = RunningService::start(repo, &trainer, "bench")?;
    service.train_and_promote()?;
    let address = service.address()?;
    let mut times: Vec<(Duration, &str)> = Vec::new();
    let start = Instant::now();
    let mut trained = 0;
    while start.elapsed() < Duration::from_secs(seconds) {
        // Two trainings are always under way or waiting.
        let (_, tasks) = http::get(address, "/task?limit=4")?;
        let tasks: serde_json::Value = serde_json::from_str(&tasks)?;
        let is_open = |task: &&serde_json::Value| {
            matches!(task["status"].as_str(), Some("PENDING" | "STARTED"))
        };
        let n_open = tasks["tasks"]
            .as_array()
            .map_or(0, |all| all.iter().filter(is_open).count());
        for _ in n_open..2 {
            service.train()?;
            trained += 1;
        }
        for path in PATHS {
            let asked = Instant::now();
            let (status, body) = http::get(address, path)?;
            times.push((asked.elapsed(), path));
            if status != 200 {
                bail!("{path} answered {status}: {body}");
            }
        }
    }
    println!("{trained} trainings were begun meanwhile\n");
    println!(
        "{:<12}{:>10}{:>12}{:>12}",
        "path", "answers", "p50 ms", "p99 ms"
    );
    let mut is_met = true;
    for path in PATHS {
        let mut of_path: Vec<Duration> = times
            .iter()
            .filter(|(_, asked)| *asked == path)
            .map(|(time, _)| *time)
            .collect();
        of_path.sort_unstable();
        let at = |share: f64| {
            let place = (of_path.len() as f64 * share) as usize;
            of_path[place.min(of_path.len() - 1)]
        };
        let (p50, p99) = (at(0.5), at(0.99));
        is_met &= p99 < GOAL;
        println!(
            "{path:<12}{:>10}{:>12.2}{:>12.2}",
            of_path.len(),
            p50.as_secs_f64() * 1000.0,
            p99.as_secs_f64() * 1000.0
        );
    }
    let verdict = if is_met { "met" } else { "not met" };
    println!(
        "\nthe goal, a p99 under {} ms, is {verdict}",
        GOAL.as_millis()
    );
    Ok(())
}
