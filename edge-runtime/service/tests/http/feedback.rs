//! Ids, records and labels.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use http::HeaderMap;
use picket_service::{
    Durable, IdSource, Label, NotRecorded, PredictionId, Predictions, Receipt, Recorder, Service,
};
use serde_json::json;

use crate::controlled::{Tested, document, get, post, predict, small, text};

/// Counts up.
#[derive(Default)]
struct Counted(Mutex<u8>);

impl IdSource for Counted {
    fn next_id(&self) -> PredictionId {
        let mut last = self.0.lock().expect("no panic");
        *last += 1;
        PredictionId([*last; 16])
    }
}

/// Keeps what it is given, or refuses it.
#[derive(Default)]
struct Kept {
    predictions: Mutex<Vec<(PredictionId, Vec<f32>, HeaderMap)>>,
    labels: Mutex<Vec<Label>>,
    full: bool,
}

struct Done;

impl Durable for Done {
    fn poll_durable(&self, _: &mut Context<'_>) -> Poll<Result<(), NotRecorded>> {
        Poll::Ready(Ok(()))
    }

    fn left(&self) -> &dyn std::any::Any {
        self
    }
}

impl Kept {
    fn receipt(&self) -> Result<Option<Receipt>, NotRecorded> {
        if self.full {
            let reason = "no room".to_owned();
            return Err(NotRecorded { reason });
        }
        Ok(Some(Receipt(Arc::new(Done))))
    }
}

impl Recorder for Kept {
    fn predictions(&self, made: &Predictions<'_>) -> Result<Option<Receipt>, NotRecorded> {
        let n_features = made.rows.len() / made.ids.len();
        assert_eq!(made.scored.len(), made.ids.len());
        let mut kept = self.predictions.lock().expect("no panic");
        for (id, row) in made.ids.iter().zip(made.rows.chunks(n_features)) {
            kept.push((*id, row.to_vec(), made.headers.clone()));
        }
        self.receipt()
    }

    fn labels(&self, labels: &[Label]) -> Result<Option<Receipt>, NotRecorded> {
        self.labels
            .lock()
            .expect("no panic")
            .extend_from_slice(labels);
        self.receipt()
    }

    fn write_metrics(&self, page: &mut String) {
        page.push_str("kept 1\n");
    }
}

fn recording(full: bool) -> Result<(Service, Arc<Kept>), Box<dyn std::error::Error>> {
    let kept = Arc::new(Kept {
        full,
        ..Kept::default()
    });
    let service = small()?
        .with_ids(Arc::new(Counted::default()))
        .with_recorder(kept.clone());
    Ok((service, kept))
}

#[test]
fn every_answer_has_an_id_and_a_record() -> Tested {
    let (service, kept) = recording(false)?;
    let response = service.handle(&predict(&json!({"features": {"port": -1}})));
    let id = "01010101010101010101010101010101";
    assert_eq!(document(&response)["id"], id);
    assert!(response.extensions().get::<Receipt>().is_some());
    let quick = service
        .handle_now(&predict(&json!({"features": {}})))
        .ok_or("quick")?;
    assert_eq!(document(&quick)["id"], "02020202020202020202020202020202");
    assert!(quick.extensions().get::<Receipt>().is_some());
    let batch = json!({"samples": [{"features": {}}, {"features": {"port": 1}}]});
    for accept in [
        "application/json",
        "application/x-ndjson",
        "text/csv",
        "text/html",
    ] {
        let mut request = post("/predict/batch", "application/json", batch.to_string());
        request.headers_mut().insert("accept", accept.parse()?);
        let answer = service.handle(&request);
        let kept = kept.predictions.lock().expect("no panic");
        for (id, ..) in &kept[kept.len() - 2..] {
            assert_eq!(
                text(&answer).matches(&id.to_string()).count(),
                1,
                "{}",
                text(&answer)
            );
        }
    }
    let kept = kept.predictions.lock().expect("no panic");
    assert_eq!((kept.len(), kept[0].0.to_string().as_str()), (10, id));
    assert_eq!(
        (kept[0].1.len(), kept[0].2["content-type"].to_str()?),
        (30, "application/json")
    );
    Ok(())
}

#[test]
fn what_cannot_be_recorded_is_not_answered() -> Tested {
    let (service, _) = recording(true)?;
    let label = r#"{"prediction":"00112233445566778899aabbccddeeff","label":"phishing"}"#;
    for request in [
        predict(&json!({"features": {}})),
        post("/feedback", "application/json", label),
    ] {
        let response = service.handle(&request);
        let answer = document(&response);
        assert_eq!(
            (response.status().as_u16(), &answer["detail"]),
            (503, &json!("no room"))
        );
        assert_eq!(answer["type"], "/docs#not-recorded");
        assert_eq!(response.headers()["retry-after"], "1");
    }
    Ok(())
}

/// Says that it never will be durable.
struct Lost;

impl Durable for Lost {
    fn poll_durable(&self, _: &mut Context<'_>) -> Poll<Result<(), NotRecorded>> {
        let reason = "the disk is full".to_owned();
        Poll::Ready(Err(NotRecorded { reason }))
    }

    fn left(&self) -> &dyn std::any::Any {
        self
    }
}

struct Losing;

impl Recorder for Losing {
    fn predictions(&self, _: &Predictions<'_>) -> Result<Option<Receipt>, NotRecorded> {
        Ok(Some(Receipt(Arc::new(Lost))))
    }

    fn labels(&self, _: &[Label]) -> Result<Option<Receipt>, NotRecorded> {
        Ok(Some(Receipt(Arc::new(Lost))))
    }

    fn write_metrics(&self, _: &mut String) {}
}

#[test]
fn a_response_is_counted_once_with_the_status_that_goes_out() -> Tested {
    let counted = |service: &Service| -> Vec<String> {
        text(&service.handle(&get("/metrics")))
            .lines()
            .filter(|line| line.starts_with("picket_requests_total{route=\"/predict\""))
            .map(|line| {
                let status = line.split("status=\"").nth(1).unwrap_or_default();
                format!(
                    "{} {}",
                    &status[..3],
                    line.rsplit(' ').next().unwrap_or_default()
                )
            })
            .collect()
    };
    let request = predict(&json!({"features": {}}));
    let mut context = Context::from_waker(Waker::noop());
    let (service, _) = recording(false)?;
    for quick in [false, true] {
        let mut response = if quick {
            service.handle_now(&request).ok_or("quick")?
        } else {
            service.handle(&request)
        };
        let receipt = response.extensions_mut().remove::<Receipt>();
        let receipt = receipt.ok_or("a receipt")?;
        let before = if quick {
            vec!["200 1".to_owned()]
        } else {
            vec![]
        };
        assert_eq!(counted(&service), before, "not before it is durable");
        // A receipt that is asked again does not count again.
        for _ in 0..2 {
            assert_eq!(receipt.0.poll_durable(&mut context), Poll::Ready(Ok(())));
        }
    }
    assert_eq!(counted(&service), ["200 2"]);
    // A host that makes records durable itself finds what the recorder left, and is counted by its word.
    let mut response = service.handle(&request);
    let receipt = response.extensions_mut().remove::<Receipt>();
    let receipt = receipt.ok_or("a receipt")?;
    assert!(receipt.0.left().is::<Done>());
    for _ in 0..2 {
        receipt.0.made_durable();
    }
    assert_eq!(counted(&service), ["200 3"]);
    let service = small()?
        .with_ids(Arc::new(Counted::default()))
        .with_recorder(Arc::new(Losing));
    let mut response = service.handle(&request);
    let receipt = response.extensions_mut().remove::<Receipt>();
    let Poll::Ready(Err(error)) = receipt.ok_or("a receipt")?.0.poll_durable(&mut context) else {
        return Err("the record is lost".into());
    };
    let instead = service.not_recorded(&request, error);
    assert_eq!(instead.status(), 503);
    assert_eq!(counted(&service), ["503 1"]);
    Ok(())
}

#[test]
fn labels_come_alone_in_an_array_or_a_line_each() -> Tested {
    let (service, kept) = recording(false)?;
    let one = r#"{"prediction":"00112233445566778899aabbccddeeff","label":"phishing"}"#;
    let two = r#"{"label":"legitimate","prediction":"ffeeddccbbaa99887766554433221100"}"#;
    for (content_type, body, n_labels) in [
        ("application/json", one.to_owned(), 1),
        ("application/json", format!(" [{one},{two}]"), 2),
        ("application/x-ndjson", format!("{one}\n\n{two}\n"), 2),
    ] {
        let mut response = service.handle(&post("/feedback", content_type, body));
        assert_eq!(text(&response), format!("{{\"n_labels\":{n_labels}}}"));
        assert_eq!(response.status(), 202);
        let receipt = response
            .extensions_mut()
            .remove::<Receipt>()
            .ok_or("a receipt")?;
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(receipt.0.poll_durable(&mut context), Poll::Ready(Ok(())));
    }
    let labels = kept.labels.lock().expect("no panic");
    assert_eq!((labels.len(), labels[2].class.as_str()), (5, "legitimate"));
    Ok(())
}

#[test]
fn a_wrong_label_is_named_and_none_is_taken() -> Tested {
    let (service, kept) = recording(false)?;
    let right = r#"{"prediction":"00112233445566778899aabbccddeeff","label":"phishing"}"#;
    for (wrong, detail) in [
        (
            r#"{"prediction":"xyz","label":"phishing"}"#,
            "row 2 (line 2): prediction: found \"xyz\"; expected an id as answered with a prediction: 32 digits of 0-9 and a-f",
        ),
        (
            r#"{"prediction":"00112233445566778899aabbccddeeff","label":"spam"}"#,
            "row 2 (line 2): label: found \"spam\"; expected phishing or legitimate",
        ),
    ] {
        let body = format!("{right}\n{wrong}\n");
        let response = service.handle(&post("/feedback", "application/x-ndjson", body));
        let answer = document(&response);
        assert_eq!(
            (response.status().as_u16(), &answer["detail"]),
            (422, &json!(detail))
        );
        assert_eq!(
            (&answer["errors"][0]["row"], &answer["errors"][0]["line"]),
            (&json!(2), &json!(2))
        );
    }
    for (body, status) in [
        ("{", 400),
        ("", 400),
        ("[]", 422),
        ("[1]", 422),
        (r#"{"prediction":1,"label":"phishing"}"#, 422),
        (
            r#"{"prediction":"00112233445566778899aabbccddeeff","label":"phishing","x":1}"#,
            422,
        ),
        // The small service takes three rows.
        ("[1,2,3,4]", 413),
    ] {
        let response = service.handle(&post("/feedback", "application/json", body));
        assert_eq!(
            response.status().as_u16(),
            status,
            "{body}: {}",
            text(&response)
        );
    }
    assert_eq!(
        service.handle(&post("/feedback", "text/csv", "a")).status(),
        415
    );
    assert_eq!(service.handle(&get("/feedback")).status(), 405);
    assert_eq!(kept.labels.lock().expect("no panic").len(), 0);
    Ok(())
}

#[test]
fn without_a_recorder_there_is_nothing_to_label_and_with_one_there_are_metrics() -> Tested {
    let response = small()?.handle(&post("/feedback", "application/json", "{}"));
    assert_eq!(response.status(), 404);
    let (service, _) = recording(false)?;
    assert!(text(&service.handle(&get("/metrics"))).ends_with("kept 1\n"));
    Ok(())
}
