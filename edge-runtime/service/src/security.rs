//! Headers by which a browser holds a response to what it is for.

use http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// What a page may do: run its own scripts and its own WebAssembly, and ask its own server. The pages that the
/// service makes carry one style, which is let in by its digest.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
     style-src 'self' 'sha256-NKf3q5pCNcn6WvbAKyPnBh5uU/7JILIo8cB/VbQHGMI='; connect-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Camera and the like: the page asks for none of it, so nothing that gets into it can either.
const NOTHING: HeaderValue = HeaderValue::from_static(
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
);

/// Adds the headers that every response of a content type has.
pub(crate) fn insert(headers: &mut HeaderMap, content_type: &str) {
    let own = HeaderValue::from_static("same-origin");
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(RESOURCE_POLICY, own.clone());
    if content_type.starts_with("text/html") {
        headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(OPENER_POLICY, own);
        headers.insert(PERMISSIONS_POLICY, NOTHING);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};

    #[test]
    fn the_policy_lets_in_the_style_of_today_and_no_other() {
        let digest = Sha256::digest(crate::batch_table::STYLE);
        let digest = base64::engine::general_purpose::STANDARD.encode(digest);
        let policy = PAGE_POLICY.to_str().expect("a text").to_owned();
        assert!(
            policy.contains(&format!("'sha256-{digest}'")),
            "expected {digest}: {policy}"
        );
        assert!(
            !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"),
            "{policy}"
        );
    }

    #[test]
    fn pages_have_a_policy_and_answers_are_not_sniffed() {
        let headers_of = |content_type: &str| {
            let mut headers = HeaderMap::new();
            insert(&mut headers, content_type);
            headers
        };
        let page = headers_of("text/html; charset=utf-8");
        assert_eq!(page[X_FRAME_OPTIONS], "DENY");
        assert!(page.contains_key(CONTENT_SECURITY_POLICY));
        let answer = headers_of("application/json");
        assert_eq!(answer[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer[RESOURCE_POLICY], "same-origin");
        assert!(!answer.contains_key(CONTENT_SECURITY_POLICY));
    }
}
