//! Which trace a request belongs to (W3C Trace Context).

use http::{HeaderMap, HeaderName};
use picket_service::IdSource;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A request's place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) trace_id: [u8; 16],
    pub(crate) span_id: [u8; 8],
    /// The client's span, where it sent one.
    pub(crate) parent_id: Option<[u8; 8]>,
    pub(crate) sampled: bool,
}

impl TraceContext {
    /// The client's trace and its decision whether to keep it; else a new one, kept by a share of a million.
    pub(crate) fn of(headers: &HeaderMap, ids: &dyn IdSource, share_per_million: u32) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = ids.next_id().0;
        let span_id = [a, b, c, d, e, f, g, h];
        let mut values = headers.get_all(TRACEPARENT).iter();
        let given = values.next().filter(|_| values.next().is_none());
        if let Some((trace_id, parent_id, sampled)) = given.and_then(|it| parse(it.as_bytes())) {
            let parent_id = Some(parent_id);
            return Self {
                trace_id,
                span_id,
                parent_id,
                sampled,
            };
        }
        let trace_id = ids.next_id().0;
        let [.., e, f, g, h] = trace_id;
        let drawn = (u64::from(u32::from_be_bytes([e, f, g, h])) * 1_000_000) >> 32;
        Self {
            trace_id,
            span_id,
            parent_id: None,
            sampled: drawn < u64::from(share_per_million),
        }
    }
}

/// `VERSION-TRACE-PARENT-FLAGS`, all in hexadecimal; versions to come may have more behind.
fn parse(value: &[u8]) -> Option<([u8; 16], [u8; 8], bool)> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.split('-');
    let version = digits::<1>(parts.next()?)?;
    let trace_id = digits::<16>(parts.next()?)?;
    let parent_id = digits::<8>(parts.next()?)?;
    let flags = digits::<1>(parts.next()?)?;
    let good = version != [0xff]
        && (version != [0] || parts.next().is_none())
        && trace_id != [0; 16]
        && parent_id != [0; 8];
    good.then_some((trace_id, parent_id, flags[0] & 1 == 1))
}

fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(plain) {
        return None;
    }
    let mut bytes = [0; N];
    for (idx, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * idx..2 * idx + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RandomIds;
    use http::HeaderValue;

    fn of(traceparent: &str, share: u32) -> TraceContext {
        let ids = RandomIds::new().expect("random numbers");
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(traceparent).expect("a value");
        headers.insert(TRACEPARENT, value);
        TraceContext::of(&headers, &ids, share)
    }

    #[test]
    fn the_clients_trace_goes_on() {
        // The example of the recommendation.
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = of(given, 0);
        assert_eq!(context.trace_id[..3], [0x0a, 0xf7, 0x65]);
        assert_eq!(
            context.parent_id,
            Some([0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31])
        );
        assert!(context.sampled);
        assert!(!of(&given.replace("-01", "-00"), 1_000_000).sampled);
        assert_eq!(
            of(&format!("01{}-more", &given[2..]), 0).parent_id,
            context.parent_id
        );
    }

    #[test]
    fn nonsense_starts_a_trace_of_its_own() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        for wrong in [
            String::new(),
            "00".to_owned(),
            good.to_uppercase(),
            good.replace("00-0a", "ff-0a"),
            format!("{good}-more"),
            good.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            good.replace("b7ad6b7169203331", &"0".repeat(16)),
            good.replace("0af7", "\u{e9}7"),
        ] {
            assert_eq!(of(&wrong, 0).parent_id, None, "{wrong}");
        }
    }

    #[test]
    fn a_share_of_new_traces_is_kept() {
        let kept = |share| (0..400).filter(|_| of("none", share).sampled).count();
        assert_eq!((kept(0), kept(1_000_000)), (0, 400));
        assert!((100..300).contains(&kept(500_000)));
    }
}
