//! Formats of bodies: what a request says it sends, what it accepts.

use http::{HeaderMap, header};

use crate::problem::{Problem, ProblemKind};

/// A format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Ndjson,
    Csv,
    Html,
}

impl Format {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    fn essence(self) -> &'static str {
        self.content_type().split(';').next().unwrap_or_default()
    }

    /// How well a media range of `Accept` fits: not at all, or more for a more exact one.
    fn fit(self, range: &str) -> Option<u8> {
        let essence = self.essence();
        if range == essence || (self == Self::Ndjson && range == "application/ndjson") {
            return Some(2);
        }
        let (group, _) = essence.split_once('/')?;
        match range.split_once('/')? {
            (asked, "*") if asked == group => Some(1),
            ("*", "*") => Some(0),
            _ => None,
        }
    }
}

/// Chooses the offer that the request likes best, the first among equals.
///
/// # Errors
/// [`ProblemKind::NotAcceptable`] where it accepts none.
pub(crate) fn negotiate(headers: &HeaderMap, offers: &[Format]) -> Result<Format, Problem> {
    let mut ranges: Vec<(String, f32)> = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        // A header that is not text accepts nothing that is offered here.
        let Ok(value) = value.to_str() else { continue };
        ranges.extend(
            value
                .split(',')
                .filter(|range| !range.trim().is_empty())
                .map(media_range),
        );
    }
    if !headers.contains_key(header::ACCEPT) || ranges.is_empty() {
        return offers
            .first()
            .copied()
            .ok_or_else(|| not_acceptable(offers));
    }
    let mut best: Option<(Format, f32)> = None;
    for offer in offers {
        // Of the ranges that fit, the most exact one decides.
        let weight = ranges
            .iter()
            .filter_map(|(range, weight)| Some((offer.fit(range)?, *weight)))
            .max_by_key(|(fit, _)| *fit)
            .map_or(0.0, |(_, weight)| weight);
        if weight > best.map_or(0.0, |(_, weight)| weight) {
            best = Some((*offer, weight));
        }
    }
    best.map(|(offer, _)| offer)
        .ok_or_else(|| not_acceptable(offers))
}

fn not_acceptable(offers: &[Format]) -> Problem {
    let offered: Vec<&str> = offers.iter().map(|offer| offer.essence()).collect();
    Problem::new(
        ProblemKind::NotAcceptable,
        format!("expected Accept to allow {}", offered.join(", ")),
    )
}

/// A range of `Accept` and its weight.
fn media_range(range: &str) -> (String, f32) {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("q"))
        .map_or(Some(1.0), |(_, weight)| weight.trim().parse::<f32>().ok());
    (
        media,
        weight
            .filter(|weight| (0.0..=1.0).contains(weight))
            .unwrap_or(0.0),
    )
}

/// What a request's body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    Json,
    Ndjson,
    Csv,
    /// A form with files; the line between its parts.
    Multipart(String),
}

/// Reads the content type; without one the body is taken for JSON.
///
/// # Errors
/// [`ProblemKind::UnsupportedMediaType`] for a type, charset or encoding that is not read here,
/// [`ProblemKind::MalformedBody`] for a form without a boundary.
pub(crate) fn body_kind(headers: &HeaderMap, batch: bool) -> Result<BodyKind, Problem> {
    let expected = if batch {
        "application/json, application/x-ndjson, text/csv or multipart/form-data"
    } else {
        "application/json"
    };
    let unsupported = |found: &str| {
        let found = crate::issue::shortened(found);
        let detail = format!("found content-type {found}; expected {expected}");
        Problem::new(ProblemKind::UnsupportedMediaType, detail)
    };
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        let detail = "found a content-encoding; expected a body that is not compressed";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(BodyKind::Json);
    };
    // What nearly every client sends takes no reading.
    if value == "application/json" {
        return Ok(BodyKind::Json);
    }
    let value = value
        .to_str()
        .map_err(|_| unsupported("that is not text"))?;
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let charset = parts
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| key.eq_ignore_ascii_case("charset"))
        .map(|(_, charset)| charset.trim_matches('"'));
    if charset.is_some_and(|charset| {
        !["utf-8", "utf8", "us-ascii"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(charset))
    }) {
        return Err(unsupported(value));
    }
    match (essence.as_str(), batch) {
        ("application/json", _) => Ok(BodyKind::Json),
        (essence, _) if essence.starts_with("application/") && essence.ends_with("+json") => {
            Ok(BodyKind::Json)
        }
        ("application/x-ndjson" | "application/ndjson" | "application/jsonl", true) => {
            Ok(BodyKind::Ndjson)
        }
        ("text/csv" | "application/csv", true) => Ok(BodyKind::Csv),
        ("multipart/form-data", true) => match multer::parse_boundary(value) {
            Ok(boundary) => Ok(BodyKind::Multipart(boundary)),
            Err(error) => Err(Problem::new(ProblemKind::MalformedBody, error.to_string())),
        },
        _ => Err(unsupported(value)),
    }
}
