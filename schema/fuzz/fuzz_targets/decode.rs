//! Any bytes: decoding never panics, and what it accepts comes back byte for byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use picket_schema::Artifact;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(artifact) = Artifact::decode(bytes) {
        assert_eq!(artifact.encode().expect("what was read can be written"), bytes);
    }
});
