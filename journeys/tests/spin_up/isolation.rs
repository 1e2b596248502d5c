//! Requests know nothing of each other: alone, together, after each other, and beside one that fails.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use picket_schema::Artifact;

use crate::stand::{Answer, Client, Host, Result, Stand, bundled, component, row};

/// Requests with different answers: rows, explanations, batches, faults.
fn requests(artifact: &Artifact<'_>) -> Vec<(String, String)> {
    let mut requests = Vec::new();
    for number in 0..40 {
        let body = row(artifact, number);
        let path = match number % 4 {
            0 => "/predict?explain=true",
            3 => "/predict/batch",
            _ => "/predict",
        };
        let body = match (path, number % 8) {
            ("/predict/batch", _) => {
                let rows: Vec<String> = (0..200).map(|i| row(artifact, number * 200 + i)).collect();
                format!("[{}]", rows.join(","))
            }
            (_, 5) => body[..body.len() / 2].to_owned(),
            (_, 6) => format!("{{\"metadata\":{{\"number\":{number}}},{}", &body[1..]),
            _ => body,
        };
        requests.push((path.to_owned(), body));
    }
    requests
}

fn alone(host: &Host, requests: &[(String, String)]) -> Result<Vec<Answer>> {
    let client = Client::new(host);
    let answers = requests.iter();
    answers
        .map(|(path, body)| Ok(client.post(path, body)?.without_ids()))
        .collect()
}

/// Every request from several connections at once, in different orders.
fn together(host: &Host, requests: &[(String, String)], expected: &[Answer]) -> Result<()> {
    std::thread::scope(|scope| {
        let talk = |offset: usize| -> Result<()> {
            let client = Client::new(host);
            for turn in 0..2 * requests.len() {
                let at = (offset * 7 + turn * 3) % requests.len();
                let (path, body) = &requests[at];
                let answer = client.post(path, body)?.without_ids();
                assert_eq!(answer, expected[at], "{path} {at}");
            }
            Ok(())
        };
        let clients: Vec<_> = (0..8)
            .map(|offset| scope.spawn(move || talk(offset)))
            .collect();
        for client in clients {
            client.join().map_err(|_| "a client panicked")??;
        }
        Ok(())
    })
}

#[test]
fn answers_are_the_same_alone_and_together() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    let reference = Stand::new(&component, 1)?;
    let host = reference.start()?;
    let bytes = bundled(&Client::new(&host))?;
    let artifact = Artifact::decode(&bytes)?;
    let requests = requests(&artifact);
    let expected = alone(&host, &requests)?;
    for status in [200, 400] {
        assert!(expected.iter().any(|answer| answer.status == status));
    }
    together(&host, &requests, &expected)?;
    drop(host);
    for concurrent in [1, 16] {
        let mut stand = Stand::new(&component, 100_000)?;
        stand.config.concurrent = concurrent;
        let host = stand.start()?;
        assert_eq!(alone(&host, &requests)?, expected, "after each other");
        together(&host, &requests, &expected)?;
        // The counters tell that few instances answered all that.
        let client = Client::new(&host);
        let page = client.get("/metrics")?.body;
        let counted: u64 = page
            .lines()
            .filter(|line| line.starts_with("picket_requests_total{route=\"/predict"))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
            .sum();
        assert!(counted > 40, "instances were not reused: {counted}\n{page}");
    }
    Ok(())
}

/// A body that costs far more memory than it has bytes.
fn hostile() -> String {
    format!("[{}]", vec!["{\"features\":{}}"; 240_000].join(","))
}

/// Asks for a row again and again until told to stop; says how many answers were right and how many were refused.
fn ask(
    host: &Host,
    stop: &AtomicBool,
    body: &str,
    expected: &Answer,
    may_fail: bool,
) -> Result<(usize, usize)> {
    let client = Client::new(host);
    let (mut n_right, mut n_refused) = (0, 0);
    while !stop.load(Ordering::SeqCst) {
        let answer = client.post("/predict", body)?;
        if answer.without_ids() == *expected {
            n_right += 1;
        } else {
            assert!(may_fail && answer.status == 503, "{answer:?}");
            assert!(answer.body.contains("instance failed"), "{answer:?}");
            n_refused += 1;
        }
    }
    Ok((n_right, n_refused))
}

fn beside_failures(stand: &Stand, hostile: &str, statuses: &[u16]) -> Result<()> {
    let may_fail = stand.config.concurrent > 1 && stand.config.reuse > 1;
    let host = stand.start()?;
    let client = Client::new(&host);
    let bytes = bundled(&client)?;
    let artifact = Artifact::decode(&bytes)?;
    let bodies: Vec<String> = (0..3).map(|number| row(&artifact, number)).collect();
    let expected: Vec<Answer> = bodies
        .iter()
        .map(|body| Ok(client.post("/predict", body)?.without_ids()))
        .collect::<Result<_>>()?;
    let stop = AtomicBool::new(false);
    let n_right = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let asking: Vec<_> = bodies
            .iter()
            .zip(&expected)
            .map(|(body, expected)| {
                let (host, stop) = (&host, &stop);
                scope.spawn(move || ask(host, stop, body, expected, may_fail))
            })
            .collect();
        let failing = || -> Result<()> {
            for _ in 0..3 {
                let answer = client.post("/predict/batch", hostile)?;
                assert!(statuses.contains(&answer.status), "{}", answer.status);
                assert!(answer.body.contains("about:blank"), "{}", answer.body);
            }
            Ok(())
        };
        let failed = failing();
        stop.store(true, Ordering::SeqCst);
        for asking in asking {
            let (right, _) = asking.join().map_err(|_| "a client panicked")??;
            n_right.fetch_add(right, Ordering::SeqCst);
        }
        failed
    })?;
    assert!(n_right.into_inner() > 10, "nobody else was answered");
    for (body, expected) in bodies.iter().zip(&expected) {
        assert_eq!(client.post("/predict", body)?.without_ids(), *expected);
    }
    Ok(())
}

#[test]
fn a_request_that_takes_all_memory_fails_alone() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    for (reuse, concurrent) in [(1, 1), (1000, 1), (1000, 16)] {
        let mut stand = Stand::new(&component, reuse)?;
        stand.config.concurrent = concurrent;
        stand.config.max_memory = 12 << 20;
        beside_failures(&stand, &hostile(), &[503])?;
    }
    Ok(())
}

#[test]
fn a_request_that_takes_too_long_fails_alone() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    for (reuse, concurrent) in [(1, 1), (1000, 1)] {
        let mut stand = Stand::new(&component, reuse)?;
        stand.config.concurrent = concurrent;
        // A single row takes a small part of it, even on a machine with much to do.
        stand.config.timeout = Duration::from_millis(1500);
        let client_side = {
            let host = stand.start()?;
            bundled(&Client::new(&host))?
        };
        let artifact = Artifact::decode(&client_side)?;
        let rows: Vec<String> = (0..50_000).map(|number| row(&artifact, number)).collect();
        let hostile = format!("[{}]", rows.join(","));
        // The component has a limit of its own for bodies.
        let hostile = if hostile.len() > 16 << 20 {
            let cut = &hostile[..15 << 20];
            let end = cut.rfind("},{").ok_or("rows")?;
            format!("{}}}]", &cut[..end])
        } else {
            hostile
        };
        stand.config.timeout = Duration::from_millis(120);
        let _ = &hostile;
        let stand_result = beside_failures(&stand, &hostile, &[503, 504]);
        stand_result?;
    }
    Ok(())
}
