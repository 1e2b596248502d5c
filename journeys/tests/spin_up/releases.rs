//! Signed releases pushed to the component: taken, refused, kept over restarts, and passed over where damaged.

use std::collections::BTreeMap;
use std::fs;

use picket_schema::release::{ArtifactRef, GoldenRow, KeySet, Manifest, Revocations, SigningKey};
use picket_schema::{Artifact, ArtifactDigest};
use picket_wasm_model::{OwnedModel, Scorer};

use crate::stand::{ADMIN, Answer, Client, Result, Stand, component, model, until};

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(crate) fn release(number: u64, seed: u8) -> Result<Vec<u8>> {
    let artifact = model(&format!("model {number}"))?;
    let envelope = manifest(number, &artifact)?.sign(&[&key(seed)])?;
    Ok([&envelope, &b"\n"[..], &artifact].concat())
}

pub(crate) fn manifest(number: u64, artifact: &[u8]) -> Result<Manifest> {
    let owned = OwnedModel::load(artifact.to_vec())?;
    let values = vec![1.0; owned.model().n_features()];
    let scored = Scorer::new(owned.model()).score_batch(&values)?;
    Ok(Manifest {
        artifact: ArtifactRef {
            digest: ArtifactDigest::of(artifact),
            schema_digest: Artifact::schema_digest(artifact)?,
            size: artifact.len() as u64,
        },
        challenger: None,
        expires: (1 << 53) - 1,
        golden: vec![GoldenRow::new(&values, scored[0].margin.0)],
        min_format: 1,
        not_before: 0,
        parent: None,
        release: number,
        revoked: Revocations::default(),
        run_id: None,
        scorer: None,
    })
}

pub(crate) fn stand(component: &std::path::Path, reuse: usize) -> Result<Stand> {
    let mut stand = Stand::new(component, reuse)?;
    let keys = KeySet::new(1, 1, vec![key(1).public()])?;
    stand.set("trusted_keys", std::str::from_utf8(&keys.to_json()?)?);
    stand.set("admin_token", ADMIN);
    stand.set("allow_schema_change", "true");
    Ok(stand)
}

pub(crate) fn push(client: &Client, token: &str, body: &[u8]) -> Result<Answer> {
    let authorization = format!("Bearer {token}");
    // A large body is refused before it is sent.
    let headers = [
        ("authorization", authorization.as_str()),
        ("expect", "100-continue"),
    ];
    client.send("PUT", "/admin/release", &headers, body)
}

pub(crate) fn served(client: &Client) -> Result<String> {
    let health = client.get("/health")?.json()?;
    Ok(health["model"]["version"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

pub(crate) fn refused(
    client: &Client,
    token: &str,
    body: &[u8],
    status: u16,
    said: &str,
) -> Result<()> {
    let answer = push(client, token, body)?;
    assert_eq!(answer.status, status, "{said}: {answer:?}");
    let detail = answer.json()?["detail"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(detail.contains(said), "{detail:?} does not say {said}");
    Ok(())
}

#[test]
fn good_releases_are_served_and_kept_and_others_refused() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    for reuse in [1, 1000] {
        let stand = stand(&component, reuse)?;
        let host = stand.start()?;
        let client = Client::new(&host);
        let bundled = served(&client)?;
        assert!(!bundled.starts_with("model "), "{bundled}");
        refused(
            &client,
            "a stranger's own token",
            &release(1, 1)?,
            401,
            "bearer token",
        )?;
        let anonymous = client.send("PUT", "/admin/release", &[], &release(1, 1)?)?;
        assert_eq!(anonymous.status, 401);
        assert_eq!(served(&client)?, bundled);
        let taken = push(&client, ADMIN, &release(2, 1)?)?;
        assert_eq!(taken.status, 200, "{taken:?}");
        assert_eq!(taken.json()?["release"], 2);
        until("release 2 is served", || Ok(served(&client)? == "model 2"))?;
        let mut flipped = release(3, 1)?;
        *flipped.last_mut().ok_or("a byte")? ^= 1;
        refused(&client, ADMIN, &release(3, 2)?, 409, "untrusted_keys")?;
        refused(&client, ADMIN, &release(1, 1)?, 409, "rolled_back")?;
        refused(&client, ADMIN, b"no release", 400, "envelope")?;
        refused(&client, ADMIN, &vec![b'x'; 18 << 20], 413, "limit")?;
        let got = client.send(
            "GET",
            "/admin/release",
            &[("authorization", &format!("Bearer {ADMIN}"))],
            b"",
        )?;
        assert_eq!(got.status, 405);
        // Its manifest is good: the number is spent, whatever the model is.
        refused(&client, ADMIN, &flipped, 409, "wrong_digest")?;
        assert_eq!(served(&client)?, "model 2");
        drop(host);
        let host = stand.start()?;
        let client = Client::new(&host);
        assert_eq!(served(&client)?, "model 2", "after a restart");
        assert_eq!(client.metric("picket_release_number")?, 2);
        refused(&client, ADMIN, &release(2, 1)?, 409, "rolled_back")?;
        assert_eq!(push(&client, ADMIN, &release(4, 1)?)?.status, 200);
        until("release 4 is served", || Ok(served(&client)? == "model 4"))?;
    }
    Ok(())
}

#[test]
fn without_a_token_nobody_pushes_and_without_keys_nothing_is_trusted() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    let mut stand = stand(&component, 1000)?;
    stand.set("admin_token", "");
    let host = stand.start()?;
    refused(&Client::new(&host), "", &release(1, 1)?, 404, "admin_token")?;
    drop(host);
    stand.set("admin_token", ADMIN);
    stand.set("trusted_keys", "");
    let host = stand.start()?;
    refused(
        &Client::new(&host),
        ADMIN,
        &release(1, 1)?,
        409,
        "trusted_keys",
    )
}

/// The stores' files by what they hold: each file has its key in it.
fn files(stand: &Stand) -> Result<BTreeMap<String, std::path::PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(stand.folder.path().join("state/default"))? {
        let path = entry?.path();
        let bytes = fs::read(&path)?;
        for prefix in ["mark-", "release-", "blob-", "newest"] {
            if bytes
                .get(12..)
                .is_some_and(|rest| rest.starts_with(prefix.as_bytes()))
            {
                let end = bytes.len().min(12 + 43);
                let name = String::from_utf8_lossy(&bytes[12..end]).into_owned();
                files.insert(name, path.clone());
            }
        }
    }
    Ok(files)
}

#[test]
fn a_damaged_release_is_passed_over_for_the_one_before() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    let stand = stand(&component, 1000)?;
    let host = stand.start()?;
    let client = Client::new(&host);
    let bundled = served(&client)?;
    assert_eq!(push(&client, ADMIN, &release(1, 1)?)?.status, 200);
    let before = files(&stand)?;
    assert_eq!(push(&client, ADMIN, &release(2, 1)?)?.status, 200);
    drop(host);
    let damage = |name: &str| -> Result<()> {
        let path = &files(&stand)?[name];
        let mut bytes = fs::read(path)?;
        *bytes.last_mut().ok_or("a byte")? ^= 1;
        Ok(fs::write(path, bytes)?)
    };
    let blobs = |files: &BTreeMap<String, std::path::PathBuf>| -> Vec<String> {
        files
            .keys()
            .filter(|name| name.starts_with("blob-"))
            .cloned()
            .collect()
    };
    let first = blobs(&before);
    let second = blobs(&files(&stand)?)
        .into_iter()
        .find(|it| !first.contains(it));
    damage(&second.ok_or("a second release")?)?;
    let host = stand.start()?;
    let client = Client::new(&host);
    assert_eq!(served(&client)?, "model 1");
    assert_eq!(client.metric("picket_release_damaged")?, 1);
    assert_eq!(client.metric("picket_release_number")?, 1);
    // What is damaged is forgotten, but not that it was there.
    refused(&client, ADMIN, &release(1, 1)?, 409, "rolled_back")?;
    drop(host);
    damage(&first[0])?;
    let host = stand.start()?;
    let client = Client::new(&host);
    assert_eq!(served(&client)?, bundled);
    assert_eq!(client.metric("picket_release_damaged")?, 2);
    assert_eq!(client.metric("picket_release_number")?, 0);
    assert_eq!(push(&client, ADMIN, &release(3, 1)?)?.status, 200);
    until("release 3 is served", || Ok(served(&client)? == "model 3"))
}
