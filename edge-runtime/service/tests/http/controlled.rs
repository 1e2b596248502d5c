//! A service whose scorer the tests control, and requests for it.

use std::error::Error;

use bytes::Bytes;
use http::{Request, Response};
use picket_schema::{Margin, Score, Verdict};
use picket_service::{Assets, Limits, NoClock, Scoring, ScoringError, ServedModel, Service};
use picket_wasm_model::{Explanation, Scored};
use serde_json::Value;

use crate::fixture;

pub(crate) type Tested = Result<(), Box<dyn Error>>;

/// Says the sum of a row's numbers for its margin.
pub(crate) struct Sums;

impl Scoring for Sums {
    fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, ScoringError> {
        Ok(rows.chunks_exact(30).map(scored).collect())
    }

    fn explain(&self, row: &[f32]) -> Result<Explanation, ScoringError> {
        let contributions = row.iter().map(|x| f64::from(*x)).collect();
        Ok(Explanation {
            scored: scored(row),
            base: 0.0,
            contributions,
        })
    }
}

fn scored(row: &[f32]) -> Scored {
    let margin: f64 = row
        .iter()
        .filter(|x| !x.is_nan())
        .map(|x| f64::from(*x))
        .sum();
    let verdict = match margin {
        m if m > 0.0 => Verdict::Positive,
        m if m < 0.0 => Verdict::Negative,
        _ => Verdict::Uncertain,
    };
    Scored {
        margin: Margin(margin),
        score: Score(0.5 + margin / 100.0),
        verdict,
    }
}

/// Never answers.
pub(crate) struct Broken;

impl Scoring for Broken {
    fn score(&self, _: &[f32]) -> Result<Vec<Scored>, ScoringError> {
        Err(ScoringError::Unavailable {
            reason: "the call passed its deadline".into(),
        })
    }

    fn explain(&self, _: &[f32]) -> Result<Explanation, ScoringError> {
        Err(ScoringError::Refused {
            reason: "odd".into(),
        })
    }
}

pub(crate) fn service(
    scoring: impl Scoring + 'static,
    limits: Limits,
) -> Result<Service, Box<dyn Error>> {
    let model = ServedModel::decode(&fixture::artifact(fixture::PHISHING)?.into())?;
    let assets: Assets = [("index.html", "<p>page"), ("pkg/picket.js", "//")]
        .into_iter()
        .collect();
    Ok(Service::new(
        model,
        Box::new(scoring),
        assets,
        Box::new(NoClock),
        limits,
    ))
}

pub(crate) fn small() -> Result<Service, Box<dyn Error>> {
    service(
        Sums,
        Limits {
            max_body: 4096,
            max_rows: 3,
        },
    )
}

pub(crate) fn post(path: &str, content_type: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = Request::new(body.into());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = path.parse().expect("a path");
    let content_type = content_type.parse().expect("a header");
    request.headers_mut().insert("content-type", content_type);
    request
}

pub(crate) fn predict(body: &Value) -> Request<Bytes> {
    post("/predict", "application/json", body.to_string())
}

pub(crate) fn get(path: &str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = path.parse().expect("a path");
    request
}

pub(crate) fn document(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).expect("a JSON body")
}

pub(crate) fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).expect("text")
}

/// The problem's status and detail; checks what every problem has.
pub(crate) fn problem(response: &Response<Bytes>) -> (u16, String) {
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let version = response.headers().get("picket-model-version");
    assert!(
        version.is_some_and(|it| it.as_bytes().ends_with(b"-fixture")),
        "{version:?}"
    );
    let document = document(response);
    assert_eq!(document["status"], response.status().as_u16());
    assert!(
        document["type"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("/docs#"))
    );
    assert!(
        document["model"]["digest"]
            .as_str()
            .is_some_and(|it| it.starts_with("sha256:"))
    );
    (
        response.status().as_u16(),
        document["detail"].as_str().unwrap_or_default().to_owned(),
    )
}

pub(crate) fn csv(n_rows: usize) -> String {
    let schema = picket_schema::FeatureSchema::from_toml(fixture::PHISHING).expect("the schema");
    let names: Vec<&str> = schema.features.iter().map(|it| it.name.as_str()).collect();
    let row = ["1"; 30].join(",") + "\n";
    names.join(",") + "\n" + &row.repeat(n_rows)
}
