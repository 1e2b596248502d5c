//! One measurement: the load on its own core.

use super::engine::Server;
use super::prepare::Prepared;
use crate::command;
use crate::repo::Repo;
use anyhow::{Context, Result};
use serde_json::Value;

/// Before anything is measured, in seconds.
const WARM_UP: &str = "0.3";

pub(super) struct Load {
    pub(super) core: u32,
    pub(super) connections: u32,
    pub(super) seconds: f64,
    pub(super) seed: u32,
    /// Requests a second, else as many as the server answers.
    pub(super) rate: Option<f64>,
}

pub(super) struct Answered {
    pub(super) per_second: f64,
    /// Name and milliseconds.
    pub(super) percentiles: Vec<(&'static str, f64)>,
    /// The 99th percentile of how late the load itself was, in milliseconds.
    pub(super) late_ms: f64,
    pub(super) n_distinct_answers: u64,
    /// The server's own time for a request, on all its threads, in microseconds.
    pub(super) busy_us: f64,
}

impl Load {
    pub(super) fn send(
        &self,
        repo: &Repo,
        prepared: &Prepared,
        server: &Server,
    ) -> Result<Answered> {
        let mut load = repo.command("taskset");
        load.args(["--cpu-list", &self.core.to_string()])
            .arg(&prepared.others)
            .args(["load", &server.address().to_string()])
            .arg(server.engine().path())
            .arg(&prepared.bodies)
            .args([&self.connections.to_string(), WARM_UP])
            .args([self.seconds.to_string(), self.seed.to_string()])
            .args(self.rate.map(|rate| rate.to_string()));
        let busy = server.busy()?;
        let printed = command::capture(&mut load)
            .with_context(|| format!("the load on {}", server.engine().name()))?;
        let busy = server.busy()?.saturating_sub(busy);
        let printed: Value = serde_json::from_str(&printed).context("what the load printed")?;
        let number = |key: &str| {
            printed[key]
                .as_f64()
                .with_context(|| format!("the load printed no {key}"))
        };
        Ok(Answered {
            per_second: number("requests_per_s")?,
            percentiles: vec![
                ("50", number("p50_ms")?),
                ("90", number("p90_ms")?),
                ("99", number("p99_ms")?),
                ("99.9", number("p999_ms")?),
            ],
            late_ms: number("late_p99_ms")?,
            n_distinct_answers: number("n_distinct_answers")? as u64,
            busy_us: busy.as_secs_f64() * 1e6 / number("n_all")?,
        })
    }
}
