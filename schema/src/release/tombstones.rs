//! Whose records must go: the erasures that reach the spools of edges.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::canonical;
use super::caps::{MAX_INTEGER, MAX_SUBJECTS};
use super::envelope::Envelope;
use super::error::{ReleaseError, out_of_range};
use super::hex::decode_array;
use super::key::SigningKey;
use super::key_set::KeySet;

/// Subjects whose records of before a moment must be dropped wherever they wait. Lists are numbered from 1 without
/// gaps; each is for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstones {
    // In the order of the keys of the canonical JSON.
    before: u64,
    subjects: BTreeSet<String>,
    version: u64,
}

impl Tombstones {
    /// The payload's type of a signed list.
    pub const PAYLOAD_TYPE: &str = "application/vnd.picket.tombstones.v1+json";

    /// A list of pseudonyms, 32 lower-case hexadecimal digits each. `before` is in seconds since 1970.
    ///
    /// # Errors
    /// [`ReleaseError::OutOfRange`] for no subject or too many, for what is no pseudonym, and for numbers that are too
    /// large.
    pub fn new(
        version: u64,
        before: u64,
        subjects: BTreeSet<String>,
    ) -> Result<Self, ReleaseError> {
        let list = Self {
            before,
            subjects,
            version,
        };
        list.validate()?;
        Ok(list)
    }

    /// Which of the lists this is, from 1.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Records from this second on stay: whoever comes back after the erasure is recorded anew.
    #[must_use]
    pub fn before(&self) -> u64 {
        self.before
    }

    /// The pseudonyms.
    #[must_use]
    pub fn subjects(&self) -> &BTreeSet<String> {
        &self.subjects
    }

    /// Whether a record of a subject, made at a time in milliseconds since 1970, must go.
    #[must_use]
    pub fn covers(&self, subject: &str, time_ms: u64) -> bool {
        time_ms < self.before.saturating_mul(1000) && self.subjects.contains(subject)
    }

    /// Signs the list.
    ///
    /// # Errors
    /// As [`Envelope::to_json`].
    pub fn sign(&self, keys: &[&SigningKey]) -> Result<Vec<u8>, ReleaseError> {
        Envelope::signed(Self::PAYLOAD_TYPE, canonical::write(self)?, keys)
    }

    /// The list of a number, where enough keys of a set have signed it.
    ///
    /// # Errors
    /// As [`Envelope::verify`]; [`ReleaseError::OutOfRange`] for a list of another number or that none could be.
    pub fn verify(envelope: &[u8], version: u64, keys: &KeySet) -> Result<Self, ReleaseError> {
        let envelope = Envelope::from_json(envelope)?;
        let payload = envelope.verify(Self::PAYLOAD_TYPE, keys)?;
        let list: Self = canonical::read(payload)?;
        list.validate()?;
        if list.version != version {
            return Err(out_of_range(
                "version",
                version.to_string(),
                list.version.to_string(),
            ));
        }
        Ok(list)
    }

    fn validate(&self) -> Result<(), ReleaseError> {
        let n_subjects = self.subjects.len();
        if n_subjects == 0 || n_subjects > MAX_SUBJECTS {
            let expected = format!("1 to {MAX_SUBJECTS} pseudonyms");
            return Err(out_of_range("subjects", expected, n_subjects.to_string()));
        }
        let is_pseudonym = |it: &String| decode_array::<16>(it).is_some();
        if !self.subjects.iter().all(is_pseudonym) {
            let expected = "pseudonyms of 32 lower-case hexadecimal digits".to_owned();
            // What is none may be the very name that must not be told.
            return Err(out_of_range("subjects", expected, "another text".into()));
        }
        for (field, value) in [("before", self.before), ("version", self.version)] {
            if value == 0 || value > MAX_INTEGER {
                let expected = format!("1 to {MAX_INTEGER}");
                return Err(out_of_range(field, expected, value.to_string()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(version: u64) -> Result<Tombstones, ReleaseError> {
        let subjects = ["b", "a"].map(|it| it.repeat(32)).into();
        Tombstones::new(version, 1000, subjects)
    }

    #[test]
    fn a_list_covers_its_subjects_before_its_time() -> Result<(), ReleaseError> {
        let list = list(1)?;
        let (known, other) = ("a".repeat(32), "c".repeat(32));
        assert!(list.covers(&known, 999_999));
        assert!(!list.covers(&known, 1_000_000));
        assert!(!list.covers(&other, 5));
        Ok(())
    }

    #[test]
    fn only_trusted_keys_the_right_number_and_one_form_count() -> Result<(), ReleaseError> {
        let (ours, other) = (
            SigningKey::from_seed(&[1; 32]),
            SigningKey::from_seed(&[2; 32]),
        );
        let keys = KeySet::new(1, 1, vec![ours.public()])?;
        let signed = list(3)?.sign(&[&ours])?;
        assert_eq!(Tombstones::verify(&signed, 3, &keys), list(3));
        assert!(Tombstones::verify(&signed, 4, &keys).is_err());
        let forged = list(3)?.sign(&[&other])?;
        assert!(Tombstones::verify(&forged, 3, &keys).is_err());
        // A release or a key set is no list, whoever signed it.
        let set = keys.sign(&[&ours])?;
        assert!(Tombstones::verify(&set, 1, &keys).is_err());
        let mut spaced = Envelope::unsigned(
            Tombstones::PAYLOAD_TYPE,
            format!(
                "{{\"before\":1, \"subjects\":[\"{}\"],\"version\":3}}",
                "a".repeat(32)
            )
            .into_bytes(),
        );
        spaced.sign(&ours);
        assert!(Tombstones::verify(&spaced.to_json()?, 3, &keys).is_err());
        Ok(())
    }

    #[test]
    fn what_is_no_list_is_not_made() {
        let subject = || BTreeSet::from(["a".repeat(32)]);
        assert!(Tombstones::new(0, 1, subject()).is_err());
        assert!(Tombstones::new(1, 0, subject()).is_err());
        assert!(Tombstones::new(1, 1, BTreeSet::new()).is_err());
        let error = Tombstones::new(1, 1, ["10.0.0.7".to_owned()].into());
        let text = error.expect_err("no pseudonym").to_string();
        assert!(!text.contains("10.0"), "{text}");
    }
}
