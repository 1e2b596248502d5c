//! The same request gets the same bytes from the device host, where the model runs in a component
//! under wasmtime, and from the Spin component, where it runs inside.

mod spin_host;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use bytes::Bytes;
use picket_edge_runtime::{HostConfig, PoolConfig, Server};
use picket_schema::Artifact;
use picket_service::Limits;
use spin_host::SpinHost;

/// A request that both hosts get.
struct Golden {
    what: String,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    /// The status expected where the model reads the phishing schema.
    status: Option<u16>,
}

impl Golden {
    fn request(&self, origin: &str) -> Result<http::Request<Bytes>, http::Error> {
        let mut request = http::Request::builder();
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let uri = format!("{origin}{}", self.path);
        request
            .method(self.method.as_str())
            .uri(uri)
            .body(Bytes::from(self.body.clone()))
    }
}

fn read(text: &str) -> Result<Vec<Golden>, Box<dyn Error>> {
    let requests: Vec<serde_json::Value> = serde_json::from_str(text)?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let golden = |request: serde_json::Value| {
        let headers = request["headers"].as_object().into_iter().flatten();
        Golden {
            what: text(&request["what"]),
            method: text(&request["method"]),
            path: text(&request["path"]),
            headers: headers
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            body: text(&request["body"]).into_bytes(),
            status: request["status"].as_u64().map(|status| status as u16),
        }
    };
    Ok(requests.into_iter().map(golden).collect())
}

/// Rows drawn from the model's own schema, as CSV: works for whatever model is in the component.
fn drawn_csv(artifact: &Artifact<'_>, n_rows: usize) -> String {
    use picket_schema::Domain;

    let features = &artifact.schema.features;
    let names: Vec<String> = features
        .iter()
        .map(|feature| format!("\"{}\"", feature.name.replace('"', "\"\"")))
        .collect();
    let mut csv = names.join(",") + "\n";
    let mut state = 17_u64;
    let mut draw = |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % n as u64) as usize
    };
    for _ in 0..n_rows {
        let fields: Vec<String> = features
            .iter()
            .map(|feature| match &feature.domain {
                Domain::Values(values) => values[draw(values.len())].to_string(),
                Domain::Categories(names) => format!("\"{}\"", names[draw(names.len())]),
                Domain::Hashed(_) => format!("text {}", draw(1000)),
                Domain::Range([min, max]) => {
                    (min + (max - min) * draw(1000) as f64 / 1000.0).to_string()
                }
            })
            .collect();
        csv.push_str(&fields.join(","));
        csv.push('\n');
    }
    csv
}

fn drawn(artifact: &Artifact<'_>) -> Vec<Golden> {
    let csv = drawn_csv(artifact, 300);
    let form = format!(
        "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{csv}\r\n--x--\r\n"
    );
    let with = |accept: &str, content_type: &str, body: &str| Golden {
        what: format!("{content_type} to {accept}"),
        method: "POST".into(),
        path: "/predict/batch".into(),
        headers: [("accept", accept), ("content-type", content_type)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        body: body.as_bytes().to_vec(),
        status: Some(200),
    };
    vec![
        with("application/json", "text/csv", &csv),
        with("application/x-ndjson", "text/csv", &csv),
        with("text/csv", "text/csv", &csv),
        with("text/html", "multipart/form-data; boundary=x", &form),
    ]
}

/// What is compared: the date and the connection belong to the host.
fn compared(response: &http::Response<Bytes>) -> (u16, BTreeMap<String, String>, Bytes) {
    let own = [
        "date",
        "connection",
        "content-length",
        "transfer-encoding",
        "x-request-id",
    ];
    let headers = response
        .headers()
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| {
        (
            name.to_string(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    });
    (
        response.status().as_u16(),
        headers.collect(),
        response.body().clone(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_gets_the_same_bytes() -> Result<(), Box<dyn Error>> {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(scorer), Some(spin)) = (
        path("PICKET_SCORER_COMPONENT"),
        path("PICKET_SPIN_COMPONENT"),
    ) else {
        eprintln!(
            "SKIPPED: PICKET_SCORER_COMPONENT and PICKET_SPIN_COMPONENT do not both name a component; \
             `cargo xtask build-wasm` builds them"
        );
        return Ok(());
    };
    let mut spin = SpinHost::new(&std::fs::read(spin)?).await?;

    // The device host serves the very model that the Spin component carries.
    let fetch = http::Request::get("http://edge.test/model.picket").body(Bytes::new())?;
    let fetched = spin.send(fetch).await?;
    if fetched.status() != 200 {
        eprintln!(
            "SKIPPED: the Spin component has no model: {}",
            String::from_utf8_lossy(fetched.body())
        );
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let model = folder.path().join("model.picket");
    std::fs::write(&model, fetched.body())?;
    let artifact = Artifact::decode(fetched.body())?;

    let service = picket_edge_runtime::start(&HostConfig {
        model,
        component: scorer,
        www: None,
        cache_dir: None,
        limits: Limits::default(),
        pool: PoolConfig::default(),
    })?;
    let server = Server::bind(service, ([127, 0, 0, 1], 0).into()).await?;
    let origin = format!("http://{}", server.address()?);
    tokio::spawn(server.serve(std::future::pending()));

    let mut requests = drawn(&artifact);
    for text in [
        include_str!("../golden/predict.json"),
        include_str!("../golden/batch.json"),
        include_str!("../golden/pages.json"),
    ] {
        requests.extend(read(text)?);
    }
    let is_phishing = artifact.schema.name == "phishing";
    // Twice: the second answer comes from instances that have served before.
    for golden in requests.iter().chain(&requests) {
        let request = golden.request(&origin)?;
        let from_device = tokio::task::spawn_blocking(move || send(request)).await??;
        let from_spin = spin.send(golden.request("http://edge.test")?).await?;
        assert_eq!(
            compared(&from_device),
            compared(&from_spin),
            "{}",
            golden.what
        );
        if is_phishing && let Some(status) = golden.status {
            assert_eq!(from_device.status().as_u16(), status, "{}", golden.what);
        }
    }
    Ok(())
}

fn send(request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ureq::Error> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build(),
    );
    let response = agent.run(request.map(|body| body.to_vec()))?;
    let (head, mut body) = response.into_parts();
    Ok(http::Response::from_parts(
        head,
        Bytes::from(body.read_to_vec()?),
    ))
}
