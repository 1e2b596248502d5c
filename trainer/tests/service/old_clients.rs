//! Requests as the Python projects' README files show them get the answers that those promise.

use crate::bench::{Bench, rows_csv, schema};
use crate::client::Client;
use crate::process::Process;

fn open_service(bench: &Bench) -> (Process, Client) {
    let mut arguments = bench.work_arguments();
    let pipeline = bench.pipeline().display().to_string();
    arguments.extend([
        "--insecure-local".to_owned(),
        "--pipeline".to_owned(),
        pipeline,
    ]);
    let (process, url) = Process::serve(&arguments, None);
    (process, Client::new(&url, None))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn train_watch_promote_and_predict_as_before() {
    let bench = Bench::small();
    let (process, client) = open_service(&bench);

    let health = client.get("/health");
    assert_eq!(
        (health.status, health.json()["status"].as_str()),
        (200, Some("ok"))
    );
    assert_eq!(client.get("/ready").status, 200);
    let docs = client.get("/docs");
    assert!(
        docs.header("content-type").starts_with("text/html"),
        "{docs:?}"
    );
    assert!(docs.body.contains("/task/{id}") && !docs.body.contains("<script"));
    let api = client.get("/openapi.json").json();
    assert!(api["paths"]["/train"]["get"].is_object(), "{api}");
    let nobody = client.post("/predict", "text/csv", &rows_csv(2));
    assert_eq!(nobody.status, 409, "there is no champion yet: {nobody:?}");

    // GET /train, then GET /task/{id} until the worker is done.
    let begun = client.get("/train");
    assert_eq!(begun.status, 202, "{begun:?}");
    let task_id = begun.json()["task_id"].as_str().unwrap().to_owned();
    assert_eq!(begun.header("location"), format!("/task/{task_id}"));
    let task = client.end_of(&task_id);
    assert_eq!(task["status"], "SUCCESS", "{task}");
    assert_eq!(task["task_id"], task_id.as_str());
    let result = &task["result"];
    assert_eq!(result["run_id"], task_id.as_str());
    assert!(
        result["model_digest"]
            .as_str()
            .unwrap()
            .starts_with("sha256:")
    );
    let f1 = result["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|metric| metric["name"] == "f1");
    assert!(f1.unwrap()["value"].as_f64().unwrap() > 0.5, "{result}");
    let events = client.get(&format!("/task/{task_id}/events"));
    assert_eq!(events.header("content-type"), "text/event-stream");
    assert!(
        events.body.contains("event: end") && events.body.contains("SUCCESS"),
        "{events:?}"
    );

    // The run, its page and its files.
    let runs = client.get("/runs").json();
    assert_eq!(runs["runs"][0]["run_id"], task_id.as_str(), "{runs}");
    let run = client.get(&format!("/runs/{task_id}")).json();
    assert_eq!(run["record"]["state"], "finished");
    let paths: Vec<&str> = run["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert!(paths.contains(&"model/model.picket"), "{paths:?}");
    assert!(
        !paths.contains(&"ingest/dataset.msgpack"),
        "rows are not handed out"
    );
    let report = client.get(&format!("/runs/{task_id}/report"));
    assert_eq!(report.status, 200);
    assert!(
        report
            .header("content-security-policy")
            .contains("default-src 'none'")
    );
    let card = client.get(&format!(
        "/runs/{task_id}/artifacts/evaluate/evaluation.json"
    ));
    assert!(card.json()["metrics"].is_array());
    for hidden in [
        "ingest/dataset.msgpack",
        ".lock",
        "../../../rows.csv",
        "%2e%2e/%2e%2e/request.json",
    ] {
        let answer = client.get(&format!("/runs/{task_id}/artifacts/{hidden}"));
        assert_eq!(answer.status, 404, "{hidden}");
    }

    // Promote it, and predict.
    let models = client.get("/models").json();
    assert_eq!(
        (&models["champion"], &models["challenger"]),
        (&serde_json::Value::Null, &1.into()),
        "{models}"
    );
    assert_eq!(
        client
            .post("/models/7/promote", "application/json", "")
            .status,
        404
    );
    let promoted = client.post("/models/1/promote", "application/json", "");
    assert_eq!(
        (promoted.status, &promoted.json()["release"]),
        (200, &1.into())
    );
    assert_eq!(client.get("/models").json()["champion"], 1);
    predictions(&client);
    let rolled_back = client.post("/models/1/rollback", "application/json", "");
    assert_eq!(
        (rolled_back.status, &rolled_back.json()["release"]),
        (200, &2.into())
    );

    assert!(
        client
            .get("/metrics")
            .body
            .contains("picket_tasks{status=\"SUCCESS\"} 1")
    );
    assert_eq!(client.get("/feedback/stats").json()["source"], "none");
    assert!(client.get("/drift").json()["history"].is_array());
    assert_eq!(process.terminate(), Some(0), "it ends when it is told to");
}

fn predictions(client: &Client) {
    // POST /predict with a CSV: a table.
    let csv = rows_csv(3);
    let form = format!(
        "--line\r\ncontent-disposition: form-data; name=\"file\"; filename=\"rows.csv\"\r\ncontent-type: text/csv\r\n\r\n{csv}\r\n--line--\r\n"
    );
    let kind = "multipart/form-data; boundary=line";
    let page = client.send(
        "POST",
        "/predict",
        &[("content-type", kind), ("accept", "*/*")],
        form.as_bytes(),
    );
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        page.body.contains("<table")
            && page
                .header("content-security-policy")
                .contains("default-src 'none'")
    );
    let asked = [("content-type", kind), ("accept", "application/json")];
    let json = client.send("POST", "/predict", &asked, form.as_bytes());
    assert_eq!(
        json.json()["predictions"].as_array().unwrap().len(),
        3,
        "{json:?}"
    );
    let plain = client.post("/predict", "text/csv", &csv);
    assert_eq!(plain.json()["predictions"], json.json()["predictions"]);
    let faulty = client.post(
        "/predict",
        "text/csv",
        &csv.replacen("\n-1", "\nx", 1).replacen("\n1", "\nx", 1),
    );
    assert_eq!(faulty.status, 422, "{faulty:?}");

    // POST /predict/batch with JSON.
    let schema = schema();
    let mut lines = csv.lines();
    let (header, row) = (lines.next().unwrap(), lines.next().unwrap());
    let cells: std::collections::BTreeMap<&str, &str> =
        header.split(',').zip(row.split(',')).collect();
    let entries = schema
        .features
        .iter()
        .map(|feature| format!("{:?}:{}", feature.name, cells[feature.name.as_str()]));
    let features = format!("{{{}}}", entries.collect::<Vec<_>>().join(","));
    let batch = client.post(
        "/predict/batch",
        "application/json",
        &format!("{{\"samples\":[{{\"features\":{features}}}]}}"),
    );
    assert_eq!(batch.status, 200, "{batch:?}");
    assert_eq!(batch.json()["predictions"].as_array().unwrap().len(), 1);
    let one = client.post(
        "/predict",
        "application/json",
        &format!("{{\"features\":{features}}}"),
    );
    assert_eq!(one.status, 200, "{one:?}");
}

#[test]
fn what_is_wrong_with_a_request_is_a_problem() {
    let bench = Bench::small();
    let (_process, client) = open_service(&bench);
    let docs = client.get("/docs").body;
    for (method, path, kind, body, status) in [
        ("GET", "/nowhere", "", "", 404),
        ("DELETE", "/train", "", "", 405),
        ("HEAD", "/train", "", "", 405),
        ("GET", "/task/not-an-id", "", "", 404),
        (
            "GET",
            "/task/00000000-0000-7000-8000-000000000000",
            "",
            "",
            404,
        ),
        ("GET", "/runs?limit=0", "", "", 400),
        ("GET", "/runs?color=red", "", "", 400),
        ("GET", "/runs/..%2f..", "", "", 404),
        ("POST", "/train", "application/json", "{", 400),
        (
            "POST",
            "/train",
            "application/json",
            "{\"data\": \"/etc/passwd\"}",
            422,
        ),
        (
            "POST",
            "/train",
            "application/toml",
            "[serach]\nfolds = 3",
            422,
        ),
        ("POST", "/train", "image/png", "x", 415),
        ("POST", "/models/x/promote", "", "", 404),
    ] {
        let answer = client.send(method, path, &[("content-type", kind)], body.as_bytes());
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{method} {path}"
        );
        assert!(!answer.header("x-request-id").is_empty());
        if method != "HEAD" {
            assert_eq!(answer.json()["status"], status);
            let kind = answer.json()["type"].as_str().unwrap().to_owned();
            let (page, part) = kind.split_once('#').unwrap();
            assert_eq!(page, "/docs");
            assert!(docs.contains(&format!("id=\"{part}\"")), "{kind}");
        }
    }
    let kept = client.send("GET", "/health", &[("x-request-id", "mine-7")], b"");
    assert_eq!(kept.header("x-request-id"), "mine-7");
    let elsewhere = client.send("GET", "/train", &[("host", "attacker.example")], b"");
    assert_eq!(
        elsewhere.status, 403,
        "a name that points here is not this machine: {elsewhere:?}"
    );
}

/// `curl -X POST` with and without `-d`, as older clients call it.
#[test]
fn a_training_is_started_from_a_command_line_and_not_from_a_page() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let bench = Bench::small();
    let (_process, client) = open_service(&bench);
    let seed_of = |answer: &crate::client::Answer| {
        assert_eq!(answer.status, 202, "{answer:?}");
        let task_id = answer.json()["task_id"].as_str().unwrap().to_owned();
        let place = bench
            .state()
            .join("tasks")
            .join(task_id)
            .join("request.json");
        let request: serde_json::Value =
            serde_json::from_slice(&std::fs::read(place).unwrap()).unwrap();
        request["config"]["seed"].as_u64().unwrap()
    };
    assert_eq!(seed_of(&client.send("POST", "/train", &[], b"")), 4);
    assert_eq!(seed_of(&client.post("/train", FORM, "")), 4);
    assert_eq!(seed_of(&client.post("/train", FORM, "{\"seed\": 7}")), 7);
    assert_eq!(
        seed_of(&client.send("POST", "/train", &[], b"{\"seed\": 8}")),
        8
    );
    let form = client.post("/train", FORM, "seed=7");
    assert_eq!(form.status, 415, "{form:?}");
    let detail = form.json()["detail"].as_str().unwrap().to_owned();
    let command = format!(
        "curl -X POST -H 'content-type: application/json' -d '{{\"seed\": 7}}' {}/train",
        client.url
    );
    assert!(detail.contains(&command), "{detail}");
    let n_before = client.get("/task").json()["total"].clone();
    for (of_page, status) in [
        (("origin", "https://attacker.example"), 403),
        (("origin", "null"), 403),
        (("sec-fetch-site", "cross-site"), 403),
        (("sec-fetch-site", "same-site"), 403),
        (("origin", client.url.as_str()), 415),
    ] {
        for kind in [FORM, "text/plain"] {
            let headers = [("content-type", kind), of_page];
            let answer = client.send("POST", "/train", &headers, b"{\"seed\": 7}");
            assert_eq!(answer.status, status, "{headers:?}: {answer:?}");
        }
        if status == 403 {
            let bare = client.send("GET", "/train", &[of_page], b"");
            assert_eq!(bare.status, 403, "{bare:?}");
        }
    }
    assert_eq!(client.get("/task").json()["total"], n_before);
}
