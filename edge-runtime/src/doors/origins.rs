//! The origins whose pages may ask: cross-origin resource sharing, closed by default.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use picket_service::{Problem, ProblemKind};

use super::Refusal;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST");
const ASKED_WITH: HeaderValue = HeaderValue::from_static(
    "accept, authorization, content-type, if-none-match, picket-source, traceparent, x-request-id",
);
const ANSWERED_WITH: HeaderValue = HeaderValue::from_static(
    "etag, picket-artifact-digest, picket-model-version, retry-after, x-request-id",
);
/// How long a browser may remember the answer, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins whose pages may ask. By default there are none but the server's own, which needs no leave.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigins(Vec<HeaderValue>);

impl AllowedOrigins {
    /// Takes origins as browsers write them: `https://example.org`, `http://localhost:8080`.
    ///
    /// # Errors
    /// The first text that is not one; `*` is none either: name those who may ask.
    pub fn new<'t>(origins: impl IntoIterator<Item = &'t str>) -> Result<Self, String> {
        let origins = origins.into_iter().map(|text| {
            let value = HeaderValue::from_str(text).ok();
            value
                .filter(|_| is_origin(text))
                .ok_or_else(|| text.to_owned())
        });
        origins.collect::<Result<_, _>>().map(Self)
    }

    /// The request's origin where it is allowed.
    pub(crate) fn of<'h>(&self, headers: &'h HeaderMap) -> Option<&'h HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        let mut values = headers.get_all(ORIGIN).iter();
        let origin = values.next()?;
        (values.next().is_none() && self.0.contains(origin)).then_some(origin)
    }

    pub(crate) fn show_to(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        // What is kept between must not be shown to another origin.
        headers.append(VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANSWERED_WITH);
        }
    }

    pub(crate) fn preflight<B, T: Default>(
        &self,
        request: &Request<B>,
    ) -> Option<Result<Response<T>, Box<Refusal>>> {
        let asks = request.headers();
        let is_preflight = request.method() == Method::OPTIONS
            && asks.contains_key(ORIGIN)
            && asks.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !is_preflight {
            return None;
        }
        if self.of(asks).is_none() {
            let detail = "pages of this origin may not ask; --allow-origin lets one in";
            let problem = Problem::new(ProblemKind::Forbidden, detail);
            return Some(Err(Box::new(Refusal::of(problem))));
        }
        let mut response = Response::new(T::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ASKED_WITH);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(Ok(response))
    }
}

/// A scheme, a host and perhaps a port, in lower case and nothing behind them.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else {
        return false;
    };
    let scheme = uri.scheme_str();
    let Some(authority) = uri.authority() else {
        return false;
    };
    let scheme = scheme.filter(|it| ["http", "https"].contains(it));
    scheme.is_some_and(|scheme| text == format!("{scheme}://{authority}"))
        && !authority.as_str().contains('@')
        && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_write_them() {
        for good in [
            "https://example.org",
            "http://localhost:8080",
            "http://[::1]:3000",
        ] {
            assert!(AllowedOrigins::new([good]).is_ok(), "{good}");
        }
        for wrong in [
            "*",
            "null",
            "",
            "example.org",
            "https://example.org/",
            "https://example.org/page",
            "https://Example.org",
            "https://user@example.org",
            "ftp://example.org",
            "https://exa mple.org",
        ] {
            let refused = AllowedOrigins::new([wrong]);
            assert_eq!(refused.err().as_deref(), Some(wrong));
        }
    }
}
