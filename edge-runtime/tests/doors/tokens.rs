//! Tokens over the wire: roles by routes, rates, origins.

use serde_json::Value;

use crate::scene::{Scene, Tested, guarded, header, request, status, tokens};

const JSON: (&str, &str) = ("content-type", "application/json");

/// Method, path, body; then the statuses for nobody, a stranger, viewer, score, feedback, deliver, admin. Feedback is
/// let in by 404: this host records nothing.
const MATRIX: [(&str, &str, &str, [u16; 7]); 14] = [
    ("GET", "/health", "", [200; 7]),
    ("GET", "/ready", "", [200; 7]),
    ("GET", "/", "", [200; 7]),
    ("GET", "/main.js", "", [200; 7]),
    ("GET", "/docs", "", [200; 7]),
    ("GET", "/openapi.json", "", [200; 7]),
    ("GET", "/metrics", "", [401, 401, 200, 200, 200, 403, 200]),
    ("GET", "/model", "", [401, 401, 200, 200, 200, 403, 200]),
    (
        "GET",
        "/model.picket",
        "",
        [401, 401, 200, 200, 200, 403, 200],
    ),
    ("GET", "/nowhere", "", [401, 401, 404, 404, 404, 403, 404]),
    (
        "POST",
        "/predict",
        "{\"features\":{}}",
        [401, 401, 403, 200, 200, 403, 200],
    ),
    (
        "POST",
        "/predict?explain=true",
        "{\"features\":{}}",
        [401, 401, 403, 200, 200, 403, 200],
    ),
    (
        "POST",
        "/feedback",
        "{}",
        [401, 401, 403, 403, 404, 403, 404],
    ),
    (
        "POST",
        "/admin/reload",
        "",
        [401, 401, 403, 403, 403, 403, 200],
    ),
];

#[test]
fn every_route_answers_the_roles_of_the_table() -> Tested {
    let folder = tempfile::tempdir()?;
    let (path, secrets) = tokens(folder.path(), None)?;
    let scene = Scene::start(guarded(&path)?)?;
    for (method, path, body, expected) in MATRIX {
        let stranger = format!("Bearer picket_{}", "0".repeat(64));
        let presented = [None, Some(&stranger)]
            .into_iter()
            .chain(secrets.iter().map(Some));
        let mut found = Vec::new();
        for secret in presented {
            let mut headers = vec![JSON];
            headers.extend(secret.map(|it| ("authorization", it.as_str())));
            let answer = scene.ask(&request(method, path, &headers, body))?;
            found.push(status(&answer));
            if status(&answer) == 401 {
                let challenge = header(&answer, "www-authenticate").ok_or("a challenge")?;
                assert!(challenge.starts_with("Bearer "), "{challenge}");
                assert_eq!(
                    header(&answer, "content-type"),
                    Some("application/problem+json")
                );
            }
        }
        assert_eq!(found, expected, "{method} {path}");
    }
    Ok(())
}

#[test]
fn a_token_used_too_often_gets_429_and_when_to_come_back() -> Tested {
    let folder = tempfile::tempdir()?;
    let (path, secrets) = tokens(folder.path(), Some("1/h burst 2"))?;
    let scene = Scene::start(guarded(&path)?)?;
    let headers = [JSON, ("authorization", secrets[1].as_str())];
    let asked = request("POST", "/predict", &headers, "{\"features\":{}}");
    let start = std::time::Instant::now();
    assert_eq!(status(&scene.ask(&asked)?), 200);
    assert_eq!(status(&scene.ask(&asked)?), 200);
    let refused = scene.ask(&asked)?;
    assert_eq!(status(&refused), 429);
    let wait: u64 = header(&refused, "retry-after").ok_or("a time")?.parse()?;
    // An hour, less what has gone by.
    let gone = start.elapsed().as_secs() + 1;
    assert!((3600 - gone..=3600).contains(&wait), "{wait}");
    let (_, body) = refused.split_once("\r\n\r\n").ok_or("a body")?;
    let problem: Value = serde_json::from_str(body)?;
    assert_eq!(problem["type"], "/docs#too-many-requests");
    assert_eq!(problem["detail"], "the token score may be used 1/h burst 2");
    // Another token has its own rate, and what needs none is open.
    let other = request("GET", "/model", &[("authorization", &secrets[0])], "");
    assert_eq!(status(&scene.ask(&other)?), 200);
    assert_eq!(
        status(&scene.ask(&request("GET", "/health", &[], ""))?),
        200
    );
    Ok(())
}

#[test]
fn there_are_no_administrators_where_there_are_no_tokens() -> Tested {
    let scene = Scene::start(picket_edge_runtime::ServerOptions::default())?;
    for (method, path) in [
        ("POST", "/admin/reload"),
        ("GET", "/admin/audit"),
        ("GET", "/admin/x"),
    ] {
        assert_eq!(
            status(&scene.ask(&request(method, path, &[], ""))?),
            404,
            "{path}"
        );
    }
    Ok(())
}

#[test]
fn an_allowed_origin_is_told_so_and_no_other() -> Tested {
    let folder = tempfile::tempdir()?;
    let (path, secrets) = tokens(folder.path(), None)?;
    let scene = Scene::start(guarded(&path)?)?;
    let asks = ("access-control-request-method", "POST");
    let allowed = ("origin", "https://page.example");
    let preflight = scene.ask(&request("OPTIONS", "/predict", &[allowed, asks], ""))?;
    assert_eq!(status(&preflight), 204, "{preflight}");
    assert_eq!(
        header(&preflight, "access-control-allow-origin"),
        Some(allowed.1)
    );
    assert_eq!(header(&preflight, "access-control-allow-credentials"), None);
    let stranger = ("origin", "https://other.example");
    let refused = scene.ask(&request("OPTIONS", "/predict", &[stranger, asks], ""))?;
    assert_eq!(status(&refused), 403);
    assert_eq!(header(&refused, "access-control-allow-origin"), None);
    let token = ("authorization", secrets[1].as_str());
    let answer = scene.ask(&request("GET", "/model", &[allowed, token], ""))?;
    assert_eq!(
        header(&answer, "access-control-allow-origin"),
        Some(allowed.1)
    );
    assert_eq!(header(&answer, "vary"), Some("origin"));
    let answer = scene.ask(&request("GET", "/model", &[stranger, token], ""))?;
    assert_eq!(
        (
            status(&answer),
            header(&answer, "access-control-allow-origin")
        ),
        (200, None)
    );
    // Also what is refused says so to a page that may ask, or its script could not read why.
    let answer = scene.ask(&request("GET", "/model", &[allowed], ""))?;
    assert_eq!(
        (
            status(&answer),
            header(&answer, "access-control-allow-origin")
        ),
        (401, Some(allowed.1))
    );
    Ok(())
}

#[test]
fn pages_have_a_strict_policy() -> Tested {
    let scene = Scene::start(picket_edge_runtime::ServerOptions::default())?;
    for path in ["/", "/docs"] {
        let answer = scene.ask(&request("GET", path, &[], ""))?;
        let policy = header(&answer, "content-security-policy").ok_or("a policy")?;
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(header(&answer, name), Some(value), "{path}");
        }
        assert_eq!(
            header(&answer, "strict-transport-security"),
            None,
            "not over plain HTTP"
        );
    }
    Ok(())
}
