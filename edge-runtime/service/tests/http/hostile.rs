//! Whatever a client sends, the answer is an answer.

use bytes::Bytes;
use http::Request;
use picket_service::{Assets, Limits, NoClock, ServedModel, Service};
use picket_wasm_model::Model;
use proptest::prelude::*;

use crate::fixture;

fn service(schema: &str) -> Service {
    let bytes: &'static [u8] = Vec::leak(fixture::artifact(schema).expect("an artifact"));
    let model = ServedModel::decode(&Bytes::from_static(bytes)).expect("a model");
    let scorer = Model::load(bytes).expect("a model");
    Service::new(
        model,
        Box::new(scorer),
        Assets::new(),
        Box::new(NoClock),
        Limits::default(),
    )
}

fn content_type() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "application/json",
        "application/x-ndjson",
        "text/csv",
        "multipart/form-data; boundary=x",
        "text/csv; charset=utf-8",
    ]);
    prop_oneof![
        8 => known.prop_map(|it| it.as_bytes().to_vec()),
        1 => prop::collection::vec(32..127_u8, 0..40),
    ]
}

/// Bytes, and bytes that look like what the routes read.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let tokens = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"features\"",
        "\"samples\"",
        "\"metadata\"",
        "\"service\"",
        "\"http\"",
        "duration",
        "service",
        "1",
        "-1e308",
        "1e-999",
        "\"\\ud800\"",
        "null",
        "true",
        "\n",
        "\r\n",
        "\"",
        "--x",
        "--x--",
        "content-disposition: form-data; name=\"file\"",
        "\u{feff}",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(tokens, 0..60).prop_map(|tokens| tokens.concat().into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_body_gets_an_answer(cases in prop::collection::vec((content_type(), body(), any::<bool>()), 20)) {
        thread_local!(static SERVICES: [Service; 2] = [fixture::PHISHING, fixture::NSL_KDD].map(service));
        for (content_type, body, batch) in cases {
            let mut request = Request::new(Bytes::from(body));
            *request.method_mut() = http::Method::POST;
            *request.uri_mut() = http::Uri::from_static(if batch { "/predict/batch" } else { "/predict" });
            if let Ok(value) = content_type.as_slice().try_into() {
                request.headers_mut().insert("content-type", value);
            }
            let response = SERVICES.with(|services| services[request.body().len() % 2].handle(&request));
            let status = response.status().as_u16();
            prop_assert!(status == 200 || (400..500).contains(&status), "{status}");
            if status != 200 {
                prop_assert_eq!(&response.headers()["content-type"], "application/problem+json");
                let document: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
                prop_assert_eq!(document["status"].as_u64(), Some(u64::from(status)));
            }
        }
    }
}
