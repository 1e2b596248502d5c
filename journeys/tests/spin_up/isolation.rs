//! Requests know nothing of each other: alone, together, after each other, and beside one that fails.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use picket_schema::Artifact;

use crate::stand::{Answer, Client, Host, Result, Stand, bundled, component, row, until};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

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
                format!("{{\"samples\":[{}]}}", rows.join(","))
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
    let rows = vec!["{\"features\":{}}"; 240_000].join(",");
    format!("{{\"samples\":[{rows}]}}")
}

/// Asks for a row again and again until told to stop, and counts the answers that were right; others are refusals.
fn ask(
    host: &Host,
    stop: &AtomicBool,
    body: &str,
    expected: &Answer,
    tolerated: &[u16],
    n_right: &AtomicUsize,
) -> Result<()> {
    let client = Client::new(host);
    while !stop.load(Ordering::SeqCst) {
        let answer = client.post("/predict", body)?;
        if answer.without_ids() == *expected {
            n_right.fetch_add(1, Ordering::SeqCst);
        } else {
            assert!(tolerated.contains(&answer.status), "{answer:?}");
            assert!(answer.body.contains("about:blank"), "{answer:?}");
        }
    }
    Ok(())
}

/// Hostile requests get one of the statuses; other requests at the same time are right, or get a tolerated one.
fn beside_failures(
    stand: &Stand,
    hostile: &str,
    statuses: &[u16],
    tolerated: &[u16],
) -> Result<()> {
    let host = stand.start()?;
    let client = Client::new(&host);
    let bytes = bundled(&client)?;
    let artifact = Artifact::decode(&bytes)?;
    let bodies: Vec<String> = (0..3).map(|number| row(&artifact, number)).collect();
    // What a tolerated status stands for is asked again: a machine with much to do may stop any request.
    let answered = |body: &str| -> Result<Answer> {
        let mut answer = None;
        until("an answer", || {
            let found = client.post("/predict", body)?.without_ids();
            let is_answer = !tolerated.contains(&found.status);
            answer = is_answer.then_some(found);
            Ok(is_answer)
        })?;
        answer.ok_or_else(|| "no answer".into())
    };
    let expected: Vec<Answer> = bodies
        .iter()
        .map(|body| answered(body))
        .collect::<Result<_>>()?;
    assert!(expected.iter().all(|it| it.status == 200), "{expected:?}");
    let stop = AtomicBool::new(false);
    let n_right = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let asking: Vec<_> = bodies
            .iter()
            .zip(&expected)
            .map(|(body, expected)| {
                let (host, stop, n_right) = (&host, &stop, &n_right);
                scope.spawn(move || ask(host, stop, body, expected, tolerated, n_right))
            })
            .collect();
        let failing = || -> Result<()> {
            // Three times, and as often as it takes until others were answered beside it.
            let start = Instant::now();
            let is_enough = || n_right.load(Ordering::SeqCst) > 10 || start.elapsed() > PATIENCE;
            for n_asked in 0.. {
                if n_asked >= 3 && is_enough() {
                    break;
                }
                let answer = client.post("/predict/batch", hostile)?;
                // No panic here: the others would go on for ever.
                if !statuses.contains(&answer.status) || !answer.body.contains("about:blank") {
                    return Err(format!("the hostile request got {}", answer.status).into());
                }
            }
            Ok(())
        };
        let failed = failing();
        stop.store(true, Ordering::SeqCst);
        for asking in asking {
            asking.join().map_err(|_| "a client panicked")??;
        }
        failed
    })?;
    assert!(n_right.into_inner() > 10, "nobody else was answered");
    for (body, expected) in bodies.iter().zip(&expected) {
        assert_eq!(answered(body)?, *expected);
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
        // Who shares an instance with the one that fails is refused, never answered wrongly.
        let tolerated: &[u16] = if concurrent > 1 { &[503] } else { &[] };
        beside_failures(&stand, &hostile(), &[503], tolerated)?;
    }
    Ok(())
}

#[test]
fn a_request_that_computes_too_long_is_stopped() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    let mut stand = Stand::new(&component, 1000)?;
    stand.config.concurrent = 1;
    stand.config.timeout = Duration::from_millis(150);
    let wide = "{\"metadata\":\"as long as it may be in a body\",\"features\":{}}";
    let rows = vec![wide; 240_000].join(",");
    // A machine with much to do may stop others too, but answers none of them wrongly.
    beside_failures(
        &stand,
        &format!("{{\"samples\":[{rows}]}}"),
        &[503, 504],
        &[503, 504],
    )
}

/// Clients that begin a request and send no more.
fn slow_clients(host: &Host) -> Result<Vec<TcpStream>> {
    let address = host.origin.strip_prefix("http://").ok_or("an address")?;
    let slow = (0..4).map(|_| {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(
            b"POST /predict HTTP/1.1\r\nhost: edge.test\r\ncontent-type: application/json\r\n\
              content-length: 100\r\n\r\n{\"features\":",
        )?;
        Ok(stream)
    });
    slow.collect()
}

#[test]
fn a_client_that_sends_no_more_holds_nobody_up() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    let mut stand = Stand::new(&component, 1000)?;
    // Longer than a request is held up that could be answered at once.
    stand.config.timeout = Duration::from_secs(10);
    let host = stand.start()?;
    let client = Client::new(&host);
    let bytes = bundled(&client)?;
    let artifact = Artifact::decode(&bytes)?;
    let body = row(&artifact, 1);
    let expected = client.post("/predict", &body)?.without_ids();
    let slow = slow_clients(&host)?;
    for _ in 0..20 {
        assert_eq!(client.post("/predict", &body)?.without_ids(), expected);
    }
    for mut stream in slow {
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        assert_eq!(&head, b"HTTP/1.1 504");
    }
    assert_eq!(client.post("/predict", &body)?.without_ids(), expected);
    Ok(())
}

#[test]
fn instances_that_are_all_held_up_hold_nobody_else_up() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    // Each of the slow clients has an instance for itself, and there may be fewer cores than that.
    let mut stand = Stand::new(&component, 1000)?;
    stand.config.concurrent = 1;
    // Longer than a client waits: whoever is answered did not wait for the slow ones.
    stand.config.timeout = Duration::from_mins(5);
    let host = stand.start()?;
    let client = Client::new(&host);
    let bytes = bundled(&client)?;
    let artifact = Artifact::decode(&bytes)?;
    let body = row(&artifact, 1);
    let expected = client.post("/predict", &body)?.without_ids();
    assert_eq!(expected.status, 200);
    let slow = slow_clients(&host)?;
    for _ in 0..20 {
        assert_eq!(client.post("/predict", &body)?.without_ids(), expected);
    }
    drop(slow);
    Ok(())
}
