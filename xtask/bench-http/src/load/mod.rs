//! The load: requests over many connections from one thread that never sleeps.
//!
//! Of our own, because the servers are measured at more requests a second than tools with a timer of a
//! millisecond can time: `wrk` has no constant rate at all, and those that have one (vegeta, oha, wrk2) take
//! more of a core for a request than the servers here do, or send in bursts. This one looks at the clock
//! between any two system calls, and reports how late it sent: numbers of a load that is late say nothing.

mod answer;
mod connection;
mod latency;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mio::{Events, Interest, Poll, Token};

use connection::Connection;
use latency::Latencies;

/// What to send, and how.
struct Plan {
    target: SocketAddr,
    /// Whole requests; each time a random one is sent.
    requests: Vec<Vec<u8>>,
    n_connections: usize,
    warm_up: Duration,
    measured: Duration,
    seed: u64,
    /// Requests a second; without it every connection sends as soon as it has its answer.
    rate: Option<f64>,
}

/// Sends the load and prints what came of it as one JSON object.
///
/// # Errors
/// That an argument is wrong, a connection breaks, or an answer is not 200.
pub(crate) fn run(target: SocketAddr, words: &[&str]) -> Result<()> {
    let plan = Plan::parse(target, words)?;
    println!("{}", send(&plan)?);
    Ok(())
}

impl Plan {
    fn parse(target: SocketAddr, words: &[&str]) -> Result<Self> {
        let [
            path,
            bodies,
            n_connections,
            warm_up,
            measured,
            seed,
            rate @ ..,
        ] = words
        else {
            bail!("{}", crate::USAGE);
        };
        let seconds =
            |word: &str| -> Result<Duration> { Ok(Duration::try_from_secs_f64(word.parse()?)?) };
        let bodies = std::fs::read_to_string(bodies).with_context(|| (*bodies).to_owned())?;
        let requests: Vec<Vec<u8>> = bodies
            .lines()
            .map(|body| {
                let n_bytes = body.len();
                format!(
                    "POST {path} HTTP/1.1\r\nhost: {target}\r\ncontent-type: application/json\r\n\
                     content-length: {n_bytes}\r\n\r\n{body}"
                )
                .into_bytes()
            })
            .collect();
        if requests.is_empty() {
            bail!("there is no body to send");
        }
        let rate = rate.first().map(|word| word.parse::<f64>()).transpose()?;
        if rate.is_some_and(|rate| rate.is_nan() || rate <= 0.0) {
            bail!("the rate is not positive");
        }
        Ok(Self {
            target,
            requests,
            n_connections: n_connections.parse()?,
            warm_up: seconds(warm_up)?,
            measured: seconds(measured)?,
            seed: seed.parse()?,
            rate,
        })
    }
}

/// When the next request is to be sent.
struct Schedule {
    start: Instant,
    interval: Option<Duration>,
    n_sent: u32,
}

impl Schedule {
    /// The moment at which the next request is due, where it is due already.
    fn due(&self, now: Instant) -> Option<Instant> {
        let Some(interval) = self.interval else {
            return Some(now);
        };
        let due = self.start + interval * self.n_sent;
        (due <= now).then_some(due)
    }
}

fn send(plan: &Plan) -> Result<serde_json::Value> {
    let mut poll = Poll::new()?;
    let mut connections = Vec::with_capacity(plan.n_connections);
    for connection_idx in 0..plan.n_connections {
        let mut connection = Connection::open(plan.target)?;
        poll.registry().register(
            connection.stream(),
            Token(connection_idx),
            Interest::READABLE,
        )?;
        connections.push(connection);
    }
    let mut idle: Vec<usize> = (0..plan.n_connections).collect();
    let mut events = Events::with_capacity(plan.n_connections);
    let mut random = plan.seed | 1;
    let start = Instant::now();
    let (from, until) = (start + plan.warm_up, start + plan.warm_up + plan.measured);
    let mut schedule = Schedule {
        start,
        interval: plan.rate.map(|rate| Duration::from_secs_f64(1.0 / rate)),
        n_sent: 0,
    };
    let (mut latencies, mut lateness) = (Latencies::default(), Latencies::default());
    let mut n_all: u64 = 0;
    loop {
        let now = Instant::now();
        if now >= until {
            break;
        }
        // A request that finds every connection busy waits, and its latency counts from when it was due:
        // a slow server does not get a lighter load for being slow.
        while let Some(connection_idx) = idle.last().copied() {
            let now = Instant::now();
            let Some(due) = schedule.due(now) else { break };
            idle.pop();
            schedule.n_sent += 1;
            random = next(random);
            let request = &plan.requests[(random >> 33) as usize % plan.requests.len()];
            connections[connection_idx].send(request, due)?;
            if due >= from {
                lateness.push(now - due);
            }
        }
        poll.poll(&mut events, Some(Duration::ZERO))?;
        for event in &events {
            let connection_idx = event.token().0;
            let connection = &mut connections[connection_idx];
            if connection.receive()? {
                n_all += 1;
                let now = Instant::now();
                if connection.due() >= from && now < until {
                    latencies.push(now - connection.due());
                }
                idle.push(connection_idx);
            }
        }
    }
    let n_answered = latencies.len();
    if n_answered == 0 {
        bail!("no request was answered in time");
    }
    let (answered, late) = (latencies.sorted(), lateness.sorted());
    Ok(serde_json::json!({
        "n_answered": n_answered,
        // The warm-up's too: what the server's time is divided by.
        "n_all": n_all,
        "requests_per_s": n_answered as f64 / plan.measured.as_secs_f64(),
        "p50_ms": answered.percentile(50.0),
        "p90_ms": answered.percentile(90.0),
        "p99_ms": answered.percentile(99.0),
        "p999_ms": answered.percentile(99.9),
        "max_ms": answered.percentile(100.0),
        "late_p99_ms": late.percentile(99.0),
        // The load looks at what it gets: a server that gave one answer to all rows would show.
        "n_distinct_answers": connection::distinct(&connections),
    }))
}

/// Knuth's linear congruential generator; the upper bits are taken.
fn next(state: u64) -> u64 {
    state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407)
}
