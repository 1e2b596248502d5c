//! What a signed release must withstand, seen from the outside.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::LazyLock;

use picket_schema::artifact::{
    Calibration, Card, Decision, ModelTable, Operator, Platt, Reference, Transform, TreeNode,
    TreesBuilder,
};
use picket_schema::release::{
    ArtifactRef, Challenger, Envelope, GoldenRow, HighWater, KeySet, Manifest, PayloadDigest,
    PublicKey, ReleaseError, Revocations, SigningKey, Trust, VerifiedManifest,
};
use picket_schema::{Artifact, ArtifactDigest, DataDigest, FeatureSchema};

type Tested = Result<(), Box<dyn Error>>;

static MODEL: LazyLock<Vec<u8>> = LazyLock::new(|| model("a"));
static OTHER: LazyLock<Vec<u8>> = LazyLock::new(|| model("another"));
const NOW: u64 = 1_800_000_000;

/// A model of one leaf over 30 features.
fn model(name: &str) -> Vec<u8> {
    let schema = FeatureSchema::from_toml(include_str!("../schemas/phishing.toml"));
    let mut builder = TreesBuilder::new(Operator::Less, 0, 12);
    builder.push(vec![TreeNode::Leaf { value: 3, cover: 1 }]);
    let artifact = Artifact {
        schema: schema.expect("the project's own schema"),
        transform: Transform::default(),
        model: ModelTable::Trees(builder.build().expect("a leaf")),
        calibration: Calibration::Platt(Platt {
            slope: 1.0,
            intercept: 0.0,
        }),
        decision: Decision {
            threshold: 0.5,
            uncertain: None,
        },
        reference: Reference::default(),
        card: Card {
            name: name.into(),
            algorithm: "by hand".into(),
            code_version: "0".into(),
            seed: 0,
            data_digest: DataDigest([7; 32]),
            parent: None,
            parameters: BTreeMap::new(),
            metrics: Vec::new(),
            split: "grouped".into(),
            n_rows_train: 0,
            n_rows_test: 0,
            memorised_share: 0.0,
            importances: Vec::new(),
            notes: Vec::new(),
        },
    };
    artifact.encode().expect("a valid artifact")
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn key_set(version: u64, threshold: usize, seeds: &[u8]) -> Result<KeySet, ReleaseError> {
    let keys = seeds.iter().map(|seed| key(*seed).public()).collect();
    KeySet::new(version, threshold, keys)
}

fn artifact_ref(bytes: &[u8]) -> Result<ArtifactRef, Box<dyn Error>> {
    Ok(ArtifactRef {
        digest: ArtifactDigest::of(bytes),
        schema_digest: Artifact::schema_digest(bytes)?,
        size: bytes.len() as u64,
    })
}

fn manifest(release: u64) -> Result<Manifest, Box<dyn Error>> {
    Ok(Manifest {
        artifact: artifact_ref(&MODEL)?,
        challenger: None,
        expires: NOW + 1000,
        golden: vec![GoldenRow::new(&[1.0; 30], -0.0)],
        min_format: 1,
        not_before: NOW - 1000,
        parent: None,
        release,
        revoked: Revocations::default(),
        run_id: Some("20260101-a".to_owned()),
        scorer: None,
    })
}

fn offered(envelope: &[u8], keys: &KeySet) -> Result<VerifiedManifest, ReleaseError> {
    trust(keys, None).manifest(envelope, None)
}

fn trust(keys: &KeySet, high_water: Option<HighWater>) -> Trust<'_> {
    static NONE: std::sync::OnceLock<Revocations> = std::sync::OnceLock::new();
    Trust {
        keys,
        now: NOW,
        high_water,
        revoked: NONE.get_or_init(Revocations::default),
        schema: None,
    }
}

#[test]
fn keys_are_those_of_rfc_8032() -> Tested {
    // RFC 8032, section 7.1, test 1.
    let seed = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
        0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae,
        0x7f, 0x60,
    ];
    let public = serde_json::to_string(&SigningKey::from_seed(&seed).public())?;
    let expected = "\"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"";
    assert_eq!(public, expected);
    Ok(())
}

#[test]
fn a_signed_release_is_verified() -> Tested {
    let keys = key_set(1, 1, &[1])?;
    let manifest = manifest(3)?;
    let envelope = manifest.sign(&[&key(1)])?;
    let verified = trust(&keys, None).release(&envelope, Some(3), &MODEL)?;
    assert_eq!(verified.artifact(), MODEL.as_slice());
    assert_eq!(verified.manifest().manifest(), &manifest);
    let mark = verified.manifest().high_water();
    assert_eq!(mark.payload, PayloadDigest::of(&manifest.to_json()?));
    // Seen again it is no rollback.
    assert!(trust(&keys, Some(mark)).manifest(&envelope, None).is_ok());
    Ok(())
}

#[test]
fn no_byte_can_be_changed() -> Tested {
    let keys = key_set(1, 1, &[1])?;
    let manifest = manifest(3)?;
    let envelope = manifest.sign(&[&key(1)])?;
    for at in 0..envelope.len() {
        for flip in [1, 0x20, 0x80] {
            let mut changed = envelope.clone();
            changed[at] ^= flip;
            if let Ok(verified) = offered(&changed, &keys) {
                panic!("byte {at} was changed, and it says {verified:?}");
            }
        }
        assert!(offered(&envelope[..at], &keys).is_err(), "cut at {at}");
    }
    Ok(())
}

#[test]
fn each_signer_counts_once() -> Tested {
    let keys = key_set(1, 2, &[1, 2, 3])?;
    let manifest = manifest(1)?;
    let expected = ReleaseError::BelowThreshold {
        expected: 2,
        found: 1,
    };
    let one = manifest.sign(&[&key(1)])?;
    assert_eq!(offered(&one, &keys), Err(expected.clone()));
    // The same signature twice, and one by a stranger.
    let mut json: serde_json::Value = serde_json::from_slice(&one)?;
    let again = json["signatures"][0].clone();
    let stranger: serde_json::Value = serde_json::from_slice(&manifest.sign(&[&key(9)])?)?;
    let signatures = json["signatures"].as_array_mut().ok_or("an array")?;
    signatures.push(again);
    signatures.push(stranger["signatures"][0].clone());
    assert_eq!(offered(&serde_json::to_vec(&json)?, &keys), Err(expected));
    assert!(offered(&manifest.sign(&[&key(3), &key(1)])?, &keys).is_ok());
    Ok(())
}

#[test]
fn who_signed_decides() -> Tested {
    let keys = key_set(1, 1, &[1])?;
    let manifest = manifest(1)?;
    let unsigned = Envelope::unsigned(Manifest::PAYLOAD_TYPE, manifest.to_json()?).to_json()?;
    assert_eq!(offered(&unsigned, &keys), Err(ReleaseError::Unsigned));
    assert_eq!(
        offered(&manifest.sign(&[&key(2)])?, &keys),
        Err(ReleaseError::UntrustedKeys { found: 1 })
    );
    // A key set's envelope is no release's, whoever signed it.
    let found = KeySet::PAYLOAD_TYPE.to_owned();
    let expected = Manifest::PAYLOAD_TYPE.to_owned();
    assert_eq!(
        offered(&keys.sign(&[&key(1)])?, &keys),
        Err(ReleaseError::WrongPayloadType { expected, found })
    );
    Ok(())
}

#[test]
fn a_payload_has_one_form() -> Tested {
    let keys = key_set(1, 1, &[1])?;
    let json = String::from_utf8(manifest(1)?.to_json()?)?;
    for (changed, cause) in [
        (
            json.replace(",\"release\"", ", \"release\""),
            "not_canonical",
        ),
        (
            json.replace("\"release\":1", "\"release\":1.0"),
            "payload_malformed",
        ),
        (
            json.replace("\"release\":1", "\"release\":1,\"release\":1"),
            "payload_malformed",
        ),
        (
            json.replace("\"release\":1", "\"release\":0"),
            "out_of_range",
        ),
        (
            json.replace("\"release\":1", "\"release\":9007199254740992"),
            "out_of_range",
        ),
        (
            json.replace("\"run_id\"", "\"x\":0,\"run_id\""),
            "payload_malformed",
        ),
        (json.replace("20260101-a", "a b"), "out_of_range"),
        (format!("{json} "), "not_canonical"),
        (format!("{json}{json}"), "payload_malformed"),
        ("[".repeat(100_000), "payload_malformed"),
    ] {
        let mut envelope = Envelope::unsigned(Manifest::PAYLOAD_TYPE, changed.clone().into());
        envelope.sign(&key(1));
        let error = offered(&envelope.to_json()?, &keys).expect_err("is refused");
        assert_eq!(error.cause(), cause, "{error}: {changed:.300}");
    }
    Ok(())
}

#[test]
fn time_and_number_only_go_forward() -> Tested {
    let keys = key_set(1, 1, &[1])?;
    let (first, second) = (manifest(1)?, manifest(2)?);
    let envelope = first.sign(&[&key(1)])?;
    let newer = offered(&second.sign(&[&key(1)])?, &keys)?.high_water();
    let mut known = trust(&keys, Some(newer));
    let (expected, found) = (2, 1);
    assert_eq!(
        known.manifest(&envelope, None),
        Err(ReleaseError::RolledBack { expected, found })
    );
    let twin = Manifest {
        expires: NOW + 1,
        ..second.clone()
    };
    let twin = known.manifest(&twin.sign(&[&key(1)])?, None);
    assert_eq!(twin.expect_err("is refused").cause(), "equivocation");
    known.high_water = None;
    assert_eq!(
        known.manifest(&envelope, Some(2)),
        Err(ReleaseError::WrongRelease { expected, found })
    );
    for (now, cause) in [
        (first.not_before - 1, "not_yet_valid"),
        (first.expires, "expired"),
    ] {
        known.now = now;
        let error = known.manifest(&envelope, None).expect_err("is refused");
        assert_eq!(error.cause(), cause);
    }
    for now in [first.not_before, first.expires - 1] {
        known.now = now;
        assert!(known.manifest(&envelope, None).is_ok());
    }
    Ok(())
}

#[test]
fn an_artifact_must_be_the_one_that_is_named() -> Tested {
    let keys = key_set(1, 1, &[1])?;
    let cause = |manifest: &Manifest, artifact: &[u8]| -> Result<&'static str, ReleaseError> {
        let envelope = manifest.sign(&[&key(1)])?;
        let refused = trust(&keys, None).release(&envelope, None, artifact);
        Ok(refused.expect_err("is refused").cause())
    };
    let good = manifest(1)?;
    assert_eq!(cause(&good, &MODEL[1..])?, "wrong_size");
    assert_eq!(cause(&good, &OTHER)?, "wrong_size");
    let mut changed = MODEL.clone();
    changed[40] ^= 1;
    assert_eq!(cause(&good, &changed)?, "wrong_digest");
    let mut wrong = good.clone();
    wrong.artifact.digest = ArtifactDigest::of(b"hello");
    wrong.artifact.size = 5;
    assert_eq!(cause(&wrong, b"hello")?, "artifact_invalid");
    let mut wrong = good.clone();
    wrong.artifact.schema_digest.0[0] ^= 1;
    assert_eq!(cause(&wrong, &MODEL)?, "wrong_schema");
    let mut wrong = good.clone();
    wrong.golden[0].row.pop();
    assert_eq!(cause(&wrong, &MODEL)?, "golden_shape");
    let mut wrong = good;
    wrong.min_format = 2;
    assert_eq!(cause(&wrong, &MODEL)?, "format_too_new");
    Ok(())
}

#[test]
fn revoked_stays_revoked() -> Tested {
    let keys = key_set(1, 1, &[1])?;
    let envelope = manifest(4)?.sign(&[&key(1)])?;
    let mut revoked = Revocations::default();
    revoked.revoke_release(4);
    let mut known = trust(&keys, None);
    known.revoked = &revoked;
    let error = known.manifest(&envelope, None).expect_err("is refused");
    assert_eq!(error.to_string(), "release 4 is revoked");
    let mut revoked = Revocations::default();
    revoked.revoke_artifact(ArtifactDigest::of(&MODEL));
    known.revoked = &revoked;
    let error = known.manifest(&envelope, None).expect_err("is refused");
    assert_eq!(error.cause(), "revoked");
    // Nobody signs a release that revokes itself.
    let mut own = manifest(4)?;
    own.revoked = revoked;
    assert_eq!(own.to_json().expect_err("refused").cause(), "revoked");
    Ok(())
}

#[test]
fn a_challenger_reads_the_same_rows() -> Tested {
    let keys = key_set(1, 1, &[1])?;
    let mut manifest = manifest(1)?;
    let challenger = Challenger {
        artifact: artifact_ref(&OTHER)?,
        golden: vec![GoldenRow::new(&[0.0; 30], 1.5)],
        traffic_per_mille: 250,
    };
    manifest.challenger = Some(challenger.clone());
    let verified = offered(&manifest.sign(&[&key(1)])?, &keys)?;
    verified.check_challenger(&OTHER)?;
    assert_eq!(
        verified
            .check_challenger(&MODEL)
            .expect_err("refused")
            .cause(),
        "wrong_size"
    );
    for share in [0, 1001] {
        let traffic_per_mille = share;
        manifest.challenger = Some(Challenger {
            traffic_per_mille,
            ..challenger.clone()
        });
        assert_eq!(
            manifest.to_json().expect_err("refused").cause(),
            "out_of_range"
        );
    }
    let mut other = challenger;
    other.artifact.schema_digest.0[0] ^= 1;
    manifest.challenger = Some(other);
    assert_eq!(
        manifest.to_json().expect_err("refused").cause(),
        "wrong_schema"
    );
    Ok(())
}

#[test]
fn key_sets_follow_each_other_by_consent_of_both() -> Tested {
    let old = key_set(1, 2, &[1, 2, 3])?;
    let new = key_set(2, 2, &[3, 4, 5])?;
    assert_eq!(
        old.next(&new.sign(&[&key(1), &key(2), &key(4), &key(5)])?),
        Ok(new.clone())
    );
    // Key 3 stands in both.
    assert_eq!(
        old.next(&new.sign(&[&key(1), &key(3), &key(4)])?),
        Ok(new.clone())
    );
    for signers in [[1, 2], [4, 5], [1, 4], [3, 4], [3, 1]] {
        let [a, b] = signers.map(key);
        let refused = old.next(&new.sign(&[&a, &b])?).expect_err("is refused");
        assert!(
            matches!(refused.cause(), "below_threshold" | "untrusted_keys"),
            "{signers:?}: {refused}"
        );
    }
    let all = [1, 2, 3, 4, 5].map(key);
    let all: Vec<&SigningKey> = all.iter().collect();
    for (version, expected) in [(1, 3), (2, 3), (4, 3)] {
        let other = key_set(version, 2, &[1, 2, 3])?;
        let refused = new.next(&other.sign(&all)?);
        let found = version;
        assert_eq!(
            refused,
            Err(ReleaseError::KeySetVersion { expected, found })
        );
    }
    Ok(())
}

#[test]
fn a_key_set_can_be_met() -> Tested {
    for (version, threshold, seeds) in [
        (1, 0, &[1_u8][..]),
        (1, 2, &[1]),
        (1, 1, &[]),
        (1, 1, &[1, 1]),
        (0, 1, &[1]),
    ] {
        let refused = key_set(version, threshold, seeds).expect_err("is refused");
        assert_eq!(refused.cause(), "out_of_range");
    }
    let set = key_set(1, 1, &[1, 2])?;
    assert_eq!(KeySet::from_trusted_json(&set.to_json()?), Ok(set));
    // The identity point, and bytes that are no point.
    let mut identity = [0; 32];
    identity[0] = 1;
    for weak in [identity, [2; 32]] {
        let refused = PublicKey::from_bytes(&weak).expect_err("is refused");
        assert_eq!(refused.cause(), "key_invalid");
    }
    Ok(())
}
