//! Who may do what, and what is written down of it.

use std::time::{Duration, Instant};

use picket_access::audit;

use crate::bench::Bench;
use crate::client::Client;
use crate::process::{Process, run};

fn add(bench: &Bench, name: &str, role: &str) -> String {
    let state = bench.state().display().to_string();
    let (code, secret, said) = run(&["token", "add", name, "--role", role, "--state", &state]);
    assert_eq!(code, Some(0), "{said}");
    secret.trim().to_owned()
}

fn arguments(bench: &Bench) -> Vec<String> {
    let mut arguments = bench.work_arguments();
    let pipeline = bench.pipeline().display().to_string();
    arguments.extend(["--pipeline".to_owned(), pipeline, "--no-work".to_owned()]);
    arguments
}

#[test]
fn each_role_may_do_its_own_and_changes_are_written_down() {
    let bench = Bench::small();
    let viewer = add(&bench, "vera", "viewer");
    let trainer = add(&bench, "tom", "trainer");
    let admin = add(&bench, "ada", "admin");
    let (_process, url) = Process::serve(&arguments(&bench), None);
    let as_of = |token: &str| Client::new(&url, Some(token));
    let (nobody, viewer) = (Client::new(&url, None), as_of(&viewer));
    let (trainer, admin) = (as_of(&trainer), as_of(&admin));

    assert_eq!(nobody.get("/health").status, 200);
    assert_eq!(nobody.get("/ready").status, 200);
    for path in [
        "/runs",
        "/train",
        "/metrics",
        "/docs",
        "/openapi.json",
        "/nowhere",
    ] {
        let answer = nobody.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    assert_eq!(viewer.get("/runs").status, 200);
    assert_eq!(viewer.get("/train").status, 403);
    assert_eq!(trainer.get("/task").status, 200);
    let task_id = trainer.train("{}");
    assert_eq!(
        viewer
            .send("DELETE", &format!("/task/{task_id}"), &[], b"")
            .status,
        403
    );
    let cancelled = trainer.send("DELETE", &format!("/task/{task_id}"), &[], b"");
    assert_eq!(
        (cancelled.status, &cancelled.json()["status"]),
        (202, &"CANCELLED".into())
    );
    assert_eq!(trainer.post("/models/1/promote", "", "").status, 403);
    assert_eq!(admin.post("/models/1/promote", "", "").status, 404);

    // A token that is taken away lets in no longer.
    let state = bench.state().display().to_string();
    assert_eq!(
        run(&["token", "remove", "tom", "--state", &state]).0,
        Some(0)
    );
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(trainer.get("/task").status, 401);
    assert_eq!(viewer.get("/task").status, 200);

    let place = bench.state().join("audit.jsonl");
    let verified = audit::verify(&place).unwrap();
    let text = std::fs::read_to_string(&place).unwrap();
    // Three tokens, a training, its end by hand, a promotion that came to nothing, a token taken away; and three attempts.
    assert_eq!(verified.n_events, 10, "{text}");
    let refused = [("vera", "GET /train"), ("vera", "DELETE /task/{id}")];
    for (name, request) in refused
        .into_iter()
        .chain([("tom", "POST /models/{id}/promote")])
    {
        let is_it = |line: &str| {
            line.contains(&format!("\"{name}\""))
                && line.contains(request)
                && line.contains("\"refused\"")
        };
        assert!(text.lines().any(is_it), "{name} {request}: {text}");
    }
    for words in [
        "\"token.add\"",
        "\"train.start\"",
        "\"task.cancel\"",
        "\"model.promote\"",
        "\"token.remove\"",
        "\"ada\"",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let tokens = std::fs::read_to_string(bench.state().join("tokens.json")).unwrap();
    for client in [&viewer, &trainer, &admin] {
        let secret = client.token.as_deref().unwrap();
        assert!(
            !text.contains(secret) && !tokens.contains(secret),
            "no secret is kept"
        );
    }
}

#[test]
fn guessing_is_slow_and_the_service_is_closed_by_default() {
    let bench = Bench::small();
    let pipeline = bench.pipeline().display().to_string();
    let state = bench.state().display().to_string();
    let serve = ["serve", "--pipeline", &pipeline, "--state", &state];
    let (code, _, said) = run(&serve);
    assert_eq!(code, Some(2));
    assert!(said.contains("token add"), "{said}");
    let open: Vec<&str> = serve
        .iter()
        .copied()
        .chain(["--insecure-local", "--listen", "0.0.0.0:0"])
        .collect();
    let (code, _, said) = run(&open);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("--insecure-local") && said.contains("0.0.0.0"),
        "{said}"
    );
    let (code, _, said) = run(&["token", "add", "eve", "--role", "score", "--state", &state]);
    assert_eq!(code, Some(2), "a role of another server: {said}");

    add(&bench, "ada", "admin");
    let (_process, url) = Process::serve(&arguments(&bench), None);
    let stranger = Client::new(&url, Some("picket_guess"));
    let start = Instant::now();
    let mut n_heard = 0;
    // One more every two seconds, so how many are heard depends on how long it takes.
    let refused = loop {
        let answer = stranger.get("/runs");
        if answer.status != 401 {
            break answer;
        }
        n_heard += 1;
        let most = 31 + start.elapsed().as_secs() / 2;
        assert!(n_heard <= most, "{n_heard} were heard, not {most}");
        assert!(n_heard < 200, "guesses are answered as they come");
    };
    assert!(n_heard >= 30, "{n_heard} were heard");
    assert_eq!(refused.status, 429, "{refused:?}");
    // As the words say it.
    let wait = refused.header("retry-after");
    assert!((1..=3).contains(&wait.parse().unwrap()), "{refused:?}");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.ends_with(&format!("try again in {wait} s")),
        "{detail}"
    );
}
