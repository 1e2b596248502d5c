//! Releases in a bucket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use picket_trainer::publish::{ReleaseStore, Releases, S3Settings, S3Store};

use crate::bucket_server::{BUCKET, BucketServer, KEY, SECRET};
use crate::{package, rules};

fn open(endpoint: &str) -> S3Store {
    let settings = S3Settings {
        endpoint: Some(endpoint.to_owned()),
        region: Some("eu-central-1".to_owned()),
        credentials: Some((KEY.to_owned(), SECRET.to_owned())),
        ca_bundle: None,
    };
    S3Store::open(&format!("s3://{BUCKET}/picket/phishing"), &settings).unwrap()
}

fn in_bucket(test: impl FnOnce(&dyn ReleaseStore)) {
    let server = BucketServer::start();
    test(&open(&server.endpoint()));
}

#[test]
fn a_model_goes_its_way() {
    in_bucket(rules::a_model_goes_its_way);
}

#[test]
fn what_stands_stays() {
    in_bucket(rules::what_stands_stays);
}

#[test]
fn half_a_release_is_none() {
    in_bucket(rules::half_a_release_is_none);
}

#[test]
fn a_damaged_release_is_not_promoted() {
    in_bucket(rules::a_damaged_release_is_not_promoted);
}

#[test]
fn publishers_do_not_meet() {
    let server = BucketServer::start();
    let endpoint = server.endpoint();
    rules::publishers_do_not_meet(&|| open(&endpoint));
}

/// Passes on the first bytes of what a client sends, then hangs up.
fn torn_wire(to: SocketAddr, n_bytes: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let server = TcpStream::connect(to).unwrap();
                let answers = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || {
                    let (mut from, mut into) = answers;
                    let _ = std::io::copy(&mut from, &mut into);
                });
                let (mut from, mut into) = (client, server);
                let _ = std::io::copy(&mut (&mut from).take(n_bytes as u64), &mut into);
                let _ = into.flush();
                let _ = into.shutdown(std::net::Shutdown::Both);
                let _ = from.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    endpoint
}

#[test]
fn an_upload_that_breaks_off_is_not_there() {
    let server = BucketServer::start();
    let whole = open(&server.endpoint());
    // Enough for the questions before the upload and for some of it, on one connection or more.
    let torn = open(&torn_wire(server.address, 6000));
    let error = Releases::new(&torn).publish(&package(0)).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(Releases::new(&whole).list().unwrap().is_empty());
    assert!(
        whole
            .read("releases/1/model.picket", 1 << 20)
            .unwrap()
            .is_none(),
        "not even a part of the artifact"
    );
    let made = Releases::new(&whole).publish(&package(0)).unwrap();
    Releases::new(&whole).promote(made.release).unwrap();
}

#[test]
fn wrong_keys_are_said_without_showing_them() {
    let server = BucketServer::start();
    let settings = S3Settings {
        endpoint: Some(server.endpoint()),
        region: None,
        credentials: Some(("nobody".to_owned(), SECRET.to_owned())),
        ca_bundle: None,
    };
    let store = S3Store::open("s3://models", &settings).unwrap();
    let error = Releases::new(&store).list().unwrap_err();
    let shown = format!("{error} {error:?} {store:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(error.to_string().starts_with("s3://models/"), "{error}");
}
