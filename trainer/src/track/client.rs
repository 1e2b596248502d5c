//! HTTP with a tracking server: a few attempts with pauses, within bounded time.

use std::fs::File;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use crate::track::error::TrackError;
use crate::track::server::TrackingServer;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const CALL_LIMIT: Duration = Duration::from_secs(30);
const UPLOAD_LIMIT: Duration = Duration::from_mins(10);
/// Larger answers are no answers of MLflow to what is asked here.
const MAX_ANSWER_BYTES: u64 = 4 << 20;

/// What MLflow says where something is not there.
pub(super) const DOES_NOT_EXIST: &str = "RESOURCE_DOES_NOT_EXIST";
/// What MLflow says where something is there already.
pub(super) const ALREADY_EXISTS: &str = "RESOURCE_ALREADY_EXISTS";

/// Asks one server.
pub(super) struct Client<'s> {
    server: &'s TrackingServer,
    agent: Agent,
}

/// A request's body.
enum Body<'b> {
    None,
    Json(&'b Value),
    File(&'b File),
}

impl<'s> Client<'s> {
    pub(super) fn new(server: &'s TrackingServer) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would take the credentials to a host that nobody named.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_LIMIT))
            .user_agent(concat!("picket-trainer/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { server, agent }
    }

    /// `GET path?query`, answered in JSON.
    pub(super) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, TrackError> {
        self.ask("GET", path, query, &Body::None)
    }

    /// `POST path` with JSON, answered in JSON. Asked again where no answer comes, so only for what
    /// may be done twice.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, TrackError> {
        self.ask("POST", path, &[], &Body::Json(body))
    }

    /// As [`Client::post`], asked once.
    pub(super) fn post_once(&self, path: &str, body: &Value) -> Result<Value, TrackError> {
        self.attempt("POST", path, &[], &Body::Json(body), 1)
    }

    /// `PUT path` with a file.
    pub(super) fn put_file(&self, path: &str, file: &File) -> Result<(), TrackError> {
        self.ask("PUT", path, &[], &Body::File(file)).map(drop)
    }

    /// Finds something or makes it. Where making it gets no answer it is looked for again: the
    /// server may have made it.
    pub(super) fn find_or_make<T>(
        &self,
        find: impl Fn() -> Result<Option<T>, TrackError>,
        make: impl Fn() -> Result<T, TrackError>,
    ) -> Result<T, TrackError> {
        self.patiently(|_| match find()? {
            Some(found) => Ok(found),
            None => make(),
        })
    }

    fn ask(
        &self,
        method: &'static str,
        path: &str,
        query: &[(&str, &str)],
        body: &Body<'_>,
    ) -> Result<Value, TrackError> {
        self.patiently(|attempt| self.attempt(method, path, query, body, attempt))
    }

    /// Tries until there is an answer, with pauses.
    fn patiently<T>(
        &self,
        attempt: impl Fn(u32) -> Result<T, TrackError>,
    ) -> Result<T, TrackError> {
        let mut pauses = self.server.pauses().iter();
        let mut attempts = 0;
        loop {
            attempts += 1;
            match attempt(attempts) {
                Err(TrackError::NoAnswer { .. }) if pauses.len() > 0 => {
                    thread::sleep(pauses.next().copied().unwrap_or_default());
                }
                outcome => return outcome,
            }
        }
    }

    /// One attempt; its number stands in the error.
    fn attempt(
        &self,
        method: &'static str,
        path: &str,
        query: &[(&str, &str)],
        body: &Body<'_>,
        attempts: u32,
    ) -> Result<Value, TrackError> {
        let request = format!("{method} {path}");
        let cause = match self.once(method, path, query, body) {
            Ok((status, text)) if (200..300).contains(&status) => {
                return Ok(serde_json::from_str(&text).unwrap_or(Value::Null));
            }
            Ok((status, text)) if is_lasting(status) => {
                return Err(self.refusal(request, status, &text));
            }
            Ok((status, _)) => format!("status {status}"),
            Err(error) => self.server.fit_to_show(&error.to_string()),
        };
        Err(TrackError::NoAnswer {
            request,
            attempts,
            cause,
        })
    }

    fn once(
        &self,
        method: &'static str,
        path: &str,
        query: &[(&str, &str)],
        body: &Body<'_>,
    ) -> Result<(u16, String), ureq::Error> {
        let url = format!("{}{path}", self.server.uri());
        let limit = match body {
            Body::File(_) => UPLOAD_LIMIT,
            Body::None | Body::Json(_) => CALL_LIMIT,
        };
        let mut answer = match body {
            Body::None => {
                let mut request = self
                    .agent
                    .get(&url)
                    .config()
                    .timeout_global(Some(limit))
                    .build();
                if let Some(value) = self.server.authorization() {
                    request = request.header("authorization", value);
                }
                for (name, value) in query {
                    request = request.query(name, value);
                }
                request.call()?
            }
            Body::Json(_) | Body::File(_) => {
                let request = if method == "PUT" {
                    self.agent.put(&url)
                } else {
                    self.agent.post(&url)
                };
                let mut request = request.config().timeout_global(Some(limit)).build();
                if let Some(value) = self.server.authorization() {
                    request = request.header("authorization", value);
                }
                match body {
                    Body::File(file) => {
                        use std::io::Seek;
                        // An earlier attempt may have read some of it.
                        let mut from_start: &File = file;
                        from_start.rewind()?;
                        request
                            .header("content-type", "application/octet-stream")
                            .send(from_start)?
                    }
                    Body::Json(value) => request
                        .header("content-type", "application/json")
                        .send(value.to_string())?,
                    Body::None => request.send_empty()?,
                }
            }
        };
        let status = answer.status().as_u16();
        let text = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER_BYTES)
            .lossy_utf8(true)
            .read_to_string()?;
        Ok((status, text))
    }

    fn refusal(&self, request: String, status: u16, text: &str) -> TrackError {
        let answer: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        let part = |name: &str| answer[name].as_str().unwrap_or_default();
        let message = if (300..400).contains(&status) {
            "a redirect, which is not followed: set MLFLOW_TRACKING_URI to where it leads"
        } else if answer.is_object() {
            part("message")
        } else {
            text
        };
        TrackError::Refused {
            request,
            status,
            code: self.server.fit_to_show(part("error_code")),
            message: self.server.fit_to_show(message),
        }
    }
}

/// Whether asking again would be answered the same.
fn is_lasting(status: u16) -> bool {
    !(matches!(status, 408 | 425 | 429) || status >= 500)
}

impl TrackError {
    /// Whether the server refused with this code of MLflow's.
    pub(super) fn has_code(&self, expected: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == expected)
    }
}
