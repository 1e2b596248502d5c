//! The same request gets the same bytes from the device host, where the model runs in a component under wasmtime, and from
//! the components where it runs inside: with Spin's interfaces, and without them under wasmtime's own `wasmtime serve`.

mod spin_host;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

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

fn component(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    if path.is_none() {
        eprintln!("SKIPPED: {variable} names no component; `cargo xtask build-wasm` builds it");
    }
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_gets_the_same_bytes() -> Result<(), Box<dyn Error>> {
    let (Some(scorer), Some(spin)) = (
        component("PICKET_SCORER_COMPONENT"),
        component("PICKET_SPIN_COMPONENT"),
    ) else {
        return Ok(());
    };
    let spin = SpinHost::new(&std::fs::read(spin)?).await?;
    as_the_device(scorer, spin).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_without_spin_answers_the_same() -> Result<(), Box<dyn Error>> {
    let (Some(scorer), Some(plain)) = (
        component("PICKET_SCORER_COMPONENT"),
        component("PICKET_PLAIN_COMPONENT"),
    ) else {
        return Ok(());
    };
    let plain = std::fs::read(plain)?;
    let imports = spin_host::imports(&plain)?;
    assert!(
        !imports.is_empty() && imports.iter().all(|it| it.starts_with("wasi:")),
        "{imports:?}"
    );
    let plain = SpinHost::plain(&plain).await?;
    as_the_device(scorer, plain).await
}

/// Compares a component's answers with those of a device that serves the very model in it.
async fn as_the_device(scorer: PathBuf, mut spin: SpinHost) -> Result<(), Box<dyn Error>> {
    let fetch = http::Request::get("http://edge.test/model.picket").body(Bytes::new())?;
    let fetched = spin.send(fetch).await?;
    if fetched.status() != 200 {
        eprintln!(
            "SKIPPED: the component has no model: {}",
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

    let requests = requests(&artifact)?;
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

fn requests(artifact: &Artifact<'_>) -> Result<Vec<Golden>, Box<dyn Error>> {
    let mut requests = drawn(artifact);
    for text in [
        include_str!("../golden/predict.json"),
        include_str!("../golden/batch.json"),
        include_str!("../golden/pages.json"),
    ] {
        requests.extend(read(text)?);
    }
    Ok(requests)
}

/// `wasmtime serve` with the component, on a free port; stopped when dropped.
struct WasmtimeServe {
    child: Child,
    origin: String,
}

impl WasmtimeServe {
    fn start(component: &Path) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new("wasmtime")
            .args([
                "serve",
                "--addr",
                "127.0.0.1:0",
                "-Sp3",
                "-Wcomponent-model-async",
            ])
            .arg(component)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take().ok_or("a standard error")?;
        let mut line = String::new();
        BufReader::new(stderr).read_line(&mut line)?;
        let origin = line.trim().split_once("http://");
        let origin = origin.map(|it| format!("http://{}", it.1.trim_end_matches('/')));
        let mut serving = Self {
            child,
            origin: String::new(),
        };
        serving.origin = origin.ok_or_else(|| format!("wasmtime serve says {line:?}"))?;
        Ok(serving)
    }
}

impl Drop for WasmtimeServe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The version of the program `wasmtime`, where it is one that has `wasi:http` 0.3.
fn wasmtime() -> Option<String> {
    let output = Command::new("wasmtime").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let major = text.split_whitespace().nth(1)?.split('.').next()?;
    (major.parse::<u32>().ok()? >= 48).then_some(text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wasmtime_serve_answers_the_same() -> Result<(), Box<dyn Error>> {
    let Some(component) = component("PICKET_PLAIN_COMPONENT") else {
        return Ok(());
    };
    let Some(version) = wasmtime() else {
        eprintln!(
            "SKIPPED: there is no program `wasmtime` of version 48 or later; \
             `cargo install wasmtime-cli` builds one"
        );
        return Ok(());
    };
    let mut plain = SpinHost::plain(&std::fs::read(&component)?).await?;
    let fetch = http::Request::get("http://edge.test/model.picket").body(Bytes::new())?;
    let model = plain.send(fetch).await?;
    if model.status() != 200 {
        eprintln!("SKIPPED: the component has no model");
        return Ok(());
    }
    let artifact = Artifact::decode(model.body())?;
    let serving = WasmtimeServe::start(&component)?;
    let requests = requests(&artifact)?;
    for golden in &requests {
        let request = golden.request(&serving.origin)?;
        let served = tokio::task::spawn_blocking(move || send(request)).await??;
        let expected = plain.send(golden.request("http://edge.test")?).await?;
        assert_eq!(compared(&served), compared(&expected), "{}", golden.what);
    }
    println!("{} requests to {}", requests.len(), version.trim());
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
