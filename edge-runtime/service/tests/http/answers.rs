//! What right requests get.

use std::error::Error;

use bytes::Bytes;
use picket_schema::artifact::{Artifact, Calibration, Isotonic};
use picket_service::{Assets, Limits, NoClock, ServedModel, Service};
use serde_json::{Value, json};

use crate::controlled::{Tested, csv, document, get, post, predict, small, text};
use crate::fixture;

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
    let platt = fixture::artifact(fixture::PHISHING)?;
    adds_up(platt.clone(), "log-odds")?;
    let mut artifact = Artifact::decode(&platt)?;
    artifact.calibration =
        Calibration::Isotonic(Isotonic::from_knots(&[(-900.0, 0.1), (900.0, 0.9)]));
    adds_up(artifact.encode()?, "margin")
}

fn adds_up(model_bytes: Vec<u8>, unit: &str) -> Tested {
    let model = picket_wasm_model::OwnedModel::load(model_bytes.clone())?;
    let row = vec![1.0; 30];
    let truth = picket_wasm_model::Scorer::new(model.model()).score(&row)?;
    let mut request = predict(&json!({ "features": vec![1; 30] }));
    *request.uri_mut() = "/predict?explain=true".parse()?;
    // The bytes live as long as the test program: the service takes models that it can keep.
    let kept: &'static [u8] = Vec::leak(model_bytes);
    let served = ServedModel::decode(&Bytes::from_static(kept))?;
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
    assert_eq!(explanation["unit"], unit);
    let total = explanation["total"].as_f64().expect("a number");
    let (margin, score) = (truth.margin.0, truth.score.0);
    let expected = if unit == "margin" {
        assert!((score - (0.5 + margin * 0.8 / 1800.0)).abs() < 1e-12);
        margin
    } else {
        (score / (1.0 - score)).ln()
    };
    assert!((total - expected).abs() < 1e-9, "{total} {expected}");
    let sum = explanation["base"].as_f64().expect("a number") + sizes.iter().sum::<f64>();
    assert!((total - sum).abs() < 1e-9, "{total} {sum}");
    Ok(())
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
    // No release: nothing to verify, and no header that says so.
    let none = service.handle(&get("/release.dsse.json"));
    assert_eq!(none.status(), 404);
    assert!(!file.headers().contains_key("picket-release"));
    let metrics = service.handle(&get("/metrics"));
    let line = r#"picket_requests_total{route="/model.picket",method="GET",status="304",model_version="phishing-fixture"} 1"#;
    assert!(text(&metrics).contains(line), "{}", text(&metrics));
    Ok(())
}
