//! What wrong requests get.

use bytes::Bytes;
use picket_service::{Assets, Limits, NoClock, ServedModel, Service};
use picket_wasm_model::Model;
use serde_json::json;

use crate::controlled::{Broken, Tested, csv, document, get, post, predict, problem, small};
use crate::fixture;

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
    let broken = crate::controlled::service(Broken, Limits::default())?;
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

#[test]
fn categories_are_names() -> Tested {
    let model = ServedModel::decode(&fixture::artifact(fixture::NSL_KDD)?.into())?;
    let limits = Limits::default();
    let service = Service::new(
        model,
        Box::new(Broken),
        Assets::new(),
        Box::new(NoClock),
        limits,
    );
    let request =
        predict(&json!({"features": {"protocol_type": 1, "service": "gopherx", "flag": "SF"}}));
    let response = service.handle(&request);
    assert_eq!(problem(&response).0, 422);
    let document = document(&response);
    let errors = document["errors"].as_array().expect("a list");
    let of = |name: &str| errors.iter().find(|error| error["field"] == name);
    assert_eq!(
        of("service").and_then(|it| it["found"].as_str()),
        Some("gopherx")
    );
    let expected = of("protocol_type").and_then(|it| it["expected"].as_str());
    assert!(
        expected.is_some_and(|it| it.contains("tcp")),
        "{expected:?}"
    );
    assert_eq!(of("flag"), None);
    Ok(())
}

#[test]
fn a_model_without_exact_explanations_says_so_and_scores_all_the_same() -> Tested {
    let bytes: &[u8] = include_bytes!("../../../../schema/testdata/v1/phishing-knn.picket");
    let model = Model::load(bytes)?;
    let row = json!({"features": vec![1; model.n_features()]});
    let service = Service::new(
        ServedModel::decode(&Bytes::from_static(bytes))?,
        Box::new(model),
        Assets::default(),
        Box::new(NoClock),
        Limits::default(),
    );
    assert_eq!(service.handle(&predict(&row)).status(), 200);
    let request = post("/predict?explain=true", "application/json", row.to_string());
    let response = service.handle(&request);
    assert_eq!(response.status(), 409);
    let problem = document(&response);
    assert_eq!(problem["type"], "/docs#unexplainable");
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains("nearest training rows") && detail.contains("scores are not affected"),
        "{detail}"
    );
    Ok(())
}
