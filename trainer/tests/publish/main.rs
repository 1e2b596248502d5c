//! Releases in a directory and in a bucket: numbered, whole or not there, never written again.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

#[cfg(feature = "s3")]
mod bucket;
#[cfg(feature = "s3")]
mod bucket_server;
mod command_line;
mod directory;
mod failing_store;
#[cfg(feature = "s3")]
mod private_authority;
mod rules;
mod signers;
#[cfg(feature = "s3")]
#[path = "../../../edge-runtime/tests/tls_relay/mod.rs"]
mod tls_relay;

use std::sync::OnceLock;

use picket_trainer::publish::Package;
use picket_trainer::{
    Learner, LogisticSettings, Reporter, TrainOptions, phishing_schema, synthetic_rows, train,
};

/// Two models that differ, as files.
fn models() -> &'static [Vec<u8>; 2] {
    static MODELS: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    MODELS.get_or_init(|| {
        let data = synthetic_rows(&phishing_schema().unwrap(), 300, 1).unwrap();
        [1.0, 2.0].map(|l2| {
            let options = TrainOptions::new(Learner::Logistic(LogisticSettings { l1: 0.0, l2 }));
            train(&data, &options, Reporter::Silent).unwrap().bytes
        })
    })
}

fn package(model: usize) -> Package {
    Package {
        artifact: models()[model].clone(),
        run_id: Some(format!("run-{model}")),
        user: Some("somebody".to_owned()),
        host: None,
    }
}
