//! Who may depend on whom.

use super::Finding;
use serde_json::Value;

/// Every crate of the workspace and the rooms that it may use. A room that is missing here, or
/// here and not there, is a finding: a rule about nothing checks nothing.
const ROOMS: [(&str, &[&str]); 16] = [
    ("picket-schema", &[]),
    ("picket-access", &[]),
    ("picket-telemetry", &[]),
    ("picket-kernels", &[]),
    ("picket-wasm-model", &["picket-schema", "picket-kernels"]),
    ("picket-verifier", &["picket-schema"]),
    (
        "picket-trainer",
        &[
            "picket-schema",
            "picket-access",
            "picket-telemetry",
            "picket-wasm-model",
            "picket-service",
        ],
    ),
    ("picket-service", &["picket-schema", "picket-wasm-model"]),
    (
        "picket-record",
        &["picket-schema", "picket-wasm-model", "picket-service"],
    ),
    (
        "picket-edge-runtime",
        &[
            "picket-schema",
            "picket-access",
            "picket-telemetry",
            "picket-wasm-model",
            "picket-service",
            "picket-record",
        ],
    ),
    (
        "picket-spin",
        &[
            "picket-schema",
            "picket-wasm-model",
            "picket-service",
            "picket-record",
        ],
    ),
    (
        "picket-journeys",
        &[
            "picket-schema",
            "picket-access",
            "picket-wasm-model",
            "picket-trainer",
            "picket-service",
            "picket-edge-runtime",
        ],
    ),
    ("xtask", &[]),
    ("picket-wasm-link", &[]),
    ("picket-bench-scorer", &["picket-wasm-model"]),
    ("picket-bench-http", &[]),
];

/// Crates from outside (by name, or by the start of it with `*`), the rooms that may use them and
/// the one that must, so that the rule is about something.
const OUTSIDERS: [(&str, &[&str], &str); 6] = [
    ("linfa*", &["picket-trainer"], "picket-trainer"),
    ("ndarray*", &["picket-trainer"], "picket-trainer"),
    (
        "wasmtime*",
        &[
            "picket-edge-runtime",
            "picket-journeys",
            "picket-bench-scorer",
            "picket-bench-http",
        ],
        "picket-edge-runtime",
    ),
    ("spin-sdk", &["picket-spin"], "picket-spin"),
    (
        "wasm-bindgen",
        &["picket-wasm-model", "picket-verifier"],
        "picket-wasm-model",
    ),
    ("wit-bindgen", &["picket-wasm-model"], "picket-wasm-model"),
];

/// Dependencies that exist for one feature of the scorer alone.
const BINDINGS: [(&str, &str); 2] = [("wasm-bindgen", "browser"), ("wit-bindgen", "component")];

/// Rooms without I/O, clock or randomness, and what would bring them in.
const PURE: [&str; 5] = [
    "picket-schema",
    "picket-kernels",
    "picket-wasm-model",
    "picket-service",
    "picket-record",
];
const IMPURE: [&str; 13] = [
    "tokio*",
    "axum*",
    "hyper*",
    "reqwest",
    "ureq",
    "mongodb",
    "aws-*",
    "rand*",
    "getrandom",
    "chrono",
    "time",
    "rayon",
    "tempfile",
];

pub(crate) fn check(metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let packages = array(&metadata["packages"]);
    let package = |name: &str| packages.iter().find(|package| package["name"] == name);

    for package in packages {
        let name = text(&package["name"]);
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == name) else {
            findings.push(Finding::new(
                name,
                "a new crate: say in arrows.rs what it may use",
            ));
            continue;
        };
        for dependency in array(&package["dependencies"]) {
            let used = text(&dependency["name"]);
            if !dependency["path"].is_null() && !allowed.contains(&used) {
                findings.push(Finding::new(name, format!("must not use {used}")));
            }
            let outsider = OUTSIDERS
                .iter()
                .find(|(pattern, ..)| matches(pattern, used));
            if let Some((pattern, rooms, _)) = outsider
                && !rooms.contains(&name)
            {
                findings.push(Finding::new(
                    name,
                    format!("{pattern} belongs to {}", rooms.join(", ")),
                ));
            }
            // Tests may do what the room itself must not.
            if PURE.contains(&name)
                && dependency["kind"] != "dev"
                && IMPURE.iter().any(|pattern| matches(pattern, used))
            {
                findings.push(Finding::new(
                    name,
                    format!("is pure and must not use {used}"),
                ));
            }
        }
    }
    for (room, _) in ROOMS {
        if package(room).is_none() {
            findings.push(Finding::new(
                room,
                "arrows.rs has a rule for it, but it is not there",
            ));
        }
    }
    for (pattern, _, user) in OUTSIDERS {
        let used = package(user).is_some_and(|package| {
            array(&package["dependencies"])
                .iter()
                .any(|dep| matches(pattern, text(&dep["name"])))
        });
        if !used {
            findings.push(Finding::new(
                user,
                format!("should use {pattern}; change arrows.rs if not"),
            ));
        }
    }
    if let Some(scorer) = package("picket-wasm-model") {
        for (binding, feature) in BINDINGS {
            findings.extend(behind_feature(scorer, binding, feature));
        }
    }
    findings
}

/// The dependency is optional, its feature switches it on, and no other feature does.
fn behind_feature(package: &Value, dependency: &str, feature: &str) -> Option<Finding> {
    let name = text(&package["name"]);
    let optional = array(&package["dependencies"])
        .iter()
        .filter(|entry| entry["name"] == dependency && entry["kind"] != "dev")
        .all(|entry| entry["optional"] == true);
    let switch = format!("dep:{dependency}");
    let through = format!("{dependency}/");
    let switching: Vec<&str> = package["features"]
        .as_object()?
        .iter()
        .filter(|(_, parts)| {
            array(parts)
                .iter()
                .map(text)
                .any(|part| part == switch || part == dependency || part.starts_with(&through))
        })
        .map(|(feature, _)| feature.as_str())
        .collect();
    if optional && switching == [feature] {
        return None;
    }
    Some(Finding::new(
        name,
        format!("{dependency} must be optional, behind `{feature}` alone"),
    ))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A workspace as it should be.
    fn good() -> Value {
        let packages: Vec<Value> = ROOMS
            .iter()
            .map(|(name, allowed)| {
                let rooms = allowed.iter().map(
                    |room| json!({"name": room, "path": "/x", "kind": null, "optional": false}),
                );
                let outsiders =
                    OUTSIDERS
                        .iter()
                        .filter(|(_, _, user)| user == name)
                        .map(|(pattern, ..)| {
                            let used = pattern.trim_end_matches('*');
                            let optional = BINDINGS.iter().any(|(binding, _)| *binding == used);
                            json!({"name": used, "path": null, "kind": null, "optional": optional})
                        });
                json!({
                    "name": name,
                    "dependencies": rooms.chain(outsiders).collect::<Vec<_>>(),
                    "features": {"browser": ["dep:wasm-bindgen"], "component": ["dep:wit-bindgen"]},
                })
            })
            .collect();
        json!({ "packages": packages })
    }

    fn package<'v>(metadata: &'v mut Value, name: &str) -> &'v mut Value {
        metadata["packages"]
            .as_array_mut()
            .and_then(|packages| packages.iter_mut().find(|package| package["name"] == name))
            .expect("a package")
    }

    fn with_dependency(name: &str, dependency: &str, path: &Value, kind: &Value) -> Vec<Finding> {
        let mut metadata = good();
        package(&mut metadata, name)["dependencies"]
            .as_array_mut()
            .expect("dependencies")
            .push(json!({"name": dependency, "path": path, "kind": kind, "optional": false}));
        check(&metadata)
    }

    #[test]
    fn the_good_workspace_passes() {
        assert_eq!(check(&good()), []);
    }

    #[test]
    fn arrows_up_and_across_are_found() {
        let path = json!("/x");
        for (from, to) in [
            ("picket-schema", "picket-wasm-model"),
            ("picket-trainer", "picket-edge-runtime"),
            ("picket-service", "picket-edge-runtime"),
            ("picket-edge-runtime", "picket-trainer"),
            ("picket-trainer", "picket-journeys"),
            ("picket-access", "picket-schema"),
            ("picket-service", "picket-access"),
        ] {
            assert_eq!(
                with_dependency(from, to, &path, &Value::Null).len(),
                1,
                "{from} -> {to}"
            );
            assert_eq!(
                with_dependency(from, to, &path, &json!("dev")).len(),
                1,
                "{from} -> {to}"
            );
        }
    }

    #[test]
    fn outsiders_stay_in_their_rooms() {
        for (from, to) in [
            ("picket-wasm-model", "linfa-trees"),
            ("picket-edge-runtime", "ndarray"),
            ("picket-service", "wasmtime"),
            ("picket-spin", "wasm-bindgen"),
        ] {
            assert_eq!(
                with_dependency(from, to, &Value::Null, &Value::Null).len(),
                1,
                "{from} {to}"
            );
        }
    }

    #[test]
    fn pure_rooms_stay_pure_outside_their_tests() {
        let found = with_dependency("picket-service", "tokio", &Value::Null, &Value::Null);
        assert_eq!(found.len(), 1);
        assert_eq!(
            with_dependency("picket-service", "tokio", &Value::Null, &json!("dev")),
            []
        );
    }

    #[test]
    fn missing_and_new_rooms_are_found() {
        let mut metadata = good();
        package(&mut metadata, "picket-trainer")["name"] = json!("picket-learner");
        let places: Vec<String> = check(&metadata)
            .into_iter()
            .map(|found| found.place)
            .collect();
        assert!(places.contains(&"picket-learner".to_owned()), "{places:?}");
        assert!(places.contains(&"picket-trainer".to_owned()), "{places:?}");
    }

    #[test]
    fn bindings_are_behind_their_features() {
        let mut metadata = good();
        package(&mut metadata, "picket-wasm-model")["features"]["default"] =
            json!(["dep:wasm-bindgen"]);
        assert_eq!(check(&metadata).len(), 1);
        let mut metadata = good();
        let dependencies = &mut package(&mut metadata, "picket-wasm-model")["dependencies"];
        for dependency in dependencies.as_array_mut().expect("dependencies") {
            dependency["optional"] = json!(false);
        }
        assert_eq!(check(&metadata).len(), 2);
    }
}
