//! The DSSE envelope: a payload, its type, and who signed both.
//!
//! <https://github.com/secure-systems-lab/dsse>, protocol version 1.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::caps::{MAX_ENVELOPE_BYTES, MAX_SIGNATURES};
use super::error::ReleaseError;
use super::key::{KeyId, SigningKey};
use super::key_set::KeySet;

/// A signed payload. Nothing is known of it until [`Envelope::verify`] says who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<(KeyId, [u8; 64])>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<DocumentSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentSignature {
    keyid: String,
    sig: String,
}

impl Envelope {
    /// An envelope that nobody has signed yet.
    #[must_use]
    pub fn unsigned(payload_type: &str, payload: Vec<u8>) -> Self {
        Self {
            payload_type: payload_type.to_owned(),
            payload,
            signatures: Vec::new(),
        }
    }

    /// A payload with the signatures of some keys, as JSON.
    ///
    /// # Errors
    /// As [`Envelope::to_json`].
    pub(super) fn signed(
        payload_type: &str,
        payload: Vec<u8>,
        keys: &[&SigningKey],
    ) -> Result<Vec<u8>, ReleaseError> {
        let mut envelope = Self::unsigned(payload_type, payload);
        for key in keys {
            envelope.sign(key);
        }
        envelope.to_json()
    }

    /// Reads an envelope's JSON. Who signed it is not looked at.
    ///
    /// # Errors
    /// [`ReleaseError::EnvelopeTooLarge`], [`ReleaseError::TooManySignatures`], or
    /// [`ReleaseError::EnvelopeMalformed`] with what is wrong.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ReleaseError> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return Err(ReleaseError::EnvelopeTooLarge {
                expected: MAX_ENVELOPE_BYTES,
                found: bytes.len(),
            });
        }
        let malformed = |reason: String| ReleaseError::EnvelopeMalformed { reason };
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        if document.signatures.len() > MAX_SIGNATURES {
            return Err(ReleaseError::TooManySignatures {
                expected: MAX_SIGNATURES,
                found: document.signatures.len(),
            });
        }
        let payload = STANDARD
            .decode(&document.payload)
            .map_err(|error| malformed(format!("payload: {error}")))?;
        let signature = |(idx, one): (usize, &DocumentSignature)| {
            let key = KeyId::parse(&one.keyid).ok_or_else(|| {
                malformed(format!(
                    "signature {idx}: keyid: expected sha256: and 64 lower-case hexadecimal digits"
                ))
            })?;
            let bytes = STANDARD
                .decode(&one.sig)
                .map_err(|error| malformed(format!("signature {idx}: sig: {error}")))?;
            let n_bytes = bytes.len();
            let bytes = bytes.try_into().map_err(|_| {
                malformed(format!(
                    "signature {idx}: sig: expected 64 bytes, found {n_bytes}"
                ))
            })?;
            Ok((key, bytes))
        };
        let signatures = document.signatures.iter().enumerate().map(signature);
        Ok(Self {
            payload_type: document.payload_type,
            payload,
            signatures: signatures.collect::<Result<_, _>>()?,
        })
    }

    /// Writes the envelope as one line of JSON.
    ///
    /// # Errors
    /// [`ReleaseError::EnvelopeTooLarge`] for what no reader would take.
    pub fn to_json(&self) -> Result<Vec<u8>, ReleaseError> {
        let document = Document {
            payload: STANDARD.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: self
                .signatures
                .iter()
                .map(|(key, signature)| DocumentSignature {
                    keyid: key.to_string(),
                    sig: STANDARD.encode(signature),
                })
                .collect(),
        };
        let bytes =
            serde_json::to_vec(&document).map_err(|error| ReleaseError::EnvelopeMalformed {
                reason: error.to_string(),
            })?;
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return Err(ReleaseError::EnvelopeTooLarge {
                expected: MAX_ENVELOPE_BYTES,
                found: bytes.len(),
            });
        }
        Ok(bytes)
    }

    /// Adds a key's signature, in place of one that it made before.
    pub fn sign(&mut self, key: &SigningKey) {
        let id = key.public().id();
        let signature = key.sign(&self.signed_bytes());
        self.signatures.retain(|(signer, _)| *signer != id);
        self.signatures.push((id, signature));
    }

    /// The payload's type.
    #[must_use]
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The payload, trusted or not. [`Envelope::verify`] gives it where it may be believed.
    #[must_use]
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// The keys that are said to have signed it.
    pub fn signers(&self) -> impl Iterator<Item = KeyId> {
        self.signatures.iter().map(|(key, _)| *key)
    }

    /// The payload, where as many keys of a set as it asks for have signed it.
    ///
    /// Signatures by unknown keys make no difference, and a key counts once however often it signed.
    ///
    /// # Errors
    /// [`ReleaseError::WrongPayloadType`], [`ReleaseError::Unsigned`], [`ReleaseError::UntrustedKeys`],
    /// [`ReleaseError::BadSignature`] where the only signatures of known keys are wrong, or
    /// [`ReleaseError::BelowThreshold`].
    pub fn verify(&self, payload_type: &str, keys: &KeySet) -> Result<&[u8], ReleaseError> {
        if self.payload_type != payload_type {
            return Err(ReleaseError::WrongPayloadType {
                expected: payload_type.to_owned(),
                found: self.payload_type.chars().take(80).collect(),
            });
        }
        if self.signatures.is_empty() {
            return Err(ReleaseError::Unsigned);
        }
        let signed = self.signed_bytes();
        let (mut good, mut bad) = (BTreeSet::new(), None);
        for (id, signature) in &self.signatures {
            let Some(key) = keys.key(*id) else { continue };
            if key.verifies(&signed, signature) {
                good.insert(*id);
            } else {
                bad = bad.or(Some(*id));
            }
        }
        if good.len() >= keys.threshold() {
            return Ok(&self.payload);
        }
        Err(match (good.is_empty(), bad) {
            (true, Some(key)) => ReleaseError::BadSignature { key },
            (true, None) => ReleaseError::UntrustedKeys {
                found: self.signatures.len(),
            },
            (false, _) => ReleaseError::BelowThreshold {
                expected: keys.threshold(),
                found: good.len(),
            },
        })
    }

    /// What a signature covers: DSSE's pre-authentication encoding of type and payload.
    fn signed_bytes(&self) -> Vec<u8> {
        let (name, body) = (&self.payload_type, &self.payload);
        let mut bytes = format!("DSSEv1 {} {name} {} ", name.len(), body.len()).into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_cover_the_encoding_of_the_protocol() {
        // The example of the protocol's own text.
        let envelope = Envelope::unsigned("http://example.com/HelloWorld", b"hello world".into());
        assert_eq!(
            envelope.signed_bytes(),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn an_envelope_comes_back() {
        let mut envelope = Envelope::unsigned("a", vec![0, 255, 10]);
        envelope.sign(&SigningKey::from_seed(&[1; 32]));
        envelope.sign(&SigningKey::from_seed(&[2; 32]));
        // Signing again replaces.
        envelope.sign(&SigningKey::from_seed(&[1; 32]));
        assert_eq!(envelope.signers().count(), 2);
        let json = envelope.to_json().expect("small");
        assert_eq!(Envelope::from_json(&json), Ok(envelope));
    }

    #[test]
    fn what_is_no_envelope_is_refused() {
        let id = format!("sha256:{}", "0".repeat(64));
        let long = format!("\"{}\"", "A".repeat(MAX_ENVELOPE_BYTES));
        for (json, cause) in [
            (String::new(), "envelope_malformed"),
            ("[".repeat(100_000), "envelope_malformed"),
            (
                r#"{"payload":"","payloadType":"a"}"#.to_owned(),
                "envelope_malformed",
            ),
            (
                r#"{"payload":"","payload":"","payloadType":"a","signatures":[]}"#.to_owned(),
                "envelope_malformed",
            ),
            (
                r#"{"payload":"","payloadType":"a","signatures":[],"x":1}"#.to_owned(),
                "envelope_malformed",
            ),
            (
                r#"{"payload":"A","payloadType":"a","signatures":[]}"#.to_owned(),
                "envelope_malformed",
            ),
            (
                format!(
                    r#"{{"payload":"","payloadType":"a","signatures":[{{"keyid":"{id}","sig":"AAAA"}}]}}"#
                ),
                "envelope_malformed",
            ),
            (
                r#"{"payload":"","payloadType":"a","signatures":[{"keyid":"1","sig":""}]}"#
                    .to_owned(),
                "envelope_malformed",
            ),
            (long, "envelope_too_large"),
        ] {
            let error = Envelope::from_json(json.as_bytes()).expect_err("is refused");
            assert_eq!(error.cause(), cause, "{error}");
        }
        let one = format!(r#"{{"keyid":"{id}","sig":"AAAA"}}"#);
        let many = vec![one; MAX_SIGNATURES + 1].join(",");
        let json = format!(r#"{{"payload":"","payloadType":"a","signatures":[{many}]}}"#);
        let error = Envelope::from_json(json.as_bytes()).expect_err("is refused");
        assert_eq!(error.cause(), "too_many_signatures");
    }
}
