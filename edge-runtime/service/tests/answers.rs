//! What the service answers, with a scorer that the test controls.

mod fixture;

use std::error::Error;

use bytes::Bytes;
use http::{Request, Response};
use picket_schema::{Margin, Score, Verdict};
use picket_service::{Assets, Limits, NoClock, Scoring, ScoringError, ServedModel, Service};
use picket_wasm_model::{Explanation, Scored};
use serde_json::{Value, json};

type Tested = Result<(), Box<dyn Error>>;

/// Says the sum of a row's numbers for its margin.
struct Sums;

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
struct Broken;

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

fn service(scoring: impl Scoring + 'static, limits: Limits) -> Result<Service, Box<dyn Error>> {
    let model = ServedModel::decode(fixture::artifact(fixture::PHISHING)?.into())?;
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

fn small() -> Result<Service, Box<dyn Error>> {
    service(
        Sums,
        Limits {
            max_body: 4096,
            max_rows: 3,
        },
    )
}

fn post(path: &str, content_type: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = Request::new(body.into());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = path.parse().expect("a path");
    let content_type = content_type.parse().expect("a header");
    request.headers_mut().insert("content-type", content_type);
    request
}

fn predict(body: &Value) -> Request<Bytes> {
    post("/predict", "application/json", body.to_string())
}

fn get(path: &str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = path.parse().expect("a path");
    request
}

fn document(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).expect("a JSON body")
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).expect("text")
}

/// The problem's status and detail; checks what every problem has.
fn problem(response: &Response<Bytes>) -> (u16, String) {
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(
        response.headers()["picket-model-version"],
        "phishing-fixture"
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

#[test]
fn a_row_by_name() -> Tested {
    let service = small()?;
    let request = predict(&json!({"features": {"port": -1, "Redirect": "0"}, "metadata": [1]}));
    let response = service.handle(&request);
    let digest = service.model().digest();
    let expected = format!(
        r#"{{"verdict":"negative","class":"legitimate","score":0.49,"margin":-1.0,"metadata":[1],"threshold":0.5,"model":{{"version":"phishing-fixture","digest":"{digest}"}}}}"#
    );
    assert_eq!(
        (response.status().as_u16(), text(&response)),
        (200, expected.as_str())
    );
    assert_eq!(response.headers()["picket-artifact-digest"], digest);
    Ok(())
}

#[test]
fn an_explanation_names_the_largest_first_and_adds_up() -> Tested {
    let model_bytes = fixture::artifact(fixture::PHISHING)?;
    let model = picket_wasm_model::OwnedModel::load(model_bytes.clone())?;
    let row = vec![1.0; 30];
    let truth = picket_wasm_model::Scorer::new(model.model()).score(&row)?;
    let mut request = predict(&json!({ "features": vec![1; 30] }));
    *request.uri_mut() = "/predict?explain=true".parse()?;
    // The bytes live as long as the test program: the service takes models that it can keep.
    let kept: &'static [u8] = Vec::leak(model_bytes);
    let served = ServedModel::decode(Bytes::from_static(kept))?;
    let scorer = picket_wasm_model::Model::load(kept)?;
    let limits = Limits::default();
    let service = Service::new(
        served,
        Box::new(scorer),
        Assets::new(),
        Box::new(NoClock),
        limits,
    );
    let answer = document(&service.handle(&request));
    assert_eq!(answer["margin"].as_f64(), Some(truth.margin.0));
    let explanation = &answer["explanation"];
    let contributions = explanation["contributions"].as_array().expect("a list");
    let sizes: Vec<f64> = contributions
        .iter()
        .filter_map(|one| one["contribution"].as_f64())
        .collect();
    assert!(sizes.len() == 30 && sizes.windows(2).all(|pair| pair[0].abs() >= pair[1].abs()));
    let total = explanation["total"].as_f64().expect("a number");
    let sum = explanation["base"].as_f64().expect("a number") + sizes.iter().sum::<f64>();
    assert!((total - sum).abs() < 1e-9, "{total} {sum}");
    Ok(())
}

#[test]
fn every_fault_of_a_row_is_named() -> Tested {
    let service = small()?;
    let body =
        json!({"features": {"URL_Lenght": 1, "port": 7, "Favicon": [1], "Iframe": "x"}, "id": 1});
    let response = service.handle(&predict(&body));
    let (status, detail) = problem(&response);
    assert_eq!(status, 422);
    assert!(
        detail.starts_with("5 faults; the first: row 1: "),
        "{detail}"
    );
    let document = document(&response);
    let fields: Vec<&str> = document["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|error| error["field"].as_str())
        .collect();
    // serde_json's own order of keys is the alphabet's.
    assert_eq!(fields, ["Favicon", "Iframe", "URL_Lenght", "port", "id"]);
    let error = &document["errors"][2];
    assert!(
        error["expected"]
            .as_str()
            .is_some_and(|it| it.contains("URL_Length")),
        "{error}"
    );
    let error = &document["errors"][3];
    assert_eq!(
        (error["row"].as_u64(), error["found"].as_str()),
        (Some(1), Some("7"))
    );
    Ok(())
}

#[test]
fn each_kind_of_problem() -> Tested {
    let service = small()?;
    let json = "application/json";
    let mut not_text = post("/predict", json, &b"{\"features\":{\"a\xff\":1}}"[..]);
    let compressed = "gzip".parse()?;
    let mut gzip = predict(&json!({}));
    gzip.headers_mut().insert("content-encoding", compressed);
    let mut png = predict(&json!({"features": {}}));
    png.headers_mut()
        .insert("accept", "image/png, text/*;q=0.3".parse()?);
    let deep = format!("{{\"features\":{}1{}}}", "[".repeat(1500), "]".repeat(1500));
    let cases = [
        (post("/predict", json, "{"), 400, "not valid JSON"),
        (post("/predict", json, ""), 400, "not valid JSON"),
        (post("/predict", json, "{} {}"), 400, "trailing"),
        (
            post("/predict", json, "{\"features\":[1e999]}"),
            400,
            "number out of range",
        ),
        (
            post("/predict", json, "{\"features\":[NaN]}"),
            400,
            "not valid JSON",
        ),
        (std::mem::take(&mut not_text), 400, "not valid JSON"),
        (post("/predict", json, deep), 422, "found an array"),
        (post("/predict", json, "7"), 422, "found 7"),
        (post("/predict", json, "{}"), 422, "features: found nothing"),
        (
            post("/predict", json, "{\"features\":{\"port\":1,\"port\":1}}"),
            422,
            "twice",
        ),
        (
            post("/predict", json, "{\"features\":[1]}"),
            422,
            "found 1 values; expected 30",
        ),
        (post("/predict?explain=no", json, "{}"), 400, "explain=no"),
        (get("/nothing"), 404, "/nothing"),
        (get("/predict"), 405, "POST"),
        (png, 406, "application/json"),
        (post("/predict", json, vec![b' '; 4097]), 413, "4096"),
        (post("/predict/batch", "text/csv", csv(4)), 413, "3"),
        (post("/predict", "text/csv", "a"), 415, "text/csv"),
        (
            post("/predict", "application/json; charset=latin1", "{}"),
            415,
            "latin1",
        ),
        (gzip, 415, "compressed"),
        (post("/predict/batch", "text/csv", ""), 422, "header"),
        (
            post("/predict/batch", "text/csv", "a,b\n1,2\n"),
            422,
            "the header lacks",
        ),
        (
            post("/predict/batch", "text/csv", csv(0)),
            422,
            "rows below the header",
        ),
        (
            post("/predict/batch", "text/csv", csv(1) + "1,1\n"),
            422,
            "row 2 (line 3): found 2 fields",
        ),
        (
            post(
                "/predict/batch",
                "application/x-ndjson",
                "{\"features\":{}}\n{",
            ),
            400,
            "line 2",
        ),
        (
            post("/predict/batch", "multipart/form-data", "x"),
            400,
            "oundary",
        ),
        (
            post("/predict/batch", "multipart/form-data; boundary=x", "x"),
            400,
            "form",
        ),
        (
            post(
                "/predict/batch",
                json,
                "{\"samples\":[{\"features\":[]},3]}",
            ),
            422,
            "2 faults",
        ),
    ];
    for (request, status, part) in cases {
        let (found, detail) = problem(&service.handle(&request));
        assert_eq!(found, status, "{request:?}: {detail}");
        assert!(detail.contains(part), "{request:?}: {detail}");
    }
    assert_eq!(service.handle(&get("/predict")).headers()["allow"], "POST");
    let broken = self::service(Broken, Limits::default())?;
    let response = broken.handle(&predict(&json!({"features": {}})));
    assert_eq!(
        (problem(&response).0, &response.headers()["retry-after"]),
        (503, &"1".parse()?)
    );
    assert_eq!(problem(&broken.handle(&get("/ready"))).0, 503);
    assert_eq!(broken.handle(&get("/health")).status(), 200);
    let mut explain = predict(&json!({"features": {}}));
    *explain.uri_mut() = "/predict?explain".parse()?;
    assert_eq!(problem(&broken.handle(&explain)).0, 500);
    Ok(())
}

fn csv(n_rows: usize) -> String {
    let schema = picket_schema::FeatureSchema::from_toml(fixture::PHISHING).expect("the schema");
    let names: Vec<&str> = schema.features.iter().map(|it| it.name.as_str()).collect();
    let row = ["1"; 30].join(",") + "\n";
    names.join(",") + "\n" + &row.repeat(n_rows)
}

#[test]
fn a_batch_in_every_format() -> Tested {
    let service = small()?;
    let batch =
        json!({"samples": [{"features": {"port": 1}, "metadata": {"a": "<&>"}}, {"features": {}}]});
    let answer = |accept: &str| -> Result<String, Box<dyn Error>> {
        let mut request = post("/predict/batch", "application/json", batch.to_string());
        request.headers_mut().insert("accept", accept.parse()?);
        let response = service.handle(&request);
        assert_eq!(response.status(), 200, "{}", text(&response));
        Ok(text(&response).to_owned())
    };
    let json: Value = serde_json::from_str(&answer("*/*")?)?;
    assert_eq!(
        json["counts"],
        json!({"positive": 1, "negative": 0, "uncertain": 1})
    );
    assert_eq!(json["predictions"][1]["class"], Value::Null);
    let lines = answer("application/x-ndjson")?;
    assert_eq!(lines.lines().count(), 2);
    assert!(
        lines.starts_with(r#"{"row":1,"verdict":"positive","class":"phishing","#),
        "{lines}"
    );
    let csv = answer("text/csv")?;
    assert!(
        csv.starts_with("row,verdict,class,score,margin,metadata\r\n"),
        "{csv}"
    );
    assert!(
        csv.contains("1,positive,phishing,0.51,1.0,\"{\"\"a\"\":\"\"<&>\"\"}\"\r\n"),
        "{csv}"
    );
    let html = answer("text/html;q=0.9, application/json;q=0.1")?;
    assert!(
        html.contains("<td>positive<td>phishing<td>0.51<td>1.0"),
        "{html}"
    );
    Ok(())
}

#[test]
fn forms_and_csv_agree() -> Tested {
    let service = small()?;
    let csv = csv(2);
    let plain = service.handle(&post("/predict/batch", "text/csv", csv.clone()));
    assert_eq!(plain.status(), 200);
    let form = format!(
        "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n{csv}\r\n--b--\r\n"
    );
    let sent = service.handle(&post(
        "/predict/batch",
        "multipart/form-data; boundary=b",
        form,
    ));
    assert_eq!(
        (plain.status(), plain.body()),
        (sent.status(), sent.body()),
        "{}",
        text(&sent)
    );
    Ok(())
}

#[test]
fn pages_files_and_tags() -> Tested {
    let service = small()?;
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/pkg/picket.js", "text/javascript; charset=utf-8"),
        ("/docs", "text/html; charset=utf-8"),
        ("/openapi.json", "application/json"),
        ("/model", "application/json"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
    ] {
        let response = service.handle(&get(path));
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], content_type, "{path}");
    }
    let openapi = document(&service.handle(&get("/openapi.json")));
    assert!(openapi["paths"]["/predict/batch"]["post"].is_object());
    let file = service.handle(&get("/model.picket"));
    assert_eq!(
        file.headers()["etag"],
        format!("\"{}\"", service.model().digest())
    );
    let mut again = get("/model.picket");
    again
        .headers_mut()
        .insert("if-none-match", file.headers()["etag"].clone());
    let known = service.handle(&again);
    assert_eq!((known.status().as_u16(), known.body().len()), (304, 0));
    let metrics = service.handle(&get("/metrics"));
    let line = r#"picket_requests_total{route="/model.picket",method="GET",status="304",model_version="phishing-fixture"} 1"#;
    assert!(text(&metrics).contains(line), "{}", text(&metrics));
    Ok(())
}
