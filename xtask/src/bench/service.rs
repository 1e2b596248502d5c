//! How long the trainer's service takes to answer while two trainings run.
//!
//! Before anything is timed the answers are held against what they should be: the scores are those of
//! `trainer score` with the same model, and the lists have what was trained and promoted.

use crate::args::Args;
use crate::http;
use crate::repo::Repo;
use crate::service::RunningService;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const GOAL: Duration = Duration::from_millis(100);
/// Of the looks at the tasks, so many must see two trainings at work.
const MIN_BUSY: f64 = 0.5;
/// Between two requests: a token, or this machine, may send 1200 a minute.
const PACE: Duration = Duration::from_millis(55);
/// Rows that the trainings learn from, so that one lasts.
const TRAINING_ROWS: u32 = 20_000;
/// Rows that a request to score has.
const N_ROWS: usize = 20;

/// A request that is sent again and again.
struct Route {
    name: &'static str,
    method: &'static str,
    path: String,
    headers: &'static [&'static str],
    body: String,
}

impl Route {
    fn get(name: &'static str, path: impl Into<String>) -> Self {
        Self {
            name,
            method: "GET",
            path: path.into(),
            headers: &[],
            body: String::new(),
        }
    }

    fn ask(&self, address: SocketAddr) -> Result<(Duration, String)> {
        let asked = Instant::now();
        let (status, body) =
            http::send(address, self.method, &self.path, self.headers, &self.body)?;
        let took = asked.elapsed();
        ensure!(status == 200, "{} answered {status}: {body}", self.name);
        Ok((took, body))
    }
}

/// What a dashboard and its readers ask for, and rows to score.
fn routes(task: &str, rows: &str) -> Vec<Route> {
    let post = |name, path: &str, headers, body: &str| Route {
        name,
        method: "POST",
        path: path.to_owned(),
        headers,
        body: body.to_owned(),
    };
    vec![
        Route::get("GET /home", "/home"),
        Route::get("GET /live", "/live"),
        Route::get("GET /alerts", "/alerts"),
        Route::get("GET /health", "/health"),
        Route::get("GET /ready", "/ready"),
        Route::get("GET /metrics", "/metrics"),
        Route::get("GET /task", "/task"),
        Route::get("GET /task/{id}", format!("/task/{task}")),
        Route::get("GET /runs", "/runs"),
        Route::get("GET /runs/{id}", format!("/runs/{task}")),
        Route::get("GET /models", "/models"),
        Route::get("GET /drift", "/drift"),
        Route::get("GET /feedback/stats", "/feedback/stats"),
        Route::get("GET /openapi.json", "/openapi.json"),
        post(
            "POST /predict",
            "/predict",
            &["content-type: text/csv", "accept: text/csv"],
            rows,
        ),
    ]
}

pub(super) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    let seconds: u64 = args.value("--seconds")?.unwrap_or(60);
    let is_dev = args.flag("--dev");
    args.finish()?;
    let (cargo, place): (&[&str], _) = if is_dev {
        // As the tests build it, so that nothing is built a second time with other features.
        (
            &["test", "--workspace", "--test", "service", "--no-run"],
            "debug/trainer",
        )
    } else {
        (
            &["build", "--release", "--package", "picket-trainer"],
            "release/trainer",
        )
    };
    crate::command::run(repo.cargo().args(cargo))?;
    let trainer = repo.target.join(place);
    let more = [
        "--trainings",
        "2",
        "--per-schema",
        "2",
        "--look-every",
        "1s",
    ];
    let service = RunningService::start(repo, &trainer, "bench", TRAINING_ROWS, &more)?;
    let task = service.train_and_promote()?;
    let address = service.address()?;
    let rows = first_rows(&std::fs::read_to_string(service.rows())?);
    let routes = routes(&task, &rows);
    agree(repo, &service, &trainer, &task, &routes, &rows)?;

    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); routes.len()];
    let (start, mut n_looks, mut n_busy, mut n_begun) = (Instant::now(), 0_u32, 0_u32, 0_u32);
    while start.elapsed() < Duration::from_secs(seconds) {
        let (n_open, n_started) = under_way(address)?;
        n_looks += 1;
        n_busy += u32::from(n_started >= 2);
        for _ in n_open..2 {
            begin(address, n_begun)?;
            n_begun += 1;
        }
        for (route, times) in routes.iter().zip(&mut times) {
            times.push(route.ask(address)?.0);
            std::thread::sleep(PACE);
        }
    }
    let share = f64::from(n_busy) / f64::from(n_looks.max(1));
    println!(
        "{} build; {n_begun} trainings were begun meanwhile; two were at work in {:.0} % of {n_looks} looks; a connection for \
         every request\n",
        if is_dev { "development" } else { "release" },
        100.0 * share
    );
    let worst = print_table(&routes, &mut times);
    ensure!(
        share >= MIN_BUSY,
        "the trainings did not run side by side: the goal was not measured"
    );
    let verdict = if worst < GOAL { "met" } else { "not met" };
    println!(
        "\nthe goal, a p99 under {} ms on every route, is {verdict}",
        GOAL.as_millis()
    );
    Ok(())
}

/// Prints a line for each route, and gives the largest p99.
fn print_table(routes: &[Route], times: &mut [Vec<Duration>]) -> Duration {
    println!(
        "{:<22}{:>10}{:>10}{:>10}{:>10}",
        "route", "answers", "p50 ms", "p99 ms", "max ms"
    );
    let mut worst = Duration::ZERO;
    for (route, times) in routes.iter().zip(times) {
        times.sort_unstable();
        let (p50, p99) = (quantile(times, 0.5), quantile(times, 0.99));
        worst = worst.max(p99);
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        println!(
            "{:<22}{:>10}{:>10.2}{:>10.2}{:>10.2}",
            route.name,
            times.len(),
            ms(p50),
            ms(p99),
            ms(quantile(times, 1.0))
        );
    }
    worst
}

/// The smallest time that at least such a share of the times does not exceed.
fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    let place = place.clamp(1, sorted.len().max(1)) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

fn first_rows(csv: &str) -> String {
    let lines: Vec<&str> = csv.lines().take(N_ROWS + 1).collect();
    lines.join("\n") + "\n"
}

/// Holds every answer against what it should be.
fn agree(
    repo: &Repo,
    service: &RunningService,
    trainer: &std::path::Path,
    task: &str,
    routes: &[Route],
    rows: &str,
) -> Result<()> {
    let address = service.address()?;
    for route in routes {
        let (_, body) = route.ask(address)?;
        let parsed = || -> Result<Value> {
            serde_json::from_str(&body).with_context(|| format!("{}: {body}", route.name))
        };
        let is_right = match route.name {
            "GET /home" => body.contains("<html"),
            "GET /metrics" => body.contains("picket_queue_unfinished"),
            "GET /task" => parsed()?["tasks"][0]["task_id"] == task,
            "GET /task/{id}" => parsed()?["status"] == "SUCCESS",
            "GET /runs" => parsed()?["total"] == 1,
            "GET /runs/{id}" => body.contains(task),
            "GET /models" => parsed()?["champion"] == 1,
            "POST /predict" => {
                let place = service.rows().with_file_name("few.csv");
                std::fs::write(&place, rows)?;
                let model = service.store().join("releases/1/model.picket");
                let mut command = repo.command(trainer);
                command.arg("score").arg("--model").arg(model);
                let by_hand = crate::command::capture(command.arg("--data").arg(&place))?;
                let (found, expected) = (scores(&body)?, scores(&by_hand)?);
                expected.len() == N_ROWS && found == expected
            }
            _ => route.name == "GET /home" || parsed()?.is_object() || body == "ok",
        };
        ensure!(is_right, "{} answered something else: {body}", route.name);
    }
    println!("every answer agrees; {N_ROWS} scores are those of `trainer score`");
    Ok(())
}

/// The column `score` of a CSV text without quotes.
fn scores(csv: &str) -> Result<Vec<f64>> {
    let mut lines = csv.lines();
    let header = lines.next().unwrap_or_default();
    let place = header.split(',').position(|name| name == "score");
    let place = place.with_context(|| format!("no column `score` in {header}"))?;
    lines
        .map(|line| {
            let cell = line.split(',').nth(place).context("a short line")?;
            cell.parse().with_context(|| format!("the score {cell}"))
        })
        .collect()
}

/// How many trainings have not ended, and how many of these a worker is at.
fn under_way(address: SocketAddr) -> Result<(usize, usize)> {
    let (_, tasks) = http::get(address, "/task?limit=10")?;
    let tasks: Value = serde_json::from_str(&tasks)?;
    let of = |status: &str| {
        let all = tasks["tasks"].as_array().into_iter().flatten();
        all.filter(|task| task["status"] == status).count()
    };
    Ok((of("PENDING") + of("STARTED"), of("STARTED")))
}

/// Begins a training that takes a while; each has its own seed, so that none finds the results of another.
fn begin(address: SocketAddr, number: u32) -> Result<()> {
    let settings = json!({
        "seed": 100 + number,
        "search": {"candidates": [{"model": "boosting", "n_trees": [600, 900, 1200], "max_depth": 8}]},
        "publish": {"promote": false},
    });
    let headers = ["content-type: application/json"];
    let (status, body) = http::send(address, "POST", "/train", &headers, &settings.to_string())?;
    ensure!(status == 202, "POST /train answered {status}: {body}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_were_seen() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(quantile(&times, 0.5), Duration::from_millis(100));
        assert_eq!(quantile(&times, 0.99), Duration::from_millis(198));
        assert_eq!(quantile(&times, 1.0), Duration::from_millis(200));
        assert_eq!(quantile(&times[..1], 0.99), Duration::from_millis(1));
        assert_eq!(quantile(&[], 0.99), Duration::ZERO);
    }

    #[test]
    fn scores_are_read_by_their_column() {
        let found = scores("a,score,verdict\n1,0.25,x\n2,1,y\n").expect("scores");
        assert_eq!(found, [0.25, 1.0]);
        assert!(scores("a,b\n1,2\n").is_err());
    }
}
