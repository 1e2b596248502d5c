//! Signed releases on the page, in a real browser: what is believed, what is refused, what is remembered.

use std::time::{SystemTime, UNIX_EPOCH};

use picket_journeys::models;
use picket_journeys::page::Page;
use picket_schema::artifact::Operator;
use picket_schema::release::{ArtifactRef, GoldenRow, KeySet, Manifest, Revocations, SigningKey};
use picket_schema::{Artifact, ArtifactDigest};
use picket_wasm_model::{OwnedModel, Scorer};

fn artifact(name: &str) -> Vec<u8> {
    models::trees(name, &models::phishing(), Operator::LessEqual, 40, 6).bytes
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn envelope(release: u64, artifact: &[u8], margin_off_by: f64, key: &SigningKey) -> Vec<u8> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock")
        .as_secs();
    let decoded = Artifact::decode(artifact).expect("our own artifact");
    let model = OwnedModel::load(artifact.to_vec()).expect("our own artifact");
    let rows = [-1.0, 1.0, f32::NAN].map(|x| vec![x; decoded.schema.n_features()]);
    let golden = rows.iter().map(|row| {
        let margin = Scorer::new(model.model()).margin(row).expect("a margin").0;
        GoldenRow::new(row, margin + margin_off_by)
    });
    let manifest = Manifest {
        artifact: ArtifactRef {
            schema_digest: decoded.schema.digest(),
            digest: ArtifactDigest::of(artifact),
            size: artifact.len() as u64,
        },
        challenger: None,
        expires: now + 86_400,
        golden: golden.collect(),
        min_format: 1,
        not_before: now - 60,
        parent: None,
        release,
        revoked: Revocations::default(),
        run_id: None,
        scorer: None,
    };
    manifest.sign(&[key]).expect("a signed release")
}

#[test]
fn the_page_opens_what_trusted_keys_signed_and_nothing_else() {
    let test = "the_page_opens_what_trusted_keys_signed_and_nothing_else";
    let Some(page) = Page::open(test, artifact("unsigned")) else {
        return;
    };
    let browser = &page.browser;
    assert_eq!(browser.text("#model-trust"), "not signed");
    let loaded = page.site.take_requests();
    assert!(
        !loaded.iter().any(|path| path.contains("verifier")),
        "nothing to verify, nothing to load: {loaded:?}"
    );

    // Keys are trusted: what is served has to be signed from now on.
    let folder = tempfile::tempdir().expect("a folder");
    let keys = KeySet::new(1, 1, vec![key().public()]).expect("a key set");
    let file = folder.path().join("trusted-keys.json");
    std::fs::write(&file, keys.to_json().expect("JSON")).expect("writing keys");
    let (first, second) = (artifact("first"), artifact("second"));
    page.site.put("model.picket", first.clone());
    page.site
        .put("release.dsse.json", envelope(5, &first, 0.0, &key()));
    browser.type_into("#keys-file", &file.display().to_string());
    let wait = |words: &str| {
        let script = "return document.querySelector('#model-trust').textContent === arguments[0]";
        browser.wait_until_with("the release is looked at", script, &[words.into()]);
    };
    wait("release 5, verified");
    assert_eq!(browser.text("#model-name"), "first");
    page.picture("page-release.png");

    let reopened = |release: Vec<u8>, artifact: &[u8]| {
        page.site.put("model.picket", artifact.to_vec());
        page.site.put("release.dsse.json", release);
        browser.open(&page.site.url(""));
        let ready = "return document.documentElement.dataset.ready === 'true'";
        browser.wait_until("the page has decided", ready);
        (browser.text("#model-name"), browser.text("#notice"))
    };
    // Trust outlives the visit.
    let (name, notice) = reopened(envelope(6, &second, 0.0, &key()), &second);
    assert_eq!((name.as_str(), notice.as_str()), ("second", ""));
    let stranger = SigningKey::from_seed(&[8; 32]);
    let cases = [
        (envelope(5, &first, 0.0, &key()), &first, "older"),
        (envelope(7, &first, 0.0, &stranger), &first, "keys"),
        (envelope(7, &first, 0.0, &key()), &second, "manifest says"),
        (envelope(8, &first, 0.5, &key()), &first, "golden row 0"),
        (b"{}".to_vec(), &first, "envelope"),
    ];
    for (release, bytes, words) in cases {
        let (name, notice) = reopened(release, bytes);
        assert_eq!(name, "No model", "{notice}");
        println!("{words}: {notice}");
        assert!(notice.contains(words), "{words}: {notice}");
    }

    // Without keys anything is opened again, and says that nobody vouches for it.
    browser.click("#forget-keys");
    let (name, _) = reopened(b"{}".to_vec(), &first);
    assert_eq!(name, "first");
    assert_eq!(browser.text("#model-trust"), "not signed");
}
