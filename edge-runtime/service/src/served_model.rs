//! The model that a service answers for: its schema, card and identity.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use http::HeaderValue;
use picket_schema::artifact::{Card, Decision};
use picket_schema::{Artifact, ArtifactDigest, ArtifactError, FeatureSchema, Verdict};
use picket_wasm_model::ExplanationUnit;

use crate::answer::ModelTag;

/// The model that a service answers for. Holds the artifact's bytes, which the page fetches.
#[derive(Debug)]
pub struct ServedModel {
    pub(crate) bytes: Bytes,
    pub(crate) schema: FeatureSchema,
    pub(crate) schema_digest: String,
    pub(crate) card: Card,
    pub(crate) explanation_unit: ExplanationUnit,
    pub(crate) decision: Decision,
    pub(crate) digest: String,
    pub(crate) version_header: HeaderValue,
    pub(crate) digest_header: HeaderValue,
    /// The signed release that it came in: number and envelope.
    pub(crate) release: Option<(u64, Bytes)>,
    by_name: BTreeMap<String, usize>,
}

impl ServedModel {
    /// Reads and validates an artifact.
    ///
    /// # Errors
    /// The [`ArtifactError`] that decoding finds.
    pub fn decode(bytes: &Bytes) -> Result<Self, ArtifactError> {
        let artifact = Artifact::decode(bytes)?;
        Ok(Self::new(&artifact, bytes.clone()))
    }

    /// Takes what it needs from an artifact that is decoded already; `bytes` is its file.
    #[must_use]
    pub fn new(artifact: &Artifact<'_>, bytes: Bytes) -> Self {
        let digest = ArtifactDigest::of(&bytes);
        Self::with_digest(artifact, bytes, digest)
    }

    /// As [`Self::new`], where the bytes' digest is known: to compute it takes longer than to load the model.
    #[must_use]
    pub fn with_digest(artifact: &Artifact<'_>, bytes: Bytes, digest: ArtifactDigest) -> Self {
        let schema = artifact.schema.clone();
        let digest = digest.to_string();
        let by_name = schema.features.iter().enumerate();
        Self {
            by_name: by_name
                .map(|(idx, feature)| (feature.name.clone(), idx))
                .collect(),
            schema_digest: schema.digest().to_string(),
            version_header: header_value(&artifact.card.name),
            digest_header: header_value(&digest),
            card: artifact.card.clone(),
            explanation_unit: ExplanationUnit::of(&artifact.calibration),
            decision: artifact.decision,
            bytes,
            schema,
            digest,
            release: None,
        }
    }

    /// Says in which signed release the model came, so that a page can verify it too. `envelope` is its JSON.
    #[must_use]
    pub fn of_release(mut self, number: u64, envelope: Bytes) -> Self {
        self.release = Some((number, envelope));
        self
    }

    /// The model's name, shown with every answer as its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.card.name
    }

    /// The artifact's digest, as `sha256:` and hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The artifact's bytes.
    #[must_use]
    pub fn artifact(&self) -> &Bytes {
        &self.bytes
    }

    /// What a row holds.
    #[must_use]
    pub fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    pub(crate) fn tag(&self) -> ModelTag<'_> {
        ModelTag {
            version: &self.card.name,
            digest: &self.digest,
        }
    }

    pub(crate) fn n_features(&self) -> usize {
        self.schema.n_features()
    }

    /// The place of a feature, which is probably `expected`; the name where there is no such feature.
    pub(crate) fn feature_idx(&self, name: &str, expected: usize) -> Result<usize, String> {
        let features = &self.schema.features;
        if features.get(expected).is_some_and(|it| it.name == name) {
            return Ok(expected);
        }
        let feature_idx = self.by_name.get(name).copied();
        feature_idx.ok_or_else(|| name.to_owned())
    }

    /// The class that a verdict names; none for an uncertain one.
    pub(crate) fn class(&self, verdict: Verdict) -> Option<&str> {
        match verdict {
            Verdict::Positive => Some(&self.schema.label.positive.name),
            Verdict::Negative => Some(&self.schema.label.negative.name),
            Verdict::Uncertain => None,
        }
    }
}

/// Text as a header: what a header cannot hold is percent-encoded.
fn header_value(text: &str) -> HeaderValue {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (byte.is_ascii_graphic() && byte != b'%') || byte == b' ' {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    HeaderValue::from_str(encoded.trim()).unwrap_or_else(|_| HeaderValue::from_static("unnamed"))
}
