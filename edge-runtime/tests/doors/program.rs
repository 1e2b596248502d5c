//! The program itself: its commands, and a server with all of it on.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fixture;
use crate::scene::{PATIENCE, Tested};

fn program(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_edge-runtime"))
        .args(arguments)
        .env_remove("PICKET_TOKENS")
        .env_remove("PICKET_AUDIT_LOG")
        .env_remove("PICKET_CONFIG")
        .output()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_string_lossy().into_owned()
}

#[test]
fn tokens_are_made_listed_and_removed_and_all_of_it_is_audited() -> Tested {
    let folder = tempfile::tempdir()?;
    let (tokens, log) = (
        path(folder.path(), "tokens.json"),
        path(folder.path(), "audit.jsonl"),
    );
    let place = ["--tokens", &tokens, "--audit-log", &log];
    let add =
        |name: &str, rest: &[&str]| program(&[&["token", "add", name], rest, &place[..]].concat());
    let made = add("app", &["--role", "score", "--rate", "600/min burst 50"])?;
    assert!(made.status.success(), "{}", text(&made.stderr));
    let secret = text(&made.stdout).trim_end().to_owned();
    assert!(
        secret.starts_with("picket_") && secret.len() == 71,
        "{secret}"
    );
    let vault = folder.path().join("secret");
    std::fs::write(&vault, "a-Secret/that+comes_from=the:vault;0123\n")?;
    let brought = add(
        "vault",
        &["--role", "admin", "--secret-file", &vault.to_string_lossy()],
    )?;
    assert!(
        brought.status.success() && brought.stdout.is_empty(),
        "{}",
        text(&brought.stderr)
    );
    for (name, role, said) in [
        ("app", "score", "there is a token named app"),
        ("b", "trainer", "none of the edge's"),
        ("b c", "score", "token name"),
    ] {
        let refused = add(name, &["--role", role])?;
        assert!(
            !refused.status.success() && text(&refused.stderr).contains(said),
            "{}",
            text(&refused.stderr)
        );
    }
    let listed = text(&program(&["token", "list", "--tokens", &tokens])?.stdout);
    assert!(
        listed.starts_with("app ") && listed.contains("600/min burst 50"),
        "{listed}"
    );
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let removed = program(&[&["token", "remove", "app"], &place[..]].concat())?;
    assert!(removed.status.success());
    let listed = text(&program(&["token", "list", "--tokens", &tokens])?.stdout);
    assert!(
        listed.starts_with("vault ") && listed.contains("unlimited"),
        "{listed}"
    );
    // The log tells all of it, and no secret stands anywhere.
    let audited = std::fs::read_to_string(&log)?;
    let actions: Vec<String> = audited
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            format!(
                "{} {}",
                line["action"].as_str().unwrap_or_default(),
                line["outcome"].as_str().unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        actions,
        [
            "token.add done",
            "token.add done",
            "token.add failed",
            "token.add failed",
            "token.remove done"
        ]
    );
    for kept in [&audited, &listed, &std::fs::read_to_string(&tokens)?] {
        assert!(
            !kept.contains(&secret[7..]) && !kept.contains("vault;0123"),
            "{kept}"
        );
    }
    Ok(())
}

#[test]
fn a_changed_audit_log_is_found_by_its_line() -> Tested {
    let folder = tempfile::tempdir()?;
    let (tokens, log) = (
        path(folder.path(), "tokens.json"),
        path(folder.path(), "audit.jsonl"),
    );
    for name in ["a", "b", "c"] {
        program(&[
            "token",
            "add",
            name,
            "--role",
            "score",
            "--tokens",
            &tokens,
            "--audit-log",
            &log,
        ])?;
    }
    let verified = program(&["audit", "verify", &log])?;
    let said = text(&verified.stdout);
    assert!(
        verified.status.success() && said.starts_with("events 3\nhead "),
        "{said}"
    );
    let head = said
        .lines()
        .nth(1)
        .and_then(|it| it.strip_prefix("head "))
        .ok_or("a head")?
        .to_owned();
    assert!(
        program(&["audit", "verify", &log, "--contains", &head])?
            .status
            .success()
    );
    let good = std::fs::read_to_string(&log)?;
    let changed = good.replacen("\"token\":\"b\"", "\"token\":\"x\"", 1);
    std::fs::write(&log, changed)?;
    let refused = program(&["audit", "verify", &log])?;
    assert!(
        !refused.status.success() && text(&refused.stderr).contains("line 3"),
        "{}",
        text(&refused.stderr)
    );
    // Nothing is added to it, and no token made that it would not tell of.
    let refused = program(&[
        "token",
        "add",
        "d",
        "--role",
        "score",
        "--tokens",
        &tokens,
        "--audit-log",
        &log,
    ])?;
    assert!(!refused.status.success());
    assert!(!std::fs::read_to_string(&tokens)?.contains("\"d\""));
    // The last line taken away: the chain holds, and what was kept beside it shows it.
    let shorter: Vec<&str> = good.split_inclusive('\n').take(2).collect();
    std::fs::write(&log, shorter.concat())?;
    let kept = path(folder.path(), "audit.jsonl.head");
    let refused = program(&["audit", "verify", &log])?;
    let said = text(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("audit.jsonl.head") && said.contains("cut off"),
        "{said}"
    );
    // That gone too, only what was kept elsewhere shows it.
    std::fs::remove_file(kept)?;
    assert!(program(&["audit", "verify", &log])?.status.success());
    assert!(
        !program(&["audit", "verify", &log, "--contains", &head])?
            .status
            .success()
    );
    Ok(())
}

#[test]
fn settings_are_explained_with_their_sources() -> Tested {
    let folder = tempfile::tempdir()?;
    let file = path(folder.path(), "picket.toml");
    std::fs::write(
        &file,
        "[serve]\nmodel = \"m\"\nmax-rows = 7\nlisten = \"127.0.0.1:1\"\n",
    )?;
    let explained = Command::new(env!("CARGO_BIN_EXE_edge-runtime"))
        .args(["config", "explain", "serve", "--instances", "3"])
        .env("PICKET_CONFIG", &file)
        .env("PICKET_LISTEN", "127.0.0.1:2")
        .env("PICKET_UPLOAD", "mongodb://user:secret@host")
        .env("PICKET_SPOOL", "spool")
        .env("PICKET_PSEUDONYM_KEY", "another secret")
        .output()?;
    let said = text(&explained.stdout);
    assert!(explained.status.success(), "{}", text(&explained.stderr));
    for line in [
        "instances = 3  # flag",
        "listen = \"127.0.0.1:2\"  # environment PICKET_LISTEN",
        &format!("max-rows = 7  # file {file}"),
        "upload = \"***\"  # environment PICKET_UPLOAD",
        "log-level = \"info\"  # default",
    ] {
        assert!(said.lines().any(|it| it == line), "{line}: {said}");
    }
    assert!(!said.contains("secret"), "{said}");
    std::fs::write(&file, "[serve]\nmax-row = 7\n")?;
    let refused = program(&["serve", "--config", &file, "--model", "m"])?;
    assert!(
        text(&refused.stderr).contains("is max-rows meant?"),
        "{}",
        text(&refused.stderr)
    );
    Ok(())
}

#[expect(clippy::too_many_lines, reason = "one server, told about once")]
#[test]
fn a_server_tells_its_requests_and_changes_and_no_secret() -> Tested {
    let Some(component) = std::env::var_os("PICKET_SCORER_COMPONENT") else {
        eprintln!(
            "SKIPPED: PICKET_SCORER_COMPONENT names no component; `cargo xtask build-wasm` builds it"
        );
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let at = |name: &str| path(folder.path(), name);
    std::fs::write(at("model.picket"), fixture::artifact(fixture::PHISHING)?)?;
    let place = [
        "--tokens",
        &at("tokens.json"),
        "--audit-log",
        &at("audit.jsonl"),
    ];
    let add = |name: &str| program(&[&["token", "add", name, "--role", name], &place[..]].concat());
    let (admin, score) = (text(&add("admin")?.stdout), text(&add("score")?.stdout));
    std::fs::write(
        at("picket.toml"),
        format!(
            "[serve]\nmodel = {:?}\nlog-requests = \"all\"\nlisten = \"127.0.0.1:0\"\n",
            at("model.picket")
        ),
    )?;
    let mut serving = Command::new(env!("CARGO_BIN_EXE_edge-runtime"))
        .args([
            "serve",
            "--config",
            &at("picket.toml"),
            "--log-file",
            &at("log"),
            "--log-max-bytes",
            "4096",
            "--log-files",
            "2",
        ])
        .args(place)
        .env("PICKET_SCORER_COMPONENT", component)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut first = String::new();
    BufReader::new(serving.stdout.take().ok_or("output")?).read_line(&mut first)?;
    let url = first
        .trim()
        .strip_prefix("listening on ")
        .ok_or("a URL")?
        .to_owned();
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let token = |secret: &str| format!("Bearer {}", secret.trim());
    let predict = |authorization: &str| -> Result<u16, ureq::Error> {
        let asked = agent
            .post(format!("{url}/predict"))
            .header("authorization", authorization);
        Ok(asked
            .content_type("application/json")
            .send("{\"features\":{}}")?
            .status()
            .as_u16())
    };
    assert_eq!(predict(&token(&score))?, 200);
    assert_eq!(predict("Bearer a stranger's guess")?, 401);
    let head = agent
        .get(format!("{url}/admin/audit"))
        .header("authorization", token(&admin))
        .call()?;
    let head: Value = serde_json::from_str(&head.into_body().read_to_string()?)?;
    assert_eq!(head["n_events"], 4, "two tokens, the model, this call");
    // A removed token is refused within seconds, and a signal is quicker.
    program(&[&["token", "remove", "score"], &place[..]].concat())?;
    let removed = Instant::now();
    while predict(&token(&score))? != 401 {
        assert!(removed.elapsed() < PATIENCE, "still let in");
        std::thread::sleep(Duration::from_millis(100));
    }
    for _ in 0..40 {
        predict(&token(&admin))?;
    }
    let lines = |name: &str| std::fs::read_to_string(at(name));
    let (now, before) = (lines("log")?, lines("log.1")?);
    assert!(now.len() <= 4096 && before.len() <= 4096 && !folder.path().join("log.2").exists());
    for line in now.lines().chain(before.lines()) {
        let line: Value = serde_json::from_str(line)?;
        assert!(
            line["time"].is_string() && line["level"].is_string(),
            "{line}"
        );
        if line["event"] == "request" {
            assert_eq!(
                line["request_id"].as_str().map(str::len),
                Some(32),
                "{line}"
            );
        }
    }
    let audited = lines("audit.jsonl")?;
    for action in [
        "token.add",
        "model.load",
        "admin.call",
        "token.remove",
        "tokens.reload",
    ] {
        assert!(
            audited.contains(&format!("\"action\":\"{action}\"")),
            "{action}: {audited}"
        );
    }
    for secret in [admin.trim(), score.trim(), "stranger's guess"] {
        let secret = secret.trim_start_matches("picket_");
        for told in [&now, &before, &audited] {
            assert!(!told.contains(secret), "{told}");
        }
    }
    assert!(
        program(&["audit", "verify", &at("audit.jsonl")])?
            .status
            .success()
    );
    serving.kill()?;
    serving.wait()?;
    Ok(())
}
