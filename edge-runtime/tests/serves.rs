//! The device host over real HTTP, scoring inside the real component.

#[path = "../service/tests/fixture/mod.rs"]
mod fixture;

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use picket_edge_runtime::{
    EngineConfig, HostConfig, PoolConfig, ScorerEngine, ScorerPool, Server, StartError, start,
};
use picket_service::{Limits, Scoring, ScoringError};
use picket_wasm_model::{Explainer, OwnedModel, Scorer};

type Tested = Result<(), Box<dyn Error>>;

fn component() -> Option<PathBuf> {
    let path = std::env::var_os("PICKET_SCORER_COMPONENT").map(PathBuf::from);
    if path.is_none() {
        eprintln!(
            "SKIPPED: PICKET_SCORER_COMPONENT names no component; `cargo xtask build-wasm` builds it"
        );
    }
    path
}

fn pool(component: &[u8], artifact: &[u8]) -> Result<ScorerPool, StartError> {
    let config = PoolConfig {
        n_instances: 1,
        ..PoolConfig::default()
    };
    let engine = EngineConfig {
        max_instances: 1,
        max_memory: 64 << 20,
        cache_dir: None,
    };
    ScorerPool::new(
        ScorerEngine::new(component, &engine)?,
        artifact.to_vec().into(),
        config,
    )
}

#[test]
fn the_component_gives_the_bits_that_native_code_gives() -> Tested {
    let Some(component) = component() else {
        return Ok(());
    };
    let component = std::fs::read(component)?;
    for schema in [fixture::PHISHING, fixture::NSL_KDD] {
        let artifact = fixture::artifact(schema)?;
        let model = OwnedModel::load(artifact.clone())?;
        let pool = pool(&component, &artifact)?;
        let n_features = model.model().n_features();
        let special = [
            0.0,
            -1.0,
            1.0,
            0.5,
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            1e9,
            66.0,
        ];
        let rows: Vec<f32> = (0..2000 * n_features)
            .map(|i| special[(i * i + i / 7) % special.len()])
            .collect();
        assert_eq!(
            pool.score(&rows)?,
            Scorer::new(model.model()).score_batch(&rows)?
        );
        let row = &rows[..n_features];
        assert_eq!(
            pool.explain(row)?,
            Explainer::new(model.model()).explain(row)?
        );
    }
    Ok(())
}

#[test]
fn a_call_past_its_deadline_is_stopped_and_its_instance_replaced() -> Tested {
    let Some(component) = component() else {
        return Ok(());
    };
    let artifact = fixture::artifact(fixture::PHISHING)?;
    let pool = pool(&std::fs::read(component)?, &artifact)?;
    let row = [1.0; 30];
    let before = pool.score(&row)?;
    for _ in 0..3 {
        let stopped = pool.score_within(&row, Duration::ZERO);
        let reason = "the call passed its deadline".to_owned();
        assert_eq!(stopped, Err(ScoringError::Unavailable { reason }));
        assert_eq!(pool.score(&row)?, before);
    }
    Ok(())
}

#[test]
fn a_call_past_its_memory_is_stopped_and_its_instance_replaced() -> Tested {
    let Some(component) = component() else {
        return Ok(());
    };
    let artifact = fixture::artifact(fixture::PHISHING)?;
    let pool = pool(&std::fs::read(component)?, &artifact)?;
    let row = [1.0; 30];
    let before = pool.score(&row)?;
    // 84 MB of rows do not fit into the instance's 64 MiB.
    let too_many = vec![1.0; 30 * 700_000];
    for _ in 0..2 {
        let stopped = pool.score(&too_many);
        assert!(
            matches!(stopped, Err(ScoringError::Unavailable { .. })),
            "scored {:?} rows",
            stopped.map(|scored| scored.len())
        );
        assert_eq!(pool.score(&row)?, before);
    }
    Ok(())
}

#[test]
fn a_busy_instance_is_not_waited_for_by_those_who_cannot() -> Tested {
    let Some(component) = component() else {
        return Ok(());
    };
    let artifact = fixture::artifact(fixture::PHISHING)?;
    let pool = pool(&std::fs::read(component)?, &artifact)?;
    let row = [1.0; 30];
    let alone = pool.score_now(&row).ok_or("the only instance is idle")??;
    assert_eq!(pool.score(&row)?, [alone]);
    let start = Instant::now();
    let (mut n_busy, done) = (0, AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let rows = vec![1.0; 30 * 4096];
            while !done.load(Ordering::Relaxed) {
                assert!(pool.score(&rows).is_ok_and(|scored| scored[4095] == alone));
            }
        });
        while n_busy == 0 && start.elapsed() < Duration::from_mins(1) {
            match pool.score_now(&row) {
                None => n_busy += 1,
                Some(scored) => assert_eq!(scored, Ok(alone)),
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(n_busy > 0, "never saw it busy");
    assert_eq!(pool.score_now(&row), Some(Ok(alone)));
    Ok(())
}

#[test]
fn a_failure_to_start_says_what_is_wrong() -> Tested {
    let folder = tempfile::tempdir()?;
    let (model, not_wasm) = (folder.path().join("a.picket"), folder.path().join("a.wasm"));
    let mut config = HostConfig {
        model: model.clone(),
        component: folder.path().join("none.wasm"),
        www: None,
        cache_dir: None,
        limits: Limits::default(),
        pool: PoolConfig::default(),
    };
    let said = |config: &HostConfig| {
        start(config)
            .map(drop)
            .expect_err("cannot start")
            .to_string()
    };
    assert!(
        said(&config).starts_with("cannot read the model "),
        "{}",
        said(&config)
    );
    std::fs::write(&model, "hello")?;
    assert!(
        said(&config).contains(" is not a model: "),
        "{}",
        said(&config)
    );
    std::fs::write(&model, fixture::artifact(fixture::PHISHING)?)?;
    assert!(
        said(&config).contains("`cargo xtask build-wasm` builds it"),
        "{}",
        said(&config)
    );
    std::fs::write(&not_wasm, "hello")?;
    config.component = not_wasm;
    assert!(
        said(&config).starts_with("not a scorer component: "),
        "{}",
        said(&config)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_over_http_and_stops() -> Tested {
    let Some(component) = component() else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let model = folder.path().join("model.picket");
    std::fs::write(&model, fixture::artifact(fixture::PHISHING)?)?;
    let www = folder.path().join("www");
    std::fs::create_dir_all(www.join("pkg"))?;
    std::fs::write(www.join("index.html"), "<p>page")?;
    std::fs::write(www.join("pkg/a.js"), "1")?;
    let cache_dir = Some(folder.path().join("cache"));
    let limits = Limits {
        max_body: 100_000,
        max_rows: 1000,
    };
    let pool = PoolConfig::default();
    let service = start(&HostConfig {
        model,
        component,
        www: Some(www),
        cache_dir,
        limits,
        pool,
    })?;
    let server = Server::bind(service.clone(), ([127, 0, 0, 1], 0).into()).await?;
    let address = server.address()?;
    let taken = Server::bind(service, address)
        .await
        .map(drop)
        .expect_err("the port is taken");
    assert!(taken.to_string().contains("--listen"), "{taken}");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
    tokio::task::spawn_blocking(move || {
        talk(&format!("http://{address}")).map_err(|it| it.to_string())
    })
    .await??;
    stop.send(()).map_err(|()| "the server stopped by itself")?;
    tokio::time::timeout(Duration::from_mins(1), serving).await??;
    Ok(())
}

fn talk(origin: &str) -> Tested {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build(),
    );
    let post = |path: &str, body: &[u8]| -> Result<(u16, String), ureq::Error> {
        let request = agent
            .post(format!("{origin}{path}"))
            .content_type("application/json");
        let mut response = request.send(body)?;
        Ok((
            response.status().as_u16(),
            response.body_mut().read_to_string()?,
        ))
    };
    for _ in 0..50 {
        let (status, answer) = post("/predict?explain=true", b"{\"features\":{\"port\":-1}}")?;
        assert!(
            status == 200 && answer.contains("\"explanation\""),
            "{status} {answer}"
        );
    }
    for _ in 0..50 {
        let (status, answer) = post("/predict", b"{\"features\":{\"port\":-1}}")?;
        assert!(
            status == 200 && answer.contains("\"score\""),
            "{status} {answer}"
        );
        let (status, answer) = post("/predict", b"{\"features\":{\"prot\":-1}}")?;
        assert!(
            status == 422 && answer.contains("unknown feature"),
            "{status} {answer}"
        );
    }
    let (status, answer) = post("/predict", &vec![b' '; 100_001])?;
    assert!(
        status == 413 && answer.contains("100000 bytes"),
        "{status} {answer}"
    );
    for path in ["/", "/pkg/a.js", "/docs", "/ready", "/model.picket"] {
        assert_eq!(
            agent.get(format!("{origin}{path}")).call()?.status(),
            200,
            "{path}"
        );
    }
    assert_eq!(
        agent
            .get(format!("{origin}/../Cargo.toml"))
            .call()?
            .status(),
        404
    );
    let head = agent.head(format!("{origin}/")).call()?;
    assert_eq!(head.headers()["content-length"], "7");
    let metrics = agent
        .get(format!("{origin}/metrics"))
        .call()?
        .body_mut()
        .read_to_string()?;
    assert!(
        metrics.contains("picket_request_seconds_count{route=\"/predict\""),
        "{metrics}"
    );
    Ok(())
}
