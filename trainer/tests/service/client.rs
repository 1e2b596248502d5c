//! A client of the service.

use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than any small training takes, on a machine with other work.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// Talks to a service.
pub(crate) struct Client {
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    agent: ureq::Agent,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Client {
    pub(crate) fn new(url: &str, token: Option<&str>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_mins(1)))
            .build();
        Self {
            url: url.to_owned(),
            token: token.map(str::to_owned),
            agent: config.into(),
        }
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_vec()).unwrap();
        let mut response = self.agent.run(request).unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().read_to_string().unwrap(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, kind: &str, body: &str) -> Answer {
        self.send("POST", path, &[("content-type", kind)], body.as_bytes())
    }

    /// Starts a training and gives its task.
    pub(crate) fn train(&self, settings: &str) -> String {
        let answer = self.post("/train", "application/json", settings);
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["task_id"].as_str().unwrap().to_owned()
    }

    /// Waits until a task has a state of these, and gives the task.
    pub(crate) fn wait_for(&self, task_id: &str, states: &[&str]) -> Value {
        let start = Instant::now();
        loop {
            let task = self.get(&format!("/task/{task_id}")).json();
            let status = task["status"].as_str().unwrap();
            if states.contains(&status) {
                return task;
            }
            assert!(start.elapsed() < PATIENCE, "still {status}: {task}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until a task has ended, and gives it.
    pub(crate) fn end_of(&self, task_id: &str) -> Value {
        self.wait_for(task_id, &["SUCCESS", "FAILURE", "CANCELLED"])
    }
}
