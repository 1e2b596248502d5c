//! What an attacker may try between trainer and edge, one test each, with the outcome. SECURITY.md lists them.
//!
//! The attacker holds the source and the network, not the signing keys and not the device's state. In every
//! test the edge serves release 1 (or 5) first, the attack is made, and what is served afterwards is looked at.

#[path = "../../service/tests/fixture/mod.rs"]
mod fixture;
#[path = "../tls_relay/mod.rs"]
mod tls_relay;

mod bucket;
mod edge;
mod erasure;
mod faulty;
mod forged;
mod keys;
mod lasting;
mod logged;
mod old;
mod private_authority;
mod trainers_store;

type Tested = Result<(), Box<dyn std::error::Error>>;
