//! Traces at a collector of the test's own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use picket_edge_runtime::ServerOptions;
use picket_telemetry::{TelemetryError, Tracer, TracerConfig};
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Scene, Tested, header, request, status};

/// Takes one request and gives its path and body.
fn one_request(
    listener: &TcpListener,
) -> Result<(String, Value), Box<dyn std::error::Error + Send + Sync>> {
    let (stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    reader
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")?;
    Ok((first, serde_json::from_slice(&body)?))
}

#[test]
fn a_span_goes_to_the_collector_with_its_parent() -> Tested {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let tracer = Tracer::start(&TracerConfig {
        endpoint: format!("http://{}/", listener.local_addr()?),
        share: 0.0,
        service: "picket-edge-runtime",
        version: "1",
    })?;
    let collecting = std::thread::spawn(move || one_request(&listener));
    let scene = Scene::start(ServerOptions {
        tracer: Some(Arc::new(tracer)),
        ..ServerOptions::default()
    })?;
    // Not sampled by the share; the second is by its client's decision.
    assert_eq!(
        status(&scene.ask(&request("GET", "/health", &[], ""))?),
        200
    );
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [
        ("traceparent", parent),
        ("x-request-id", "r-1"),
        ("content-type", "application/json"),
    ];
    let answer = scene.ask(&request(
        "POST",
        "/predict?secret=yes",
        &headers,
        "{\"features\":{}}",
    ))?;
    let version = header(&answer, "picket-model-version")
        .ok_or("a version")?
        .to_owned();
    let code = status(&answer);
    let (first, body) = collecting
        .join()
        .map_err(|_| "a panic")?
        .map_err(|it| it.to_string())?;
    assert!(first.starts_with("POST /v1/traces "), "{first}");
    assert!(!body.to_string().contains("secret"), "{body}");
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array()
        .ok_or("spans")?;
    let [span] = spans.as_slice() else {
        return Err(format!("one span: {body}").into());
    };
    assert_eq!(span["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span["parentSpanId"], "b7ad6b7169203331");
    assert_eq!(span["spanId"].as_str().map(str::len), Some(16));
    assert_eq!(
        (&span["name"], &span["kind"]),
        (&json!("POST /predict"), &json!(2))
    );
    let attributes = span["attributes"].to_string();
    for expected in [
        format!("\"{version}\""),
        format!("\"{code}\""),
        "\"r-1\"".to_owned(),
    ] {
        assert!(attributes.contains(&expected), "{expected}: {attributes}");
    }
    let nanos = |key: &str| span[key].as_str().and_then(|it| it.parse::<u128>().ok());
    let (start, end) = (nanos("startTimeUnixNano"), nanos("endTimeUnixNano"));
    assert!(start.is_some() && start <= end, "{span}");
    assert_eq!(
        body["resourceSpans"][0]["resource"]["attributes"][0]["value"]["stringValue"],
        "picket-edge-runtime"
    );
    Ok(())
}

#[test]
fn a_collector_that_is_down_costs_no_request() -> Tested {
    // A port that no listener of another test is given.
    let gone = "127.0.0.1:9";
    let tracer = Tracer::start(&TracerConfig {
        endpoint: format!("http://{gone}"),
        share: 1.0,
        service: "picket-edge-runtime",
        version: "1",
    })?;
    let scene = Scene::start(ServerOptions {
        tracer: Some(Arc::new(tracer)),
        ..ServerOptions::default()
    })?;
    for _ in 0..20 {
        assert_eq!(
            status(&scene.ask(&request("GET", "/health", &[], ""))?),
            200
        );
    }
    let wrong = Tracer::start(&TracerConfig {
        endpoint: "localhost:4317".to_owned(),
        share: 0.0,
        service: "picket-edge-runtime",
        version: "1",
    });
    assert!(matches!(wrong, Err(TelemetryError::Endpoint { .. })));
    Ok(())
}
