//! Servers whose certificates come from an authority of one's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use picket_trainer::alert::{AlertState, Rules, Signal, Webhook};
use picket_trainer::publish::{PublishError, ReleaseStore, S3Settings, S3Store};

use crate::bucket_server::{BUCKET, BucketServer, KEY, SECRET};
use crate::rules;
use crate::tls_relay::TlsRelay;

fn open(relay: &TlsRelay, authority: Option<PathBuf>) -> Result<S3Store, PublishError> {
    let settings = S3Settings {
        endpoint: Some(relay.origin()),
        region: Some("eu-central-1".to_owned()),
        credentials: Some((KEY.to_owned(), SECRET.to_owned())),
        ca_bundle: authority,
    };
    S3Store::open(&format!("s3://{BUCKET}/picket"), &settings)
}

#[test]
fn a_model_goes_its_way_over_tls() {
    let server = BucketServer::start();
    let relay = TlsRelay::start(server.address).unwrap();
    rules::a_model_goes_its_way(&open(&relay, Some(relay.authority.clone())).unwrap());
}

#[test]
fn a_bucket_with_a_certificate_by_another_authority_is_not_talked_to() {
    let server = BucketServer::start();
    let relay = TlsRelay::start(server.address).unwrap();
    for authority in [None, Some(relay.stranger.clone())] {
        let store = open(&relay, authority).unwrap();
        let error = store.create("x", b"y").unwrap_err().to_string();
        assert!(error.to_lowercase().contains("certificate"), "{error}");
    }
    let none = relay.no_authority().unwrap();
    let error = open(&relay, Some(none)).unwrap_err().to_string();
    assert!(error.contains("found none"), "{error}");
    let broken = relay.stranger.with_file_name("broken.pem");
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&broken, text).unwrap();
    assert!(open(&relay, Some(broken)).is_err(), "an error, no panic");
}

fn raised() -> AlertState {
    let mut state = AlertState::in_memory();
    let rules = Rules {
        raise_after: 1,
        ..Rules::default()
    };
    let signal = Signal {
        key: "node_silent/a".to_owned(),
        rule: "node_silent",
        is_wrong: true,
        message: "has sent nothing".into(),
        stays_unseen: true,
    };
    state.take(&[signal], &rules, 77);
    state
}

#[test]
fn alerts_go_over_tls_to_a_webhook_whose_authority_is_named() {
    let answer = "HTTP/1.1 204 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let relay = TlsRelay::answering(answer.to_owned()).unwrap();
    let webhook = |authority: Option<&Path>| {
        let webhook = Webhook::new(&relay.origin(), b"a secret of this test").unwrap();
        let webhook = match authority {
            Some(file) => webhook.trusting(file).unwrap(),
            None => webhook,
        };
        webhook.with_patience(Vec::new(), Duration::from_secs(5))
    };
    let mut state = raised();
    assert!(webhook(None).tell(&mut state).is_err());
    assert!(webhook(Some(&relay.stranger)).tell(&mut state).is_err());
    assert_eq!(webhook(Some(&relay.authority)).tell(&mut state).unwrap(), 1);
    let plain = Webhook::new(&relay.origin(), b"a secret of this test").unwrap();
    assert!(plain.trusting(&relay.no_authority().unwrap()).is_err());
}
