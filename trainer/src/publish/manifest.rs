//! What a release is.

use serde::{Deserialize, Serialize};

use crate::publish::error::PublishError;

/// The media type of a manifest's payload: what a signature's envelope names.
pub const PAYLOAD_TYPE: &str = "application/vnd.picket.release+json";

/// The version of this form of manifest.
const FORMAT_VERSION: u32 = 1;

/// A file of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseFile {
    /// Its name in the release's folder.
    pub name: String,
    /// Its SHA-256, as `sha256:` and hexadecimal digits.
    pub digest: String,
    /// Its size in bytes.
    pub n_bytes: u64,
}

/// What a release is. Its payload is a sequence of bytes that a signature can cover as it stands:
/// the file holds exactly the payload, and a signature will lie beside it, not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseManifest {
    /// The version of the manifest's form.
    pub format_version: u32,
    /// The release's number. A later decision has a higher one.
    pub release: u64,
    /// The model's name.
    pub model: String,
    /// The artifact.
    pub artifact: ReleaseFile,
    /// The digest of the artifact's feature schema.
    pub schema_digest: String,
    /// The cards.
    pub cards: Vec<ReleaseFile>,
    /// The artifact that this one was made from, by the artifact's own card.
    pub parent: Option<String>,
    /// The champion's artifact when this release was made.
    pub champion: Option<String>,
    /// The release whose artifact this one publishes anew.
    pub rollback_to: Option<u64>,
    /// The run that made the artifact.
    pub run_id: Option<String>,
    /// When the release was made (RFC 3339, UTC).
    pub created: String,
    /// Who made it.
    pub user: Option<String>,
    /// On which host.
    pub host: Option<String>,
}

impl ReleaseManifest {
    pub(super) fn format_version() -> u32 {
        FORMAT_VERSION
    }

    /// The payload: JSON with the keys in the order of the fields.
    ///
    /// # Panics
    /// Never: text and numbers always have a JSON form.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("text and numbers have a JSON form");
        bytes.push(b'\n');
        bytes
    }

    /// Reads a payload. `place` names it in errors.
    ///
    /// # Errors
    /// [`PublishError::Damaged`] for what is not a manifest in its one form.
    pub fn from_payload(bytes: &[u8], place: &str) -> Result<Self, PublishError> {
        let damaged = |found: String| PublishError::Damaged {
            place: place.to_owned(),
            found,
            expected: format!("a release manifest of version {FORMAT_VERSION}"),
        };
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if manifest.format_version != FORMAT_VERSION {
            return Err(damaged(format!("version {}", manifest.format_version)));
        }
        if manifest.payload() != bytes {
            return Err(damaged("another form of the same content".to_owned()));
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> ReleaseManifest {
        let file = |name: &str| ReleaseFile {
            name: name.to_owned(),
            digest: format!("sha256:{}", "0".repeat(64)),
            n_bytes: 7,
        };
        ReleaseManifest {
            format_version: FORMAT_VERSION,
            release: 3,
            model: "phishing".to_owned(),
            artifact: file("model.picket"),
            schema_digest: "sha256:1".to_owned(),
            cards: vec![file("card.md")],
            parent: None,
            champion: None,
            rollback_to: None,
            run_id: Some("r".to_owned()),
            created: "2026-01-01T00:00:00Z".to_owned(),
            user: None,
            host: None,
        }
    }

    #[test]
    fn a_payload_has_one_form() {
        let bytes = manifest().payload();
        let read = ReleaseManifest::from_payload(&bytes, "m").unwrap();
        assert_eq!(read, manifest());
        let text = String::from_utf8(bytes).unwrap();
        for changed in [
            text.trim_end().to_owned(),
            text.replace("  ", " "),
            text.replacen('{', "{\n  \"more\": 1,", 1),
            text.replace("\"format_version\": 1", "\"format_version\": 2"),
            text[..text.len() / 2].to_owned(),
        ] {
            let error = ReleaseManifest::from_payload(changed.as_bytes(), "m");
            assert!(
                matches!(error, Err(PublishError::Damaged { .. })),
                "{changed}"
            );
        }
    }
}
