//! Requests that are answered at once get the answer that they would get on a thread that may wait.

use bytes::Bytes;
use http::Request;
use picket_service::{Limits, Scoring, ScoringError};
use picket_wasm_model::{Explanation, Scored};
use serde_json::json;

use crate::controlled::{Broken, Sums, Tested, document, get, post, predict, service, small, text};

/// All its instances are lent.
struct Busy;

impl Scoring for Busy {
    fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, ScoringError> {
        Sums.score(rows)
    }

    fn score_now(&self, _: &[f32]) -> Option<Result<Scored, ScoringError>> {
        None
    }

    fn explain(&self, row: &[f32]) -> Result<Explanation, ScoringError> {
        Sums.explain(row)
    }
}

#[test]
fn one_row_is_answered_at_once_and_alike() -> Tested {
    let service = small()?;
    let requests = [
        predict(&json!({"features": vec![1; 30]})),
        predict(&json!({"features": {"port": -1}, "metadata": {"a": 1}})),
        // What is wrong with a row is said at once too.
        predict(&json!({"features": {"prot": -1}})),
        predict(&json!({"features": vec![7; 30]})),
        post("/predict", "application/json", "{"),
        post("/predict", "text/csv", "a,b"),
    ];
    for request in requests {
        let now = service.handle_now(&request).ok_or("not answered at once")?;
        let later = service.handle(&request);
        assert_eq!(now.status(), later.status(), "{}", text(&now));
        assert_eq!(now.headers(), later.headers());
        assert_eq!(now.body(), later.body());
    }
    Ok(())
}

#[test]
fn what_may_take_long_is_left_alone() -> Tested {
    let service = service(Sums, Limits::default())?;
    let large = json!({"features": vec![1; 30], "metadata": "x".repeat(40_000)});
    let body = json!({"features": vec![1; 30]}).to_string();
    let others = [
        post("/predict?explain=true", "application/json", body.clone()),
        post("/predict/batch", "application/json", format!("[{body}]")),
        get("/predict"),
        get("/metrics"),
        predict(&large),
    ];
    for request in others {
        assert!(service.handle_now(&request).is_none(), "{}", request.uri());
    }
    // Nothing of it was counted as answered.
    let metrics = service.handle(&get("/metrics"));
    assert!(
        !text(&metrics).contains("picket_requests_total{"),
        "{}",
        text(&metrics)
    );
    Ok(())
}

#[test]
fn a_busy_scorer_is_waited_for_elsewhere() -> Tested {
    let service = service(Busy, Limits::default())?;
    let request: Request<Bytes> = predict(&json!({"features": vec![1; 30]}));
    assert!(service.handle_now(&request).is_none());
    let answer = service.handle(&request);
    assert_eq!(document(&answer)["margin"], 30.0);
    let metrics = service.handle(&get("/metrics"));
    let rows =
        "picket_rows_scored_total{verdict=\"positive\",model_version=\"phishing-fixture\"} 1\n";
    assert!(text(&metrics).contains(rows), "{}", text(&metrics));
    Ok(())
}

#[test]
fn a_scorer_that_fails_says_so_at_once() -> Tested {
    let service = service(Broken, Limits::default())?;
    let answer = service.handle_now(&predict(&json!({"features": vec![1; 30]})));
    let status = answer.map(|answer| answer.status().as_u16());
    assert_eq!(status, Some(503));
    Ok(())
}

#[test]
fn counts_are_those_of_any_request() -> Tested {
    let service = small()?;
    let request = predict(&json!({"features": vec![1; 30]}));
    service.handle_now(&request).ok_or("not answered at once")?;
    let metrics = service.handle(&get("/metrics"));
    for line in [
        "picket_requests_total{route=\"/predict\",method=\"POST\",status=\"200\",model_version=\"phishing-fixture\"} 1\n",
        "picket_rows_scored_total{verdict=\"positive\",model_version=\"phishing-fixture\"} 1\n",
    ] {
        assert!(text(&metrics).contains(line), "{}", text(&metrics));
    }
    Ok(())
}

#[test]
fn features_are_found_in_any_order() -> Tested {
    let service = small()?;
    let schema = picket_schema::FeatureSchema::from_toml(crate::fixture::PHISHING)?;
    let mut pairs: Vec<String> = schema
        .features
        .iter()
        .map(|feature| format!("\"{}\":1", feature.name))
        .collect();
    let body = |pairs: &[String]| format!("{{\"features\":{{{}}}}}", pairs.join(","));
    let send = |body: String| service.handle(&post("/predict", "application/json", body));
    let in_order = send(body(&pairs));
    assert_eq!(document(&in_order)["margin"], 30.0);
    for step in [1, 7, 29] {
        pairs.rotate_left(step);
        pairs.swap(3, 17);
        assert_eq!(send(body(&pairs)).body(), in_order.body());
    }
    // A name that is escaped is the same name, and twice is twice.
    let escaped = r#"{"features":{"\u0070ort":1}}"#.to_owned();
    assert_eq!(document(&send(escaped))["margin"], 1.0);
    let twice = send(r#"{"features":{"port":1,"SFH":1,"port":1}}"#.to_owned());
    assert!(
        text(&twice).contains("port: found the key twice"),
        "{}",
        text(&twice)
    );
    Ok(())
}
