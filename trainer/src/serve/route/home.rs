//! `GET /home`: the dashboard, a page of static files in the binary. It holds no data: what it shows it asks the API
//! for, with the token of whoever looks.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::serve::problem::Problem;

/// What the page may do: its own files, its own service, nothing inline.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const HTML: &str = "text/html; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! own {
    ($name:literal, $kind:expr) => {
        (
            $name,
            $kind,
            include_str!(concat!("../../../dashboard/", $name)),
        )
    };
}

/// The page's files below `/home/`. Four are the analysts' page's own: one look for both.
const FILES: [(&str, &str, &str); 21] = [
    own!("alerts.js", JS),
    own!("axes.js", JS),
    own!("cursor.js", JS),
    own!("drift.js", JS),
    own!("feed.js", JS),
    own!("jobs.js", JS),
    own!("main.js", JS),
    own!("nodes.js", JS),
    own!("panel.js", JS),
    own!("reasons.js", JS),
    own!("scores.js", JS),
    own!("session.js", JS),
    own!("style.css", CSS),
    own!("threats.js", JS),
    own!("time_text.js", JS),
    own!("totals.js", JS),
    own!("versions.js", JS),
    ("element.js", JS, include_str!("../../../../www/element.js")),
    (
        "number_text.js",
        JS,
        include_str!("../../../../www/number_text.js"),
    ),
    ("page.css", CSS, include_str!("../../../../www/style.css")),
    ("icon.svg", SVG, include_str!("../../../../www/icon.svg")),
];

const INDEX: &str = include_str!("../../../dashboard/index.html");

/// The dashboard.
#[utoipa::path(
    get,
    path = "/home",
    responses((status = 200, description = "The dashboard", body = String, content_type = "text/html")),
    security(())
)]
pub(crate) async fn home() -> Response {
    file(HTML, INDEX)
}

/// A file of the dashboard.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(known, _, _)| *known == name) {
        Some((_, kind, text)) => file(kind, text),
        None => Problem::not_found("the dashboard has no such file").into_response(),
    }
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // A new version of the service comes with a new page: the browser asks each time.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (StatusCode::OK, headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a module imports and a page links is there; what is there is used.
    #[test]
    fn every_file_that_the_page_asks_for_is_embedded() {
        let mut wanted = vec!["main.js".to_owned()];
        for part in INDEX
            .split('"')
            .filter_map(|part| part.strip_prefix("home/"))
        {
            wanted.push(part.to_owned());
        }
        for (_, _, text) in FILES.iter().filter(|(_, kind, _)| *kind == JS) {
            for part in text.split('\'').filter_map(|part| part.strip_prefix("./")) {
                wanted.push(part.to_owned());
            }
        }
        for name in &wanted {
            assert!(
                FILES.iter().any(|(known, _, _)| known == name),
                "{name} is missing"
            );
        }
        for (name, _, _) in FILES {
            assert!(wanted.iter().any(|it| it == name), "nobody asks for {name}");
        }
    }

    #[test]
    fn nothing_is_inline_and_nothing_is_elsewhere() {
        assert!(
            !INDEX.contains("<style") && !INDEX.contains(" style="),
            "inline style"
        );
        assert!(
            !INDEX.contains("<script>") && !INDEX.contains(" onclick"),
            "inline script"
        );
        for (name, _, text) in FILES.iter().chain([&("index.html", HTML, INDEX)]) {
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !text.contains("http:") && !text.contains("https:"),
                "{name} names another host"
            );
        }
    }
}
