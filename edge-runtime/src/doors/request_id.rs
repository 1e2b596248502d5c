//! The id of a request: the client's where it has one, else a new one.

use http::{HeaderMap, HeaderName, HeaderValue};
use picket_service::IdSource;

/// Carries a request's id, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a client.
const MAX_LEN: usize = 128;

/// A request's id: letters, digits and `._-`, so that it stands in a log as it is.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The client's id where it is a sane one, else a new one.
    pub(crate) fn of(headers: &HeaderMap, ids: &dyn IdSource) -> Self {
        let given = headers.get(REQUEST_ID).filter(|value| is_sane(value));
        Self(given.cloned().unwrap_or_else(|| {
            let text = ids.next_id().to_string();
            HeaderValue::try_from(text).expect("hexadecimal digits")
        }))
    }

    pub(crate) fn value(&self) -> HeaderValue {
        self.0.clone()
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

fn is_sane(value: &HeaderValue) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=MAX_LEN).contains(&value.len()) && value.as_bytes().iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RandomIds;

    #[test]
    fn sane_ids_are_kept_and_others_replaced() -> std::io::Result<()> {
        let ids = RandomIds::new()?;
        let of = |given: &[u8]| {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(given).expect("a value");
            headers.insert(REQUEST_ID, value);
            RequestId::of(&headers, &ids).as_str().to_owned()
        };
        let longest = "a".repeat(MAX_LEN);
        for kept in ["7", "0b1d-4.x_Y", &longest] {
            assert_eq!(of(kept.as_bytes()), kept);
        }
        let too_long = "a".repeat(MAX_LEN + 1);
        for odd in ["", "a b", "a\"b", "{}", "a\u{e9}", &too_long] {
            let made = of(odd.as_bytes());
            assert_ne!(made, odd);
            assert_eq!(made.len(), 32, "{made}");
        }
        Ok(())
    }
}
