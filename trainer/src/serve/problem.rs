//! What goes wrong with a request, as problem+json (RFC 9457).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::TrainerError;
use crate::jobs::{JobError, in_words};
use crate::publish::PublishError;
use crate::signing::SigningError;
use picket_telemetry::log;

/// The content type of problems.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";
/// What a service without keys says where promotions are signed.
const NO_KEYS: &str = "promotions are signed here, and edges follow no other, but this service has no keys; expected it to be \
                       started with `trainer serve --key FILE --trusted-keys FILE`, or `trainer promote --key FILE` \
                       (`trainer rollback --key FILE`) in its place";
/// A problem's words are cut to this many characters: they may quote a request.
const MAX_DETAIL: usize = 2000;
/// Where nothing else is known, another try may help after so many seconds.
const RETRY_AFTER_S: u64 = 5;

/// The kinds of problems, and what each means. `GET /docs` shows them under these names.
pub(crate) const KINDS: [(&str, &str); 14] = [
    ("bad-request", "The request is not one of this route."),
    ("body-too-large", "The body is larger than the route takes."),
    ("conflict", "It does not go with what is there."),
    (
        "forbidden",
        "The token's role is not enough; or a page of another site asked an open service.",
    ),
    (
        "internal",
        "The service failed; its log says why, under the request's id.",
    ),
    (
        "invalid-content",
        "The body can be read, and says what cannot be done.",
    ),
    ("media-type", "The body's content type is not read here."),
    ("method-not-allowed", "The path has other methods."),
    ("not-found", "Nothing is there."),
    ("request-timeout", "The request took too long."),
    (
        "too-many-requests",
        "The rate of the token, or of the address, is used up; or too many streams are open.",
    ),
    ("too-many-tasks", "Too many trainings have not ended."),
    ("unauthorized", "No token, or one that is not known."),
    (
        "unavailable",
        "Queue, audit log or store do not answer; another try may help.",
    ),
];

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) slug: &'static str,
    pub(crate) detail: String,
    /// Seconds after which another try may help.
    retry_after_s: Option<u64>,
}

/// A problem as it is sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// The kind, as a URL of the documentation.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The kind in words.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// What happened this time.
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, slug: &'static str, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        debug_assert!(KINDS.iter().any(|(known, _)| *known == slug), "{slug}");
        Self {
            status,
            slug,
            detail: detail.chars().take(MAX_DETAIL).collect(),
            retry_after_s: matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            )
            .then_some(RETRY_AFTER_S),
        }
    }

    /// Says after how many seconds another try may help.
    pub(crate) fn after(self, seconds: u64) -> Self {
        Self {
            retry_after_s: Some(seconds),
            ..self
        }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-content", detail)
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// A fault of the service. The client learns that there was one; the log learns which.
    pub(crate) fn internal(reason: &str) -> Self {
        log("error", "request_failed", &[("reason", reason.into())]);
        let detail = "the service failed; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }

    fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Problem")
    }
}

impl From<TrainerError> for Problem {
    fn from(error: TrainerError) -> Self {
        match &error {
            TrainerError::Jobs(JobError::NoSuchTask { .. } | JobError::TaskId { .. })
            | TrainerError::Publish(PublishError::NoSuchRelease { .. }) => {
                Self::not_found(error.to_string())
            }
            TrainerError::Publish(
                PublishError::OlderThanChampion { .. }
                | PublishError::NothingToRollBack { .. }
                | PublishError::ChannelMoved { .. },
            )
            | TrainerError::Signing(
                SigningError::KeyNotTrusted { .. } | SigningError::TooFewKeys { .. },
            ) => Self::conflict(error.to_string()),
            TrainerError::Publish(PublishError::UnsignedPromotion { .. }) => {
                Self::conflict(NO_KEYS)
            }
            TrainerError::Publish(PublishError::UnsignedRelease { release, .. }) => {
                Self::conflict(format!(
                    "release {release} is not signed, so no edge takes it; expected `trainer sign --to DEST --release \
                     {release} --key FILE` first"
                ))
            }
            TrainerError::Pipeline { .. } | TrainerError::Search(_) => {
                Self::invalid(error.to_string())
            }
            TrainerError::Jobs(JobError::Queue { .. }) => {
                log(
                    "error",
                    "queue_failed",
                    &[("reason", error.to_string().into())],
                );
                Self::unavailable("the queue does not answer; try again later")
            }
            // Messages of other errors may name paths of the server.
            _ => Self::internal(&in_words(&error)),
        }
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        TrainerError::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = ProblemDocument {
            kind: format!("/docs#{}", self.slug),
            title: self.title().to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"picket\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
