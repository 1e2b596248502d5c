//! Tokens of requests.

use http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

/// The shortest token: shorter ones can be tried through.
pub const MIN_TOKEN: usize = 16;

/// Whether the request's bearer token is the expected one. Digests are compared to their end, whatever the first
/// difference: time tells nothing of the token.
#[must_use]
pub fn lets_in(headers: &HeaderMap, expected: &str) -> bool {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
    let Some(given) = given else { return false };
    let (given, expected) = (
        Sha256::digest(given.trim()),
        Sha256::digest(expected.trim()),
    );
    let differing = given
        .iter()
        .zip(expected.iter())
        .fold(0, |all, (a, b)| all | (a ^ b));
    differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_lets_in() {
        let with = |value: &'static str| {
            let value = http::HeaderValue::from_static(value);
            HeaderMap::from_iter([(header::AUTHORIZATION, value)])
        };
        assert!(lets_in(
            &with("Bearer the right token 16"),
            "the right token 16\n"
        ));
        for wrong in [
            "Bearer the right token 1",
            "Bearer ",
            "Basic the right token 16",
            "",
        ] {
            assert!(!lets_in(&with(wrong), "the right token 16"), "{wrong}");
        }
        assert!(!lets_in(&HeaderMap::new(), "the right token 16"));
    }
}
