//! `GET /docs`: the API's description as one page that needs no script and no network.

use std::fmt::Write as _;

use picket_schema::Domain;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;

use crate::batch_table::{escaped, html_head};
use crate::openapi::openapi;
use crate::problem::ProblemKind;
use crate::reply::Reply;
use crate::served_model::ServedModel;

/// The page.
pub(crate) fn page(model: &ServedModel) -> Reply {
    let api = openapi();
    let mut out = html_head("Picket: API");
    let _ = write!(
        out,
        "<h1>Picket</h1>\n<p>{}</p>\n<p>Model {}, <code>{}</code>. The same description for programs: \
         <a href=/openapi.json>/openapi.json</a>.</p>\n",
        escaped(api.info.description.as_deref().unwrap_or_default()),
        escaped(model.version()),
        model.digest(),
    );
    out.push_str(&example(model));
    out.push_str("<h2>Routes</h2>\n");
    for (path, item) in &api.paths.paths {
        for (method, operation) in [("GET", &item.get), ("POST", &item.post)] {
            if let Some(operation) = operation {
                push_operation(&mut out, method, path, operation);
            }
        }
    }
    out.push_str("<h2>Features</h2>\n<table>\n<thead><tr><th scope=col>Name<th scope=col>Expected<th scope=col>Meaning</tr></thead>\n<tbody>\n");
    for feature in &model.schema.features {
        let (name, domain) = (escaped(&feature.name), escaped(&feature.domain.in_words()));
        let meaning = escaped(&feature.description);
        let _ = writeln!(
            out,
            "<tr><td><code>{name}</code><td>{domain}<td>{meaning}</tr>"
        );
    }
    out.push_str("</tbody>\n</table>\n<h2>Problems</h2>\n<table>\n<thead><tr><th scope=col>Type<th scope=col>Status<th scope=col>Meaning</tr></thead>\n<tbody>\n");
    for kind in ProblemKind::ALL {
        let (slug, status, title) = (kind.slug(), kind.status().as_u16(), escaped(kind.title()));
        let _ = writeln!(
            out,
            "<tr id={slug}><td><code>{slug}</code><td>{status}<td>{title}</tr>"
        );
    }
    out.push_str("</tbody>\n</table>\n</html>\n");
    Reply::ok("text/html; charset=utf-8", out)
}

fn push_operation(out: &mut String, method: &str, path: &str, operation: &Operation) {
    let summary = operation.summary.as_deref().unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<h3><code>{method} {}</code></h3>\n<p>{}</p>\n",
        escaped(path),
        escaped(summary)
    );
    if let Some(description) = operation
        .description
        .as_deref()
        .filter(|text| !text.is_empty())
    {
        let _ = writeln!(out, "<p>{}</p>", escaped(description));
    }
    for parameter in operation.parameters.iter().flatten() {
        let RefOr::T(parameter) = parameter else {
            continue;
        };
        let name = escaped(&parameter.name);
        let meaning = escaped(parameter.description.as_deref().unwrap_or_default());
        let _ = writeln!(out, "<p>Parameter <code>{name}</code>: {meaning}.</p>");
    }
    if let Some(RefOr::T(body)) = &operation.request_body {
        let kinds: Vec<&str> = body.content.keys().map(String::as_str).collect();
        let _ = writeln!(
            out,
            "<p>Takes <code>{}</code>.</p>",
            escaped(&kinds.join(", "))
        );
    }
    out.push_str("<ul>\n");
    for (status, response) in &operation.responses.responses {
        let RefOr::T(response) = response else {
            continue;
        };
        let kinds: Vec<&str> = response.content.keys().map(String::as_str).collect();
        let _ = writeln!(
            out,
            "<li>{}: {} <code>{}</code></li>",
            escaped(status),
            escaped(&response.description),
            escaped(&kinds.join(", ")),
        );
    }
    out.push_str("</ul>\n");
}

/// A request that this model answers.
fn example(model: &ServedModel) -> String {
    let mut entries = Vec::with_capacity(model.n_features());
    for feature in &model.schema.features {
        let value = match &feature.domain {
            Domain::Range([min, _]) => min.to_string(),
            Domain::Values(values) => values.first().copied().unwrap_or_default().to_string(),
            Domain::Categories(names) => serde_json::json!(names.first()).to_string(),
            Domain::Hashed(_) => "\"any text\"".to_owned(),
        };
        entries.push(format!("{}:{value}", serde_json::json!(feature.name)));
    }
    // Written by hand: the order of a map's keys is a matter of serde_json's features.
    let body = format!("{{\"features\":{{{}}}}}", entries.join(","));
    let command = format!(
        "curl -s 'localhost:3000/predict?explain=true' -H 'content-type: application/json' -d '{}'",
        body.replace('\'', "'\\''")
    );
    format!("<h2>Try it</h2>\n<pre>{}</pre>\n", escaped(&command))
}
