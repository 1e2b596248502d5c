//! Which trace a request belongs to (W3C Trace Context).

/// A piece of work's place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub(crate) trace_id: [u8; 16],
    pub(crate) span_id: [u8; 8],
    pub(crate) parent_id: Option<[u8; 8]>,
    is_sampled: bool,
}

impl TraceContext {
    /// A place under the client's, by the value of its one header `traceparent`, with the client's decision whether it is kept; else
    /// in a new trace, kept by a share of a million. `random` gives other bytes with every call.
    #[must_use]
    pub fn of(
        traceparent: Option<&[u8]>,
        random: &dyn Fn() -> [u8; 16],
        share_per_million: u32,
    ) -> Self {
        let span_id = span_id(random);
        if let Some((trace_id, parent_id, is_sampled)) = traceparent.and_then(parse) {
            let parent_id = Some(parent_id);
            return Self {
                trace_id,
                span_id,
                parent_id,
                is_sampled,
            };
        }
        let trace_id = random();
        let [.., e, f, g, h] = trace_id;
        let drawn = (u64::from(u32::from_be_bytes([e, f, g, h])) * 1_000_000) >> 32;
        Self {
            trace_id,
            span_id,
            parent_id: None,
            is_sampled: drawn < u64::from(share_per_million),
        }
    }

    /// A place under this one.
    #[must_use]
    pub fn child(&self, random: &dyn Fn() -> [u8; 16]) -> Self {
        Self {
            span_id: span_id(random),
            parent_id: Some(self.span_id),
            ..*self
        }
    }

    /// Whether the trace is kept.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// This place as the header's value, for work that is done elsewhere.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let flags = u8::from(self.is_sampled);
        format!(
            "00-{}-{}-{flags:02x}",
            hex(&self.trace_id),
            hex(&self.span_id)
        )
    }
}

fn span_id(random: &dyn Fn() -> [u8; 16]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = random();
    [a, b, c, d, e, f, g, h]
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
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
    use std::cell::Cell;

    /// Numbers as a generator by Weyl's sequence gives them.
    fn random() -> impl Fn() -> [u8; 16] {
        let state = Cell::new(1_u128);
        move || {
            let next = state
                .get()
                .wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645);
            state.set(next.wrapping_add(0x5851_f42d_4c95_7f2d_1405_7b7e_f767_814f));
            state.get().to_be_bytes()
        }
    }

    fn of(traceparent: &str, share: u32) -> TraceContext {
        TraceContext::of(Some(traceparent.as_bytes()), &random(), share)
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
        assert!(context.is_sampled);
        assert!(!of(&given.replace("-01", "-00"), 1_000_000).is_sampled);
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
        let random = random();
        let kept = |share| {
            let contexts = (0..400).map(|_| TraceContext::of(None, &random, share));
            contexts.filter(TraceContext::is_sampled).count()
        };
        assert_eq!((kept(0), kept(1_000_000)), (0, 400));
        assert!((100..300).contains(&kept(500_000)));
    }

    #[test]
    fn work_elsewhere_is_told_under_the_same_trace() {
        let random = random();
        let asked = TraceContext::of(None, &random, 1_000_000);
        let elsewhere = TraceContext::of(Some(asked.traceparent().as_bytes()), &random, 0);
        assert_eq!(elsewhere.trace_id, asked.trace_id);
        assert_eq!(elsewhere.parent_id, Some(asked.span_id));
        assert!(elsewhere.is_sampled);
        let part = elsewhere.child(&random);
        assert_eq!(part.parent_id, Some(elsewhere.span_id));
        assert_ne!(part.span_id, elsewhere.span_id);
        assert_eq!((part.trace_id, part.is_sampled), (asked.trace_id, true));
    }
}
