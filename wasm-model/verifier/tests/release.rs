//! What a page believes of releases, and what it remembers.

use std::collections::BTreeSet;
use std::path::Path;

use picket_schema::release::{
    ArtifactRef, KeySet, Manifest, ReleaseError, Revocations, SigningKey,
};
use picket_schema::{Artifact, ArtifactDigest};
use picket_verifier::{Memory, MemoryError, verify};

type Tested = Result<(), Box<dyn std::error::Error>>;

const NOW: u64 = 2_000_000_000;

fn artifact() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/testdata/v1");
    let files = std::fs::read_dir(folder).expect("the fixtures");
    let files: BTreeSet<_> = files.map(|file| file.expect("a file").path()).collect();
    let is_artifact =
        |path: &&std::path::PathBuf| path.extension().is_some_and(|it| it == "picket");
    let first = files.iter().find(is_artifact).expect("an artifact");
    std::fs::read(first).expect("reading a fixture")
}

fn keys() -> [SigningKey; 3] {
    [1, 2, 3].map(|byte| SigningKey::from_seed(&[byte; 32]))
}

fn trusted() -> Result<Vec<u8>, ReleaseError> {
    let public = keys().iter().map(SigningKey::public).collect();
    KeySet::new(1, 2, public)?.to_json()
}

fn manifest(artifact: &[u8], release: u64) -> Manifest {
    let model = Artifact::decode(artifact).expect("a fixture");
    let row = vec![0.0; model.schema.n_features()];
    Manifest {
        artifact: ArtifactRef {
            schema_digest: model.schema.digest(),
            digest: ArtifactDigest::of(artifact),
            size: artifact.len() as u64,
        },
        challenger: None,
        expires: NOW + 1000,
        golden: vec![picket_schema::release::GoldenRow::new(&row, 0.25)],
        min_format: 1,
        not_before: NOW - 1000,
        parent: None,
        release,
        revoked: Revocations::default(),
        run_id: None,
        scorer: None,
    }
}

#[test]
fn what_trusted_keys_signed_is_believed_and_remembered() -> Tested {
    let (artifact, [a, b, c]) = (artifact(), keys());
    let memory = Memory::of_keys(&trusted()?)?;
    let stranger = SigningKey::from_seed(&[9; 32]);
    let envelope = manifest(&artifact, 5).sign(&[&a, &stranger, &c])?;
    let signed = verify(&memory, &envelope, NOW)?;
    signed.check_artifact(&artifact)?;
    let mut signers = signed.signers.clone();
    signers.sort();
    let mut expected = vec![a.public().id(), c.public().id()];
    expected.sort();
    assert_eq!(signers, expected);
    assert_eq!(signed.golden().margins, [0.25]);

    // From one visit to the next.
    let memory = Memory::parse(&signed.memory.to_text()?)?;
    assert_eq!(memory, signed.memory);
    assert!(verify(&memory, &envelope, NOW).is_ok());
    let older = manifest(&artifact, 4).sign(&[&a, &b])?;
    let refused = verify(&memory, &older, NOW).expect_err("an older release");
    assert!(
        matches!(
            refused,
            ReleaseError::RolledBack {
                expected: 5,
                found: 4
            }
        ),
        "{refused}"
    );
    let mut other = manifest(&artifact, 5);
    other.run_id = Some("other".to_owned());
    let refused = verify(&memory, &other.sign(&[&a, &b])?, NOW).expect_err("two of one number");
    assert!(
        matches!(refused, ReleaseError::Equivocation { .. }),
        "{refused}"
    );
    Ok(())
}

#[test]
fn what_nobody_vouches_for_is_refused() -> Tested {
    let (artifact, [a, b, _]) = (artifact(), keys());
    let memory = Memory::of_keys(&trusted()?)?;
    let one = manifest(&artifact, 1).sign(&[&a])?;
    let refused = verify(&memory, &one, NOW).expect_err("one signature of two");
    assert!(
        matches!(refused, ReleaseError::BelowThreshold { .. }),
        "{refused}"
    );
    let good = manifest(&artifact, 1).sign(&[&a, &b])?;
    let late = verify(&memory, &good, NOW + 1000).expect_err("too late");
    assert!(matches!(late, ReleaseError::Expired { .. }), "{late}");

    // A clock that goes back does not make it young again.
    let long = Manifest {
        expires: NOW + 9000,
        ..manifest(&artifact, 1)
    };
    let seen = verify(&memory, &long.sign(&[&a, &b])?, NOW + 2000)?;
    let short = manifest(&artifact, 2).sign(&[&a, &b])?;
    let refused = verify(&seen.memory, &short, NOW).expect_err("a clock that went back");
    assert!(matches!(refused, ReleaseError::Expired { .. }), "{refused}");

    // Files that were not signed, one of them of the same length.
    let signed = verify(&memory, &good, NOW)?;
    let mut changed = artifact.clone();
    *changed.last_mut().expect("bytes") ^= 1;
    assert!(signed.check_artifact(&changed).is_err());
    assert!(signed.check_artifact(&artifact[1..]).is_err());

    // What one release revokes stays revoked.
    let mut revoking = manifest(&artifact, 3);
    let withdrawn = ArtifactDigest::of(b"another");
    revoking.revoked.revoke_artifact(withdrawn);
    let after = verify(&memory, &revoking.sign(&[&a, &b])?, NOW)?.memory;
    let mut back = manifest(&artifact, 4);
    back.artifact.digest = withdrawn;
    let refused = verify(
        &Memory::parse(&after.to_text()?)?,
        &back.sign(&[&a, &b])?,
        NOW,
    );
    assert!(
        matches!(refused, Err(ReleaseError::Revoked { .. })),
        "{refused:?}"
    );
    Ok(())
}

#[test]
fn other_texts_are_no_memory() -> Tested {
    assert!(matches!(Memory::of_keys(b"{}"), Err(MemoryError::Keys(_))));
    let long = " ".repeat((1 << 20) + 1);
    assert!(matches!(
        Memory::parse(&long),
        Err(MemoryError::TooLong { .. })
    ));
    let text = Memory::of_keys(&trusted()?)?.to_text()?;
    let slip = text.replace("latest", "lastest");
    assert!(matches!(
        Memory::parse(&slip),
        Err(MemoryError::Malformed(_))
    ));
    Ok(())
}
