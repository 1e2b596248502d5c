//! What the component carries; the build script lists it.

include!(concat!(env!("OUT_DIR"), "/bundle.rs"));
