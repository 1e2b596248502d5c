//! What goes wrong with a request, as problem+json (RFC 9457).

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::ModelTag;
use crate::issue::{Issue, Issues};
use crate::recording::NotRecorded;

/// The kinds of problem. Each has a status, a title and an anchor in `/docs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The body is not what its content type says.
    MalformedBody,
    /// The query has a parameter or value that the route does not know.
    InvalidQuery,
    /// The route needs a token, and there is none or a wrong one.
    Unauthorized,
    /// The token's role does not reach this route, or a page of another origin asks.
    Forbidden,
    /// Nothing is at this path.
    NotFound,
    /// The path has other methods.
    MethodNotAllowed,
    /// The route has none of the formats that `Accept` lists.
    NotAcceptable,
    /// The request did not come in time.
    RequestTimeout,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The batch has more rows than the limit.
    TooManyRows,
    /// The route does not read this content type.
    UnsupportedMediaType,
    /// Rows do not fit the model's schema.
    InvalidRows,
    /// The token was used more often than it may be.
    TooManyRequests,
    /// The model has no exact explanations.
    Unexplainable,
    /// What was offered as a release is not to be trusted.
    ReleaseRefused,
    /// The scorer refused checked rows.
    ScorerFailed,
    /// The scorer cannot answer now.
    ScorerUnavailable,
    /// The host must record what it answers and cannot now.
    NotRecorded,
}

impl ProblemKind {
    /// Every kind, in the order of the statuses.
    pub const ALL: [Self; 18] = [
        Self::MalformedBody,
        Self::InvalidQuery,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::BodyTooLarge,
        Self::TooManyRows,
        Self::UnsupportedMediaType,
        Self::InvalidRows,
        Self::TooManyRequests,
        Self::Unexplainable,
        Self::ReleaseRefused,
        Self::ScorerFailed,
        Self::ScorerUnavailable,
        Self::NotRecorded,
    ];

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedBody | Self::InvalidQuery => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge | Self::TooManyRows => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidRows => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Unexplainable | Self::ReleaseRefused => StatusCode::CONFLICT,
            Self::ScorerFailed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ScorerUnavailable | Self::NotRecorded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The kind in a URL.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::MalformedBody => "malformed-body",
            Self::InvalidQuery => "invalid-query",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::NotAcceptable => "not-acceptable",
            Self::RequestTimeout => "request-timeout",
            Self::BodyTooLarge => "body-too-large",
            Self::TooManyRows => "too-many-rows",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::InvalidRows => "invalid-rows",
            Self::TooManyRequests => "too-many-requests",
            Self::Unexplainable => "unexplainable",
            Self::ReleaseRefused => "release-refused",
            Self::ScorerFailed => "scorer-failed",
            Self::ScorerUnavailable => "scorer-unavailable",
            Self::NotRecorded => "not-recorded",
        }
    }

    /// The kind in words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::MalformedBody => "The body cannot be read",
            Self::InvalidQuery => "The query is not one of this route",
            Self::Unauthorized => "A token is needed",
            Self::Forbidden => "The token does not reach this far",
            Self::NotFound => "Nothing is here",
            Self::MethodNotAllowed => "This path has other methods",
            Self::NotAcceptable => "This route has no such format",
            Self::RequestTimeout => "The request took too long",
            Self::BodyTooLarge => "The body is too large",
            Self::TooManyRows => "The batch has too many rows",
            Self::UnsupportedMediaType => "This route does not read this content type",
            Self::InvalidRows => "Rows do not fit the model's schema",
            Self::TooManyRequests => "Too many requests",
            Self::Unexplainable => "The model has no exact explanations",
            Self::ReleaseRefused => "The release is refused",
            Self::ScorerFailed => "The scorer failed",
            Self::ScorerUnavailable => "The scorer cannot answer now",
            Self::NotRecorded => "The host cannot record its answer now",
        }
    }
}

impl From<NotRecorded> for Problem {
    fn from(error: NotRecorded) -> Self {
        Self::new(ProblemKind::NotRecorded, error.reason)
    }
}

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The kind.
    pub kind: ProblemKind,
    /// What happened this time, in words.
    pub detail: String,
    pub(crate) issues: Issues,
    /// The path's methods, for [`ProblemKind::MethodNotAllowed`].
    pub(crate) allow: Option<&'static str>,
}

impl Problem {
    /// A problem without issues of rows.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            issues: Issues::default(),
            allow: None,
        }
    }

    /// The body passed `max_body` bytes.
    #[must_use]
    pub fn body_too_large(max_body: usize) -> Self {
        Self::new(
            ProblemKind::BodyTooLarge,
            format!("the body is larger than the limit of {max_body} bytes"),
        )
    }

    pub(crate) fn too_many_rows(max_rows: usize) -> Self {
        Self::new(
            ProblemKind::TooManyRows,
            format!("the batch has more rows than the limit of {max_rows}"),
        )
    }

    pub(crate) fn invalid_rows(issues: Issues) -> Self {
        let detail = match (issues.kept.first(), issues.total) {
            (Some(first), 1) => located(first),
            (Some(first), total) => format!("{total} faults; the first: {}", located(first)),
            (None, _) => "the rows do not fit the schema".to_owned(),
        };
        Self {
            kind: ProblemKind::InvalidRows,
            detail,
            issues,
            allow: None,
        }
    }

    /// One fault that is not in a field of a row.
    pub(crate) fn invalid_content(issue: Issue) -> Self {
        let mut issues = Issues::default();
        issues.push(issue);
        Self::invalid_rows(issues)
    }

    pub(crate) fn body(&self, model: ModelTag<'_>) -> Vec<u8> {
        let document = ProblemDocument {
            kind: format!("/docs#{}", self.kind.slug()),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            n_errors: self.issues.total,
            errors: &self.issues.kept,
            model,
        };
        // Strings and numbers always encode: writing to memory cannot fail.
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

fn located(issue: &Issue) -> String {
    match (issue.row, issue.line) {
        (Some(row), Some(line)) => format!("row {row} (line {line}): {}", issue.detail),
        (Some(row), None) => format!("row {row}: {}", issue.detail),
        (None, Some(line)) => format!("line {line}: {}", issue.detail),
        (None, None) => issue.detail.clone(),
    }
}

/// A problem as RFC 9457 writes it.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument<'a> {
    /// Identifies the kind; leads to its description.
    #[serde(rename = "type")]
    #[schema(example = "/docs#invalid-rows")]
    kind: String,
    /// The kind in words.
    title: &'a str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What happened this time.
    #[schema(example = "row 1: URL_Length: found 7; expected one of -1, 0, 1")]
    detail: &'a str,
    /// How many faults the body has.
    #[serde(skip_serializing_if = "is_zero")]
    n_errors: usize,
    /// The first 100 of them.
    #[serde(skip_serializing_if = "<[Issue]>::is_empty")]
    errors: &'a [Issue],
    model: ModelTag<'a>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
