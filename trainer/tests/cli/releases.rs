//! Keys, signatures, and what is refused.

use std::path::Path;

use crate::run::{json_of, refusal_of, run, stdout_of, text};

/// A model in a folder, small and quick.
fn model(folder: &Path) -> std::path::PathBuf {
    let (rows, model) = (folder.join("rows.csv"), folder.join("model.picket"));
    stdout_of(&["sample", "--rows", "300", "--out", text(&rows)]);
    let schema = crate::run::schema("phishing.toml");
    stdout_of(&[
        "train",
        "--data",
        text(&rows),
        "--schema",
        text(&schema),
        "--model",
        "tree",
        "--out",
        text(&model),
    ]);
    model
}

#[test]
fn a_release_is_signed_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let model = model(folder.path());
    let model = text(&model);
    let said = stdout_of(&["keygen", "--out", &at("a")]);
    let secret = std::fs::read_to_string(at("a/signing-key.json")).unwrap();
    let seed = secret.split('"').nth(3).unwrap();
    assert_eq!(seed.len(), 64);
    assert!(said.starts_with("key sha256:") && !said.contains(seed));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(at("a/signing-key.json")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }
    let (key, trusted) = (at("a/signing-key.json"), at("a/trusted-keys.json"));
    let (first, second) = (at("1.dsse.json"), at("2.dsse.json"));
    let sign = ["sign", "--model", model, "--key", &key, "--out", &first];
    assert_eq!(stdout_of(&sign), "release 1\n");
    let verify = |envelope: &str, trusted: &str| {
        let arguments = ["verify", "--envelope", envelope, "--trusted-keys", trusted];
        arguments.map(str::to_owned).to_vec()
    };
    let verified = verify(&first, &trusted);
    let mut with_model: Vec<&str> = verified.iter().map(String::as_str).collect();
    with_model.extend(["--model", model]);
    let manifest = json_of(&with_model);
    assert_eq!(manifest["release"], 1);
    assert_eq!(manifest["golden"].as_array().unwrap().len(), 8);
    // A release that withdraws another carries on, and so does the next.
    let revoke = [
        "revoke",
        "--model",
        model,
        "--parent",
        &first,
        "--revoke-release",
        "1",
        "--key",
        &key,
        "--out",
        &second,
    ];
    assert_eq!(stdout_of(&revoke), "release 2\n");
    let third = at("3.dsse.json");
    let next = [
        "sign", "--model", model, "--parent", &second, "--key", &key, "--out", &third,
    ];
    assert_eq!(stdout_of(&next), "release 3\n");
    let verified = verify(&third, &trusted);
    let manifest = json_of(&verified.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(manifest["revoked"]["releases"][0], 1);
    assert_eq!(manifest["parent"], 2);
    // Another's key set does not take it; a key is never overwritten.
    stdout_of(&["keygen", "--out", &at("b")]);
    let verified = verify(&third, &at("b/trusted-keys.json"));
    let said = refusal_of(&verified.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(said.contains("unknown keys"), "{said}");
    let said = refusal_of(&["keygen", "--out", &at("b")]);
    assert!(said.contains("exists"), "{said}");
}

#[test]
fn a_published_release_is_signed_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let model = model(folder.path());
    let (model, store) = (text(&model), at("store"));
    stdout_of(&["keygen", "--out", &at("a")]);
    let (key, trusted) = (at("a/signing-key.json"), at("a/trusted-keys.json"));
    for release in ["1", "2", "3"] {
        stdout_of(&["publish", "--model", model, "--to", &store]);
        let mut sign = vec!["sign", "--to", &store, "--release", release, "--key", &key];
        if release == "2" {
            sign[0] = "revoke";
            sign.extend(["--revoke-release", "1"]);
        }
        assert_eq!(stdout_of(&sign), format!("release {release}\n"));
        // Signed once, and not again with other words.
        let mut again = sign.clone();
        again.extend(["--valid-days", "7"]);
        assert!(refusal_of(&again).contains("exists"));
        stdout_of(&["promote", "--to", &store, release]);
    }
    // The third knows what the second withdrew.
    let (envelope, model) = (
        at("store/releases/3/release.dsse.json"),
        at("store/releases/3/model.picket"),
    );
    let manifest = json_of(&[
        "verify",
        "--envelope",
        &envelope,
        "--trusted-keys",
        &trusted,
        "--model",
        &model,
    ]);
    assert_eq!(manifest["revoked"]["releases"][0], 1);
    let sign = ["sign", "--to", &store, "--release", "9", "--key", &key];
    assert!(refusal_of(&sign).contains("no artifact of release 9"));
}

#[test]
fn keys_rotate_with_the_consent_of_both() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for name in ["a", "b"] {
        stdout_of(&["keygen", "--out", &at(name)]);
    }
    let (old, new) = (at("a/trusted-keys.json"), at("b/trusted-keys.json"));
    let (a, b, out) = (
        at("a/signing-key.json"),
        at("b/signing-key.json"),
        at("2.json"),
    );
    let alone = [
        "rotate-keys",
        "--trusted-keys",
        &old,
        "--with",
        &new,
        "--key",
        &b,
        "--out",
        &out,
    ];
    let said = refusal_of(&alone);
    assert!(said.contains("unknown keys"), "{said}");
    assert!(!Path::new(&out).exists());
    let both = [
        "rotate-keys",
        "--trusted-keys",
        &old,
        "--with",
        &new,
        "--key",
        &a,
        "--key",
        &b,
        "--out",
        &out,
    ];
    assert_eq!(stdout_of(&both), "key set 2\n");
}

#[test]
fn a_key_that_others_can_read_or_that_is_none_is_refused_without_a_word_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    stdout_of(&["keygen", "--out", &at("a")]);
    let key = at("a/signing-key.json");
    let secret = "5ec7e7".repeat(10);
    let envelope = at("e.json");
    std::fs::write(
        &envelope,
        r#"{"payload":"","payloadType":"a","signatures":[]}"#,
    )
    .unwrap();
    let cosign = ["cosign", "--envelope", &envelope, "--key", &key];
    assert_eq!(stdout_of(&cosign), "1 signatures\n");
    std::fs::write(&key, format!("{{\"ed25519_seed\":\"{secret}\"}}")).unwrap();
    let said = refusal_of(&cosign);
    assert!(
        said.contains("not a signing key") && !said.contains(&secret),
        "{said}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let said = refusal_of(&cosign);
        assert!(said.contains("mode 644"), "{said}");
    }
    assert_eq!(run(&cosign).status.code(), Some(2));
}
