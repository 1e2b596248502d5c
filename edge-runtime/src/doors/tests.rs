//! Roles by routes, rates by a clock of the test's own, origins.

use super::*;
use picket_access::TokenFile;
use picket_service::ROUTES;
use std::sync::Mutex;

type Tested = Result<(), Box<dyn std::error::Error>>;

type Guarded = (Doors, Vec<(Role, String)>, tempfile::TempDir);

/// Doors with a token for each role; the secrets by role.
fn guarded(rate: Option<&str>) -> Result<Guarded, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tokens.json");
    let mut tokens = TokenFile::new();
    let rate = rate.map(str::parse).transpose()?;
    let mut secrets = Vec::new();
    for role in Role::EDGE {
        let made = tokens.add(role.as_str(), role, rate)?;
        secrets.push((role, made.secret().to_owned()));
    }
    tokens.write(&path)?;
    let origins = AllowedOrigins::new(["https://page.example"])?;
    Ok((Doors::with_tokens(path, origins)?, secrets, folder))
}

fn post(headers: &[(&str, &str)]) -> Result<Request<()>, http::Error> {
    let mut request = Request::post("/predict");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(())
}

fn status(entered: &Result<Option<Identity>, Box<Refusal>>) -> u16 {
    match entered {
        Ok(_) => 200,
        Err(refusal) => refusal.problem.kind.status().as_u16(),
    }
}

/// The columns: nobody, a stranger, then [`Role::EDGE`]: viewer, score, feedback, deliver, admin.
const MATRIX: [(&str, [u16; 7]); 14] = [
    ("/health", [200; 7]),
    ("/ready", [200; 7]),
    ("/docs", [200; 7]),
    ("/openapi.json", [200; 7]),
    ("page", [200; 7]),
    ("/model", [401, 401, 200, 200, 200, 403, 200]),
    ("/model.picket", [401, 401, 200, 200, 200, 403, 200]),
    ("/metrics", [401, 401, 200, 200, 200, 403, 200]),
    ("unknown", [401, 401, 200, 200, 200, 403, 200]),
    ("/predict", [401, 401, 403, 200, 200, 403, 200]),
    ("/predict/batch", [401, 401, 403, 200, 200, 403, 200]),
    ("/feedback", [401, 401, 403, 403, 200, 403, 200]),
    ("/admin/reload", [401, 401, 403, 403, 403, 403, 200]),
    ("a route of tomorrow", [401, 401, 403, 403, 403, 403, 200]),
];

#[test]
fn every_route_lets_in_the_roles_of_the_table() -> Tested {
    let (doors, secrets, _folder) = guarded(None)?;
    for route in ROUTES {
        assert!(
            MATRIX.iter().any(|(name, _)| *name == route),
            "{route} is not in the table"
        );
    }
    for (route, expected) in MATRIX {
        let mut found = Vec::new();
        let stranger = format!("picket_{}", "0".repeat(64));
        let presented = [None, Some(&stranger)]
            .into_iter()
            .chain(secrets.iter().map(|(_, secret)| Some(secret)));
        for secret in presented {
            let authorization = secret.map(|it| format!("Bearer {it}"));
            let headers: Vec<_> = authorization
                .iter()
                .map(|it| ("authorization", it.as_str()))
                .collect();
            found.push(status(
                &doors.enter(&post(&headers)?, needed_role(route, route)),
            ));
        }
        assert_eq!(found, expected, "{route}");
    }
    // Without a token file everybody is let in.
    let open = Doors::default();
    for (route, _) in MATRIX {
        assert_eq!(
            status(&open.enter(&post(&[])?, needed_role(route, route))),
            200,
            "{route}"
        );
    }
    Ok(())
}

#[test]
fn a_token_comes_in_one_bearer_header() -> Tested {
    let (doors, secrets, _folder) = guarded(None)?;
    let secret = &secrets[1].1;
    let needed = needed_role("/predict", "/predict");
    let enter = |headers: &[(&str, &str)]| -> Result<u16, http::Error> {
        Ok(status(&doors.enter(&post(headers)?, needed)))
    };
    let (good, lower) = (format!("Bearer {secret}"), format!("bearer  {secret} "));
    assert_eq!(enter(&[("authorization", &good)])?, 200);
    assert_eq!(enter(&[("authorization", &lower)])?, 200);
    let basic = format!("Basic {secret}");
    for wrong in [&basic, secret, "Bearer", "Bearer ", "Bearer \u{e9}"] {
        assert_eq!(enter(&[("authorization", wrong)])?, 401, "{wrong}");
    }
    let twice = [
        ("authorization", good.as_str()),
        ("authorization", good.as_str()),
    ];
    assert_eq!(enter(&twice)?, 401);
    // The secret stands in no refusal.
    let refused = doors.enter(&post(&[("authorization", &format!("{good}x"))])?, needed);
    assert!(
        !format!("{refused:?}").contains(secret.as_str()),
        "{refused:?}"
    );
    Ok(())
}

#[test]
fn a_rate_holds_by_the_clock() -> Tested {
    let (doors, secrets, _folder) = guarded(Some("60/min burst 2"))?;
    let now = Arc::new(Mutex::new(Instant::now()));
    let told = Arc::clone(&now);
    let doors = doors.with_clock(Arc::new(move || *told.lock().expect("no panic")));
    let (score, admin) = (
        format!("Bearer {}", secrets[1].1),
        format!("Bearer {}", secrets[4].1),
    );
    let needed = needed_role("/feedback", "/feedback");
    let enter = |secret: &str| -> Result<_, http::Error> {
        Ok(doors.enter(&post(&[("authorization", secret)])?, needed))
    };
    assert_eq!(status(&enter(&admin)?), 200);
    assert_eq!(status(&enter(&admin)?), 200);
    let refused = enter(&admin)?;
    assert_eq!(status(&refused), 429);
    let wait = refused.expect_err("too many").retry_after;
    assert_eq!(wait, Some(Duration::from_secs(1)));
    // Others have their own; and what is forbidden counts too.
    assert_eq!(status(&enter(&score)?), 403);
    assert_eq!(status(&enter(&score)?), 403);
    assert_eq!(status(&enter(&score)?), 429);
    *now.lock().expect("no panic") += Duration::from_millis(999);
    assert_eq!(status(&enter(&admin)?), 429);
    *now.lock().expect("no panic") += Duration::from_millis(1);
    assert_eq!(status(&enter(&admin)?), 200);
    assert_eq!(status(&enter(&admin)?), 429);
    Ok(())
}

#[test]
fn retry_after_is_in_whole_seconds_and_never_too_soon() {
    for (wait, expected) in [(1, "1"), (1000, "1"), (1001, "2"), (59_500, "60")] {
        let mut headers = HeaderMap::new();
        Refusal::headers(None, Some(Duration::from_millis(wait)), &mut headers);
        assert_eq!(headers[header::RETRY_AFTER], expected);
    }
}

#[test]
fn a_changed_token_file_counts_and_a_broken_one_does_not() -> Tested {
    let (doors, secrets, folder) = guarded(None)?;
    let path = folder.path().join("tokens.json");
    let needed = needed_role("/predict", "/predict");
    let score = format!("Bearer {}", secrets[1].1);
    let request = post(&[("authorization", &score)])?;
    assert!(!doors.reload(false)?);
    std::fs::write(&path, "{")?;
    assert!(doors.reload(false).is_err());
    assert!(!doors.reload(false)?, "one change is told once");
    assert_eq!(status(&doors.enter(&request, needed)), 200);
    let mut tokens = TokenFile::new();
    tokens.add("another", Role::Score, None)?;
    tokens.write(&path)?;
    assert!(doors.reload(false)?);
    assert_eq!(status(&doors.enter(&request, needed)), 401);
    let mut tokens = TokenFile::new();
    tokens.add("trainer", Role::Trainer, None)?;
    tokens.write(&path)?;
    assert!(doors.reload(true).is_err(), "a role of another server");
    Ok(())
}

#[test]
fn pages_of_other_origins_are_kept_out_unless_allowed() -> Tested {
    let (doors, _, _folder) = guarded(None)?;
    let needed = Needed::Nothing;
    for (headers, expected) in [
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
        (vec![("sec-fetch-site", "same-origin")], 200),
        (vec![("sec-fetch-site", "none")], 200),
        (
            vec![
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://page.example"),
            ],
            200,
        ),
        (
            vec![
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://other.example"),
            ],
            403,
        ),
        (vec![], 200),
    ] {
        assert_eq!(
            status(&doors.enter(&post(&headers)?, needed)),
            expected,
            "{headers:?}"
        );
    }
    let preflight = |origin: &str| -> Result<_, http::Error> {
        let request = Request::options("/predict")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .body(())?;
        Ok(doors.preflight::<_, ()>(&request))
    };
    let allowed = preflight("https://page.example")?.expect("a preflight");
    let allowed = allowed.map_err(|_| "refused")?;
    assert_eq!(allowed.status(), 204);
    let asked_with = allowed.headers()["access-control-allow-headers"].to_str()?;
    assert!(asked_with.contains("authorization"), "{asked_with}");
    for stranger in [
        "https://other.example",
        "null",
        "https://page.example.evil",
        "https://page.example:444",
    ] {
        assert!(
            preflight(stranger)?.expect("a preflight").is_err(),
            "{stranger}"
        );
    }
    let plain = Request::options("/predict")
        .header("origin", "https://page.example")
        .body(())?;
    assert!(doors.preflight::<_, ()>(&plain).is_none());
    // Headers of an answer.
    let mut headers = HeaderMap::new();
    let origin = doors.allowed_origin(post(&[("origin", "https://page.example")])?.headers());
    doors.show_to(origin.as_ref(), &mut headers);
    assert_eq!(
        headers["access-control-allow-origin"],
        "https://page.example"
    );
    assert_eq!(headers["vary"], "origin");
    let mut closed = HeaderMap::new();
    Doors::default().show_to(None, &mut closed);
    assert!(closed.is_empty());
    Ok(())
}
