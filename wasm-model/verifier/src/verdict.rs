//! Whether a release may be opened.

use picket_schema::release::{
    Envelope, GoldenRow, KeyId, KeySet, Manifest, ReleaseError, Trust, VerifiedManifest,
};

use crate::memory::Memory;

/// A manifest that trusted keys have signed, that is valid now and no older than any seen before.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    verified: VerifiedManifest,
    /// The trusted keys whose signatures are right.
    pub signers: Vec<KeyId>,
    /// What is to be remembered from now on, whatever becomes of the artifact.
    pub memory: Memory,
}

/// Rows that this host's scorer has to give these margins.
#[derive(Clone, Debug, PartialEq)]
pub struct Golden {
    /// Shape: `(n_rows, n_features)`, row-major.
    pub rows: Vec<f32>,
    /// Shape: `(n_rows,)`.
    pub margins: Vec<f64>,
}

impl Signed {
    /// What was signed.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.verified.manifest()
    }

    /// Holds the champion's bytes against the manifest.
    ///
    /// # Errors
    /// As [`VerifiedManifest::with_artifact`].
    pub fn check_artifact(&self, bytes: &[u8]) -> Result<(), ReleaseError> {
        self.verified.clone().with_artifact(bytes).map(|_| ())
    }

    /// The golden rows.
    #[must_use]
    pub fn golden(&self) -> Golden {
        let golden = &self.manifest().golden;
        let margins = golden.iter().map(|row| f64::from_bits(row.margin));
        Golden {
            rows: golden.iter().flat_map(GoldenRow::values).collect(),
            margins: margins.collect(),
        }
    }
}

/// Verifies an envelope. `now` is the clock's time in seconds since 1970; where it is behind what is remembered, that
/// counts.
///
/// # Errors
/// The first [`ReleaseError`] in the order of schema/RELEASE.md.
pub fn verify(memory: &Memory, envelope: &[u8], now: u64) -> Result<Signed, ReleaseError> {
    let now = now.max(memory.latest);
    let trust = Trust {
        keys: &memory.keys,
        now,
        high_water: memory.high_water,
        revoked: &memory.revoked,
        schema: None,
    };
    let verified = trust.manifest(envelope, None)?;
    let mut revoked = memory.revoked.clone();
    revoked.extend(&verified.manifest().revoked);
    Ok(Signed {
        signers: signers(&memory.keys, envelope)?,
        memory: Memory {
            keys: memory.keys.clone(),
            high_water: Some(verified.high_water()),
            revoked,
            latest: now,
        },
        verified,
    })
}

/// Each trusted key that has signed, asked alone: more may have signed than the threshold needs, and some wrongly.
fn signers(keys: &KeySet, envelope: &[u8]) -> Result<Vec<KeyId>, ReleaseError> {
    let envelope = Envelope::from_json(envelope)?;
    let mut signers = Vec::new();
    for key in keys.keys() {
        let alone = KeySet::new(1, 1, vec![*key])?;
        if envelope.verify(Manifest::PAYLOAD_TYPE, &alone).is_ok() {
            signers.push(key.id());
        }
    }
    Ok(signers)
}
