//! Any body to every route that reads one: nothing panics, nothing is the server's fault, what is answered is well
//! formed, and what is recorded is what was answered.
#![no_main]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Method, Request};
use libfuzzer_sys::fuzz_target;
use picket_service::{
    Assets, IdSource, Label, Limits, NoClock, NotRecorded, PredictionId, Predictions, Receipt,
    Recorder, ServedModel, Service,
};
use picket_wasm_model::Model;
use serde_json::Value;

/// Chosen by the first byte: path and content type.
const ROUTES: [(&str, &str); 9] = [
    ("/predict", "application/json"),
    ("/predict?explain=true", "application/json"),
    ("/batch", "application/json"),
    ("/batch", "application/x-ndjson"),
    ("/batch", "text/csv"),
    ("/batch", "multipart/form-data; boundary=x"),
    ("/feedback", "application/json"),
    ("/feedback", "application/x-ndjson"),
    ("/nowhere", "application/json"),
];

/// Counts what it is given.
#[derive(Default)]
struct Counting {
    n_ids: AtomicU64,
    n_predictions: AtomicU64,
    n_labels: AtomicU64,
}

impl IdSource for Counting {
    fn next_id(&self) -> PredictionId {
        let number = self.n_ids.fetch_add(1, Ordering::Relaxed);
        PredictionId((u128::from(number) + 1).to_be_bytes())
    }
}

impl Recorder for Counting {
    fn predictions(&self, made: &Predictions<'_>) -> Result<Option<Receipt>, NotRecorded> {
        assert_eq!(made.ids.len(), made.scored.len());
        assert_eq!(made.rows.len() % made.ids.len(), 0);
        self.n_predictions.fetch_add(made.ids.len() as u64, Ordering::Relaxed);
        Ok(None)
    }

    fn labels(&self, labels: &[Label]) -> Result<Option<Receipt>, NotRecorded> {
        self.n_labels.fetch_add(labels.len() as u64, Ordering::Relaxed);
        Ok(None)
    }

    fn write_metrics(&self, _: &mut String) {}
}

struct Host {
    service: Service,
    counting: Arc<Counting>,
}

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let bytes: &[u8] = include_bytes!("../../testdata/v1/nsl-kdd-tree.picket");
        let model = Model::load(bytes).expect("a frozen artifact");
        let served = ServedModel::decode(&Bytes::from_static(bytes)).expect("a frozen artifact");
        let counting = Arc::new(Counting::default());
        let limits = Limits {
            max_body: 64 << 10,
            max_rows: 50,
        };
        let service = Service::new(served, Box::new(model), Assets::new(), Box::new(NoClock), limits)
            .with_ids(Arc::clone(&counting) as _)
            .with_recorder(Arc::clone(&counting) as _);
        Host { service, counting }
    })
}

fuzz_target!(|bytes: &[u8]| {
    let Some((route, body)) = bytes.split_first() else { return };
    let (path, content_type) = ROUTES[usize::from(*route) % ROUTES.len()];
    let host = host();
    let before = host.counting.n_predictions.load(Ordering::Relaxed);
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", content_type)
        .body(Bytes::copy_from_slice(body))
        .expect("a request");
    let response = host.service.handle(&request);
    let status = response.status();
    assert!(!status.is_server_error(), "{status} for {path}");
    let n_recorded = host.counting.n_predictions.load(Ordering::Relaxed) - before;
    assert!(status.is_success() || n_recorded == 0, "refused and recorded");
    let is_json = response.headers()["content-type"].as_bytes().ends_with(b"json");
    if is_json {
        let answer: Value = serde_json::from_slice(response.body()).expect("JSON");
        if path.starts_with("/predict") && status.is_success() {
            let score = answer["score"].as_f64().expect("a score");
            assert!((0.0..=1.0).contains(&score), "{score}");
            assert_eq!(n_recorded, 1);
        }
    }
    // At once or in turn: the same answer, but for the id.
    if let Some(quick) = host.service.handle_now(&request) {
        assert_eq!(quick.status(), status);
    }
});
