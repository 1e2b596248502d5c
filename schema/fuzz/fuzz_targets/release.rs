//! Any bytes, as an envelope, as a signed payload, as a key set: nothing panics, and what is accepted comes back byte
//! for byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use picket_schema::release::{
    Envelope, KeySet, LogEntry, LogMark, Manifest, Revocations, SigningKey, Trust,
};

fuzz_target!(|bytes: &[u8]| {
    let key = SigningKey::from_seed(&[1; 32]);
    let keys = KeySet::new(1, 1, vec![key.public()]).expect("one key");
    let revoked = Revocations::default();
    let trust = Trust {
        keys: &keys,
        now: 1_800_000_000,
        high_water: None,
        revoked: &revoked,
        schema: None,
    };
    // Nobody signed these.
    assert!(trust.manifest(bytes, None).is_err());
    assert!(keys.next(bytes).is_err());
    assert!(LogMark::of_head(bytes, &keys, None).is_err());
    if let Ok(envelope) = Envelope::from_json(bytes) {
        let json = envelope.to_json();
        assert!(json.is_ok_and(|json| Envelope::from_json(&json) == Ok(envelope)));
    }
    if let Ok(set) = KeySet::from_trusted_json(bytes) {
        let json = set.to_json().expect("what was read can be written");
        assert_eq!(KeySet::from_trusted_json(&json), Ok(set));
    }
    if let Ok(entry) = LogEntry::from_json(bytes) {
        assert_eq!(entry.to_json().as_deref(), Ok(bytes));
        let head = entry.sign(&[&key]).expect("a small envelope");
        // Only a promotion of a signed release is a head.
        let _ = LogMark::of_head(&head, &keys, None);
    }
    // A payload by the right key, whatever it says.
    let mut envelope = Envelope::unsigned(Manifest::PAYLOAD_TYPE, bytes.to_vec());
    envelope.sign(&key);
    let Ok(json) = envelope.to_json() else { return };
    if let Ok(verified) = trust.manifest(&json, None) {
        assert_eq!(verified.manifest().to_json().as_deref(), Ok(bytes));
        assert!(verified.with_artifact(bytes).is_err());
    }
});
