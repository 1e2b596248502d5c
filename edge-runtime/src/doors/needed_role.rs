//! Which route needs which role.

use picket_access::Role;

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needed {
    /// Nothing: whoever reaches the server may ask.
    Nothing,
    /// A token with this role.
    Role(Role),
}

/// What a route needs, by its label.
///
/// Open are the probes of those who keep the service running, and what is the same on every server: the page, the
/// description of the API. The model is worth something, so it needs a token, as the metrics do.
pub(crate) fn needed_role(path: &str, label: &str) -> Needed {
    if path.starts_with("/admin/") {
        return Needed::Role(Role::Admin);
    }
    match label {
        "/health" | "/ready" | "/docs" | "/openapi.json" | "page" => Needed::Nothing,
        "/model" | "/model.picket" | "/metrics" | "unknown" => Needed::Role(Role::Viewer),
        "/predict" | "/predict/batch" => Needed::Role(Role::Score),
        "/feedback" => Needed::Role(Role::Feedback),
        _ => Needed::Role(Role::Admin),
    }
}
